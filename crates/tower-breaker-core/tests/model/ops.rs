//! What may be done to a circuit, and how configurations and sequences are drawn.

use std::time::Duration;

use proptest::{option, prelude::*, sample::select};
use tower_breaker_core::{CircuitBreakerConfig, Mode, OnCancel, Outcome, SlidingWindow};

#[derive(Debug, Clone)]
pub(crate) enum Op {
    Advance(Duration),
    /// To the next deadline of the circuit (the end of a wait, of a force, of a probe), or a nanosecond beside it.
    AdvanceToEdge(Beside),
    Acquire,
    AcquireQuietly,
    /// A call that ends before anybody waits for it.
    Call(Outcome),
    CallThatPanics,
    /// What stands behind the circuit fails before there is a call.
    FailUnready,
    Check,
    /// Compares everything that can be seen. Looking brings a circuit up to date, so that what nobody looks at goes
    /// other ways.
    Look,
    /// Ends one of the permits that are out.
    Record(usize, Outcome),
    RecordAfter(usize, Outcome, Duration),
    Drop(usize),
    Panic(usize),
    /// Ends the oldest permit, most likely of an older generation.
    Late(Outcome),
    ForceOpen,
    ForceOpenFor(Duration),
    ForceClosed,
    Reset,
    SetMode(Mode),
    SetEnforcement(f64),
    Reconfigure(CircuitBreakerConfig),
    RemoteOpen(Duration),
    RemoteClose,
    HoldProbes(Duration),
    /// A circuit of the same ejection group trips if it may, or is well again.
    Other(usize, Health),
    /// Keeps what is there to be known, for `Restore`.
    Export,
    /// Takes over what was last kept, in the life of the same circuit.
    Restore,
    /// The process ends, is down for so long, and takes over what it knew; whatever was out is gone. Meanwhile somebody
    /// steps the wall clock.
    Restart(Duration, Step),
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Health {
    Sick,
    Well,
}

/// A step of the wall clock.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Step {
    None,
    AnHourAhead,
    AnHourBack,
}

/// What is not an operation: where the circuit stands.
#[derive(Debug, Clone)]
pub(crate) struct Setting {
    pub(crate) config: CircuitBreakerConfig,
    /// It is in an ejection group of which this share may be out, with so many others.
    pub(crate) group: Option<(f64, usize)>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Beside {
    Before,
    At,
    After,
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const NANOSECOND: Duration = Duration::from_nanos(1);

pub(crate) fn ops() -> impl Strategy<Value = Vec<Op>> {
    prop::collection::vec(op(), 1..200)
}

pub(crate) fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        20 => Just(Op::Acquire),
        30 => outcome().prop_map(Op::Call),
        30 => Just(Op::Look),
        1 => Just(Op::AcquireQuietly),
        1 => Just(Op::Check),
        1 => Just(Op::FailUnready),
        1 => Just(Op::CallThatPanics),
        20 => (any::<usize>(), outcome()).prop_map(|(which, outcome)| Op::Record(which, outcome)),
        6 => (any::<usize>(), outcome(), elapsed()).prop_map(|(which, outcome, took)| Op::RecordAfter(which, outcome, took)),
        4 => any::<usize>().prop_map(Op::Drop),
        2 => any::<usize>().prop_map(Op::Panic),
        2 => outcome().prop_map(Op::Late),
        8 => elapsed().prop_map(Op::Advance),
        8 => select(vec![Beside::Before, Beside::At, Beside::After]).prop_map(Op::AdvanceToEdge),
        6 => by_hand(),
        2 => (any::<usize>(), select(vec![Health::Sick, Health::Well])).prop_map(|(which, how)| Op::Other(which, how)),
        3 => restart(),
    ]
}

fn by_hand() -> impl Strategy<Value = Op> {
    prop_oneof![
        1 => Just(Op::ForceOpen),
        1 => wait().prop_map(Op::ForceOpenFor),
        1 => Just(Op::ForceClosed),
        2 => Just(Op::Reset),
        1 => mode().prop_map(Op::SetMode),
        1 => share().prop_map(Op::SetEnforcement),
        4 => config().prop_map(Op::Reconfigure),
        1 => wait().prop_map(Op::RemoteOpen),
        1 => Just(Op::RemoteClose),
        1 => wait().prop_map(Op::HoldProbes),
    ]
}

fn restart() -> impl Strategy<Value = Op> {
    let step = prop_oneof![4 => Just(Step::None), 1 => Just(Step::AnHourAhead), 1 => Just(Step::AnHourBack)];
    prop_oneof![
        1 => Just(Op::Export),
        1 => Just(Op::Restore),
        2 => (elapsed(), step).prop_map(|(down, step)| Op::Restart(down, step)),
    ]
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        9 => Just(Outcome::Success),
        7 => Just(Outcome::Failure),
        2 => wait().prop_map(Outcome::FailureRetryAfter),
        2 => Just(Outcome::Ignored),
    ]
}

