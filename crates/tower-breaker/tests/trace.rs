//! What a log is told, read by a subscriber of these tests.

use std::{
    collections::BTreeMap,
    fmt::Debug,
    sync::{Arc, LazyLock, Mutex},
    time::Duration,
};

use ::tower::{Layer, ServiceBuilder, service_fn};
use tower_breaker::{
    BulkheadFull, Circuit, CircuitBreakerLayer, Circuits, Error, Exhausted, FallbackLayer, Interruption, Mode,
    RateLimited, RetryLayer, TimedOut, TimeoutKind, TokioClock, TraceEvents,
    fallback::{self, Cause},
    retry::{Jitter, RetryConfig},
};
use tracing::{
    Dispatch, Event, Metadata, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
    span::{Attributes, Id, Record},
    subscriber::with_default,
};

use crate::support::{ask, built, config, trip};

const SECOND: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
struct Told {
    level: String,
    target: String,
    fields: BTreeMap<&'static str, String>,
}

impl Visit for Told {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.fields.insert(field.name(), format!("{value:?}"));
    }
}

/// Keeps every event up to a level.
struct Log {
    up_to: LevelFilter,
    told: Arc<Mutex<Vec<Told>>>,
}

impl Subscriber for Log {
    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.up_to)
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.up_to
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        let mut told =
            Told { level: metadata.level().to_string(), target: metadata.target().into(), ..Told::default() };
        event.record(&mut told);
        self.told.lock().unwrap().push(told);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Wants nothing, and is never anybody's default.
///
/// Where one subscriber is all that a process has, tracing asks the thread that first comes by an event whether anybody wants
/// it, and believes a thread of another test, which has no subscriber, for good. So there is always this one beside it; and
/// as it wants nothing, no event is asked about before there is another.
static BESIDE: LazyLock<Dispatch> =
    LazyLock::new(|| Dispatch::new(Log { up_to: LevelFilter::OFF, told: Arc::default() }));

/// What is told while `act` runs, each event in a line: level, message, and the fields by name.
fn told(up_to: LevelFilter, act: impl FnOnce()) -> Vec<String> {
    let told = Arc::default();
    LazyLock::force(&BESIDE);
    with_default(Log { up_to, told: Arc::clone(&told) }, act);
    let told = std::mem::take(&mut *told.lock().unwrap());
    let lines = told.into_iter().filter(|it| it.target == "tower_breaker").map(|mut it| {
        let message = it.fields.remove("message").unwrap();
        let fields: Vec<_> = it.fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!("{} {message}: {}", it.level, fields.join(" "))
    });
    lines.collect()
}

/// On one thread, which is the one whose events are kept.
fn run<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(future)
}

fn observed(name: &str, events: TraceEvents) -> Circuit {
    let circuit = Circuit::builder(name).config(config(2).build().unwrap()).clock(TokioClock::new()).build();
    circuit.observe(events);
    circuit
}

#[test]
fn a_trip_is_a_warning_that_says_why_and_for_how_long_and_the_way_back_is_information() {
    let told = told(LevelFilter::INFO, || {
        run(async {
            let circuit = observed("orders", TraceEvents::new());
            trip(&circuit);
            tokio::time::advance(Duration::from_secs(10)).await;
            circuit.try_acquire().unwrap().record(tower_breaker::Outcome::Success);
            circuit.force_open();
            circuit.reset();
        });
    });
    assert_eq!(
        told,
        [
            "WARN circuit opened: circuit=\"orders\" from=\"closed\" generation=1 mode=\"enforce\" \
             reason=\"failures_in_row\" to=\"open\" wait_ms=10000",
            "INFO circuit changed: circuit=\"orders\" from=\"open\" generation=2 mode=\"enforce\" to=\"half_open\"",
            "INFO circuit changed: circuit=\"orders\" from=\"half_open\" generation=3 mode=\"enforce\" to=\"closed\"",
            "WARN circuit opened: circuit=\"orders\" from=\"closed\" generation=4 mode=\"forced_open\" reason=\"forced\" to=\"open\" \
             wait_ms=0",
            "INFO circuit changed: circuit=\"orders\" from=\"open\" generation=5 mode=\"enforce\" to=\"closed\"",
        ]
    );
}

#[test]
fn the_end_of_a_forced_open_is_information() {
    let told = told(LevelFilter::INFO, || {
        run(async {
            let circuit = observed("orders", TraceEvents::new());
            circuit.force_open_for(SECOND);
            tokio::time::advance(SECOND).await;
            let _ = circuit.snapshot();
        });
    });
    assert_eq!(
        told[1..],
        [
            "INFO circuit no longer forced open: circuit=\"orders\" from=\"open\" generation=2 mode=\"enforce\" to=\"open\""
        ]
    );
}

