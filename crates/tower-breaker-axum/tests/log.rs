//! What the log is told of an operator, read by a subscriber of these tests.

use std::{
    collections::BTreeMap,
    fmt::Debug,
    sync::{Arc, LazyLock, Mutex},
};

use tracing::{
    Dispatch, Event, Metadata, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
    span::{Attributes, Id, Record},
    subscriber::with_default,
};

use crate::support::{Shown, TOKEN, send};

const BEARER: (&str, &str) = ("authorization", "Bearer correct-horse-battery");

#[derive(Debug, Default)]
struct Fields(BTreeMap<&'static str, String>);

impl Visit for Fields {
    // As a log would write it that trusts texts.
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

/// Keeps every event up to a level, each in a line: level, message, and the fields by name.
#[derive(Clone)]
struct Log {
    up_to: LevelFilter,
    lines: Arc<Mutex<Vec<String>>>,
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
        let mut fields = Fields::default();
        event.record(&mut fields);
        let message = fields.0.remove("message").unwrap_or_default();
        let rest: Vec<_> = fields.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let (level, target) = (event.metadata().level(), event.metadata().target());
        self.lines.lock().unwrap().push(format!("{level} {target} {message}: {}", rest.join(" ")));
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
    LazyLock::new(|| Dispatch::new(Log { up_to: LevelFilter::OFF, lines: Arc::default() }));

/// Path, fields and body of a POST.
type Asked<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str);

/// What is told of these requests, on the one thread whose events are kept.
fn told(shown: &Shown, requests: &[Asked<'_>]) -> Vec<String> {
    let log = Log { up_to: LevelFilter::TRACE, lines: Arc::default() };
    LazyLock::force(&BESIDE);
    with_default(log.clone(), || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        for (path, fields, body) in requests {
            runtime.block_on(send(&shown.app, "POST", path, fields, body));
        }
    });
    let lines = std::mem::take(&mut *log.lines.lock().unwrap());
    lines.into_iter().filter(|line| line.contains("tower_breaker_axum")).collect()
}

#[test]
fn what_was_done_is_information_and_what_was_refused_a_warning() {
    let shown = Shown::commanded();
    let _ = shown.circuits.get_or_create("db");
    let lines = told(
        &shown,
        &[
            ("/circuits/db/force-open", &[BEARER], ""),
            ("/circuits/reset", &[BEARER], ""),
            ("/circuits/db/reset", &[], ""),
            ("/circuits/reset", &[("authorization", "Bearer guess-guess-guess-guess")], ""),
            ("/operator", &[("authorization", "Bearer guess-guess-guess-guess")], ""),
            ("/circuits/none/observe", &[BEARER], ""),
            ("/operator", &[BEARER], ""),
        ],
    );
    assert_eq!(
        lines,
        [
            "INFO tower_breaker_axum operator command: action=force-open circuit=\"db\"",
            "INFO tower_breaker_axum operator command: action=reset circuit=\"all circuits\"",
            "WARN tower_breaker_axum operator command refused: action=reset circuit=\"db\" \
             reason=the operator token is missing; send it as Authorization: Bearer TOKEN status=401",
            "WARN tower_breaker_axum operator command refused: action=reset circuit=\"all circuits\" \
             reason=the operator token is not the right one status=401",
            "WARN tower_breaker_axum operator command refused: action=check circuit=\"the token\" \
             reason=the operator token is not the right one status=401",
            "WARN tower_breaker_axum operator command refused: action=observe circuit=\"none\" \
             reason=there is no circuit of that name status=404",
        ]
    );
}

#[test]
fn neither_the_token_nor_a_guess_is_in_any_line() {
    let shown = Shown::commanded();
    let near = format!("Bearer {TOKEN}x");
    let body = format!("{{\"token\": \"{TOKEN}\"}}");
    let lines = told(
        &shown,
        &[
            ("/circuits/db/reset", &[("authorization", &near)], ""),
            ("/circuits/db/reset", &[("authorization", TOKEN)], ""),
            ("/circuits/reset", &[BEARER], &body),
            ("/circuits/reset?set=correct-horse-battery", &[BEARER], ""),
            ("/operator?token=correct-horse-battery", &[BEARER, BEARER], ""),
        ],
    );
    assert_eq!(lines.len(), 5, "{lines:?}");
    assert!(lines.iter().all(|line| !line.contains("correct-horse")), "{lines:?}");
}

#[test]
fn a_name_begins_no_line_of_its_own_and_is_cut_off() {
    let shown = Shown::commanded();
    let long = format!("/circuits/{}/reset", "%C3%A4".repeat(9_000));
    let lines = told(&shown, &[("/circuits/a%0AINFO%20all%20is%20well/reset", &[BEARER], ""), (&long, &[BEARER], "")]);
    assert!(lines[0].contains("circuit=\"a\\nINFO all is well\"") && !lines[0].contains('\n'), "{lines:?}");
    assert!(lines[1].contains(&format!("\"{}\"", "ä".repeat(100))), "{lines:?}");
}