/// Steps of time around everything that a configuration may ask for.
fn elapsed() -> impl Strategy<Value = Duration> {
    let round = select(vec![ms(0), ms(1), ms(10), ms(20), ms(64), ms(100), ms(1_000), ms(2_000), ms(5_000)]);
    (round, any::<bool>()).prop_map(|(time, more)| if more { time + NANOSECOND } else { time })
}

/// Powers of two, so that no growth is ever rounded.
fn wait() -> impl Strategy<Value = Duration> {
    select(vec![ms(0), ms(1), ms(64), ms(128), ms(1_024), ms(8_192)])
}

fn mode() -> impl Strategy<Value = Mode> {
    prop_oneof![3 => Just(Mode::Enforce), 1 => Just(Mode::Observe)]
}

fn share() -> impl Strategy<Value = f64> {
    prop_oneof![4 => Just(1.0), 1 => Just(0.0), 1 => Just(0.5)]
}

fn window() -> impl Strategy<Value = SlidingWindow> {
    let time = (select(vec![ms(10), ms(20), ms(100)]), 1u32..=4).prop_map(|(bucket, n)| (bucket * n, n));
    prop_oneof![
        (1u32..=9).prop_map(SlidingWindow::calls),
        time.prop_map(|(time, buckets)| SlidingWindow::time_in(time, buckets)),
    ]
}

/// What decides in half-open.
#[derive(Debug, Clone, Copy)]
enum Rule {
    Consecutive(u32, u32),
    Rate(u32),
}

fn rule() -> impl Strategy<Value = Rule> {
    prop_oneof![
        (1u32..=4, 1u32..=4).prop_map(|(successes, places)| Rule::Consecutive(successes, places)),
        (1u32..=5).prop_map(Rule::Rate),
    ]
}

fn rate() -> impl Strategy<Value = f64> {
    select(vec![0.01, 0.25, 1.0 / 3.0, 0.5, 0.7, 1.0])
}

pub(crate) fn setting() -> impl Strategy<Value = Setting> {
    let group = (select(vec![0.0, 0.34, 0.5, 1.0]), 0usize..=3);
    (config(), option::weighted(0.4, group)).prop_map(|(config, group)| Setting { config, group })
}

fn config() -> impl Strategy<Value = CircuitBreakerConfig> {
    let trips = (option::of(1u32..=4), option::of(rate()), option::of(select(vec![ms(1), ms(20)])), rate())
        .prop_filter("one condition is on", |(row, rate, slow, _)| row.is_some() || rate.is_some() || slow.is_some());
    let counted = (window(), 1u32..=9, option::weighted(0.3, select(vec![ms(1_000), ms(2_000)])));
    let opened =
        (select(vec![ms(64), ms(128), ms(1_024)]), select(vec![1.0, 1.5, 2.0]), select(vec![1, 2, 5, u32::MAX]));
    let probed = (rule(), option::of(select(vec![ms(20), ms(100), ms(1_000)])));
    let shares = (
        option::weighted(0.4, select(vec![ms(1), ms(64), ms(1_024)])),
        option::weighted(0.4, select(vec![1.0f64.next_up(), 1.1, 1.5, 2.0, 4.0])),
    );
    let on_cancel = prop_oneof![
        Just(OnCancel::Ignore),
        Just(OnCancel::Failure),
        select(vec![ms(0), ms(20), ms(1_000)]).prop_map(OnCancel::FailureAfter),
    ];
    (trips, counted, opened, probed, on_cancel, (mode(), share()), shares).prop_map(
        |(trips, counted, opened, probed, on_cancel, (mode, share), (ramp, throttle))| {
            let (row, rate, slow_after, slow_rate) = trips;
            let (window, minimum, max_age) = counted;
            let (open, growth, cap) = opened;
            let most = if let SlidingWindow::Calls(calls) = window { calls } else { u32::MAX };
            let builder = CircuitBreakerConfig::builder()
                .failure_threshold(row)
                .failure_rate_threshold(rate)
                .slow_call_duration_threshold(slow_after)
                .slow_call_rate_threshold(slow_rate)
                .sliding_window(window)
                .minimum_calls(minimum.min(most))
                .max_age(max_age)
                .open_duration(open)
                .open_duration_multiplier(growth)
                .max_open_duration(open.saturating_mul(cap))
                .open_duration_jitter(0.0)
                .half_open_timeout(probed.1)
                .on_cancel(on_cancel)
                .mode(mode)
                .enforcement(share)
                .recovery_ramp(ramp)
                .throttle(throttle.filter(|_| matches!(window, SlidingWindow::Time(..))));
            let judged_by_rate = rate.is_some() || slow_after.is_some();
            let builder = match probed.0 {
                Rule::Rate(calls) if judged_by_rate => builder.permitted_calls(calls),
                Rule::Rate(calls) => builder.success_threshold(calls),
                Rule::Consecutive(successes, places) => {
                    builder.success_threshold(successes).half_open_max_concurrent(places)
                }
            };
            builder.build().expect("only valid configurations are drawn")
        },
    )
}