#[test]
fn rates_are_told_where_there_are_any() {
    let told = told(LevelFilter::WARN, || {
        run(async {
            let rates = config(2).failure_threshold(None).failure_rate_threshold(0.5).minimum_calls(4);
            let circuit = built(rates);
            circuit.observe(TraceEvents::new());
            trip(&circuit);
        });
    });
    assert_eq!(told.len(), 1);
    assert!(told[0].contains("failure_rate=1.0 ") && told[0].contains("reason=\"failure_rate\""), "{told:?}");
}

#[test]
fn refusals_are_told_at_debug_and_say_whether_they_were_carried_out() {
    let told = told(LevelFilter::DEBUG, || {
        run(async {
            let circuit = observed("orders", TraceEvents::new());
            trip(&circuit);
            circuit.set_mode(Mode::Observe);
            drop(circuit.try_acquire().unwrap());
        });
    });
    assert_eq!(
        told[1..],
        [
            "DEBUG call refused: circuit=\"orders\" enforced=true reason=\"open\"",
            "DEBUG call refused: circuit=\"orders\" enforced=false reason=\"open\"",
        ]
    );
}

#[test]
fn without_debug_no_refusal_is_asked_for_unless_it_is_wanted() {
    use tower_breaker::Observe;

    told(LevelFilter::INFO, || {
        assert!(!TraceEvents::new().wants_refusals());
        assert!(TraceEvents::new().refusals(true).wants_refusals());
    });
    told(LevelFilter::DEBUG, || assert!(TraceEvents::default().wants_refusals()));
}

#[test]
fn each_retry_is_told_once_with_its_number_and_its_wait() {
    let told = told(LevelFilter::DEBUG, || {
        run(async {
            let layer = RetryLayer::new(RetryConfig::builder().jitter(Jitter::None).build().unwrap());
            let mut service = layer.layer(service_fn(|_: ()| async { Err::<(), _>(std::io::Error::other("down")) }));
            let _ = ask(&mut service, ()).await;
        });
    });
    assert_eq!(told, ["DEBUG retrying: attempt=2 wait_ms=100", "DEBUG retrying: attempt=3 wait_ms=200"]);
}

#[test]
fn a_fallback_is_told_with_its_circuit_its_kind_and_its_cause() {
    let told = told(LevelFilter::DEBUG, || {
        run(async {
            let circuit = observed("orders", TraceEvents::new().refusals(false));
            trip(&circuit);
            let mut service = ServiceBuilder::new()
                .layer(FallbackLayer::new(fallback::value(7)).circuit(circuit.clone()))
                .layer(CircuitBreakerLayer::new(circuit))
                .service(service_fn(|_: ()| async { Ok::<_, &str>(1) }));
            assert_eq!(ask(&mut service, ()).await, Ok::<_, Error<&str>>(7));
        });
    });
    assert_eq!(told[1..], ["DEBUG fallback answered: cause=\"circuit_open\" circuit=\"orders\" kind=\"value\""]);
}

#[test]
fn a_fallback_without_a_circuit_is_told_with_each_cause() {
    let causes: [(Cause, &str); 5] = [
        (Cause::Interrupted(Interruption::Refused(BulkheadFull::default().into())), "bulkhead_full"),
        (Cause::Interrupted(Interruption::Refused(RateLimited::new(SECOND).into())), "rate_limited"),
        (Cause::Interrupted(Interruption::TimedOut(TimedOut::new(TimeoutKind::Whole, SECOND))), "timed_out"),
        (Cause::Exhausted(Exhausted::new(3)), "exhausted"),
        (Cause::Failed, "failed"),
    ];
    for (cause, word) in causes {
        let told = told(LevelFilter::DEBUG, || {
            run(async {
                let mut service = FallbackLayer::on_errors(fallback::value(7))
                    .when(|_: &Result<u32, &str>| Some(cause.clone()))
                    .layer(service_fn(|()| async { Err::<u32, _>("down") }));
                assert_eq!(ask(&mut service, ()).await, Ok(7));
            });
        });
        assert_eq!(told, [format!("DEBUG fallback answered: cause=\"{word}\" kind=\"value\"")]);
    }
}

#[test]
fn a_hostile_name_does_not_end_a_line() {
    let told = told(LevelFilter::INFO, || {
        run(async {
            let circuits = Circuits::builder().config(config(1).build().unwrap()).build();
            circuits.observe(TraceEvents::new());
            trip(&circuits.get_or_create("<script>\nERROR forged: line"));
        });
    });
    assert_eq!(told.len(), 1);
    assert!(told[0].contains(r#"circuit="<script>\nERROR forged: line""#) && !told[0].contains('\n'), "{told:?}");
}
