use http::{HeaderMap, Response};
use tower_breaker::{
    Outcome,
    classify::{Head, JudgeResponse},
};
use tower_http::classify::{ClassifiedResponse, ClassifyEos, ClassifyResponse};

/// Judges by a classifier of tower-http, for [`AtEndOfBody`](tower_breaker::classify::AtEndOfBody).
#[derive(Debug, Clone)]
pub(crate) struct ByTowerHttp<C>(pub(crate) C);

impl<C: ClassifyResponse + Clone> JudgeResponse for ByTowerHttp<C> {
    fn head<B>(&self, response: &Response<B>) -> Head {
        match self.0.clone().classify_response(response) {
            ClassifiedResponse::Ready(Err(_)) => Head::Decides(Outcome::Failure),
            ClassifiedResponse::Ready(Ok(())) | ClassifiedResponse::RequiresEos(_) => Head::Good,
        }
    }

    fn end(&self, trailers: Option<&HeaderMap>) -> Outcome {
        // A good head, for what it leaves to the trailers.
        let good = self.0.clone().classify_response(&Response::new(()));
        let ClassifiedResponse::RequiresEos(left) = good else { return Outcome::Success };
        if left.classify_eos(trailers).is_ok() { Outcome::Success } else { Outcome::Failure }
    }

    fn unread(&self) -> Outcome {
        match self.0.clone().classify_response(&Response::new(())) {
            ClassifiedResponse::Ready(_) => Outcome::Success,
            // What would have decided was not read.
            ClassifiedResponse::RequiresEos(_) => Outcome::Ignored,
        }
    }
}
