use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;
use tokio::time::Instant;
use tower_breaker_core::{Interruption, TimedOut, TimeoutKind};
use tower_service::Service;

use super::{Answer, Cause, FellBack, Mark, Trigger, service::Settings};
use crate::{refuse::Refuse, timer::Timer};

pin_project! {
    /// The call of a [`Fallback`](super::Fallback), and then, if need be, of what answers in its place.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it drops the call, or the fallback, that is under way.
    ///
    /// # Panics
    ///
    /// If polled after it has ended; where a fallback does not answer at once, if polled outside a tokio runtime with
    /// its timer on.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, Req, A, T, M, R>
    where
        S: Service<Req>,
        A: Answer<Req, S::Response, S::Error>,
        R: Refuse<Req, S::Response, S::Error>,
    {
        #[pin]
        kind: Kind<S::Future, A::Future, A::Kept, T, M, R::State>,
    }
}

pin_project! {
    #[project = KindProj]
    enum Kind<F, A, K, T, M, R> {
        // `kept` is absent where the fallback is off.
        Called { #[pin] inner: F, kept: Option<Kept<K, T, M, R>> },
        Answering {
            #[pin]
            answer: A,
            #[pin]
            timer: Timer,
            deadline: Option<Instant>,
            late: Option<(Arc<Settings<M>>, Cause, R)>,
        },
        Done,
    }
}

type Kept<K, T, M, R> = (Arc<Settings<M>>, T, K, R);

impl<S, Req, A, T, M, R> ResponseFuture<S, Req, A, T, M, R>
where
    S: Service<Req>,
    A: Answer<Req, S::Response, S::Error>,
    R: Refuse<Req, S::Response, S::Error>,
{
    pub(super) const fn new(inner: S::Future, kept: Option<Kept<A::Kept, T, M, R::State>>) -> Self {
        Self { kind: Kind::Called { inner, kept } }
    }
}

impl<S, Req, A, T, M, R> Future for ResponseFuture<S, Req, A, T, M, R>
where
    S: Service<Req>,
    A: Answer<Req, S::Response, S::Error>,
    T: Trigger<S::Response, S::Error>,
    M: Mark<S::Response>,
    R: Refuse<Req, S::Response, S::Error>,
{
    type Output = Result<R::Response, R::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut kind = self.project().kind;
        loop {
            match kind.as_mut().project() {
                KindProj::Called { inner, kept } => {
                    let own = ready!(inner.poll(cx));
                    let kept = kept.take();
                    // What the call held is free when the fallback starts.
                    kind.set(Kind::Done);
                    let fallen = kept.and_then(|(settings, trigger, kept, late)| {
                        let cause = trigger.cause(&own)?;
                        Some((settings, kept, late, cause))
                    });
                    let Some((settings, kept, late, cause)) = fallen else {
                        return Poll::Ready(outward::<_, _, _, R>(own));
                    };
                    match A::answer(kept, &cause, own) {
                        Ok(answer) => {
                            let deadline = Instant::now().checked_add(settings.timeout);
                            let late = Some((settings, cause, late));
                            kind.set(Kind::Answering { answer, timer: Timer::default(), deadline, late });
                        }
                        Err(own) => return Poll::Ready(outward::<_, _, _, R>(own)),
                    }
                }
                KindProj::Answering { answer, timer, deadline, late } => {
                    // Before the timer: an answer that is there by now counts.
                    if let Poll::Ready(answered) = answer.poll(cx) {
                        let (settings, cause, _) = late.take().expect("`ResponseFuture` polled after it has ended");
                        let marked = answered.map(|mut response| {
                            if let Some(circuit) = &settings.circuit {
                                circuit.record_fallback();
                            }
                            let fell_back = FellBack { kind: A::KIND, cause };
                            #[cfg(feature = "tracing")]
                            crate::trace::fell_back(settings.circuit.as_ref(), &fell_back);
                            settings.mark.mark(&mut response, fell_back);
                            response
                        });
                        return Poll::Ready(outward::<_, _, _, R>(marked));
                    }
                    ready!(timer.poll_over(*deadline, cx));
                    let (settings, _, state) = late.take().expect("`ResponseFuture` polled after it has ended");
                    let timeout = settings.timeout;
                    // Whoever gets the answer finds free what the late one held.
                    kind.set(Kind::Done);
                    let too_late = TimedOut::new(TimeoutKind::Fallback, timeout);
                    return Poll::Ready(R::refuse(state, Interruption::TimedOut(too_late)));
                }
                KindProj::Done => panic!("`ResponseFuture` polled after it has ended"),
            }
        }
    }
}

fn outward<Req, Res, E, R: Refuse<Req, Res, E>>(result: Result<Res, E>) -> Result<R::Response, R::Error> {
    match result {
        Ok(response) => Ok(R::response(response)),
        Err(error) => Err(R::error(error)),
    }
}

impl<S, Req, A, T, M, R> fmt::Debug for ResponseFuture<S, Req, A, T, M, R>
where
    S: Service<Req>,
    A: Answer<Req, S::Response, S::Error>,
    R: Refuse<Req, S::Response, S::Error>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let answering = matches!(self.kind, Kind::Answering { .. });
        f.debug_struct("ResponseFuture").field("answering", &answering).finish_non_exhaustive()
    }
}
