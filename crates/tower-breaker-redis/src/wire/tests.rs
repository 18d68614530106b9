use super::*;

#[test]
fn a_line_reads_as_it_was_written() {
    let line = Line {
        epoch: 7,
        state: State::ForcedOpen,
        since: 1_700_000_000_000,
        wait: 30_000,
        row: 2,
        mode: Some(Mode::Observe),
        enforcement: Some(0.25),
        until: -1,
    };
    assert_eq!(Line::read(&mut line.write().split(' ')), Some(line));
}

/// The script takes digits and a point, and nothing else.
#[test]
fn a_share_is_written_as_a_plain_decimal() {
    for (share, word) in [(-0.0, "0"), (1.0, "1"), (1e-7, "0.0000001"), (0.1 + 0.2, "0.30000000000000004")] {
        assert_eq!(share_word(Some(share)), word);
    }
    assert_eq!(share_word(None), "-");
}

#[test]
fn words_of_others_are_no_line() {
    for text in ["", "x", "1 zz 1 1 1 - - -1", "1 c 1 1 1 q - -1", "1 c 1 1 1 - 7 -1", "-1 c 1 1 1 - - -1", "1 c 1 1"] {
        assert_eq!(Line::read(&mut text.split(' ')), None, "{text}");
    }
    assert!(Answer::read("! WRONGTYPE").is_err_and(|reason| reason == "WRONGTYPE"));
    assert!(Answer::read("1 c 0 0 0 - - -1 nobody 0 0 0 0 0 - -").is_err());
}

#[test]
fn waits_end_when_they_end_and_never_grow() {
    let line = Line::read(&mut "3 o 1000 500 1 - - -1".split(' ')).expect("a line");
    assert_eq!(line.remaining(1_200), Duration::from_millis(300));
    assert_eq!(line.remaining(9_000), Duration::ZERO);
    assert_eq!(line.remaining(0), Duration::from_millis(500), "Redis's clock was set back");
}

#[test]
fn every_ask_has_the_words_the_script_counts() {
    let rules = Rules::of(&CircuitBreakerConfig::default(), Duration::from_secs(10), Duration::from_secs(3));
    assert_eq!((rules.width, rules.minimum, rules.base, rules.cap), (500, 20, 2_000, 60_000));
    let ask = Ask {
        act: Act::Hand(None),
        epoch: 0,
        state: State::Closed,
        remaining: Duration::MAX,
        row: 0,
        mode: None,
        enforcement: None,
        force_left: None,
        calls: 1,
        failures: 1,
        slow: 0,
        rules,
    };
    assert_eq!(ask.words().count(), Ask::WORDS);
    assert!(
        include_str!("../scripts/exchange.lua")
            .contains(&format!("local STRIDE, FIRST, BUCKETS = {}, 5, {BUCKETS}", Ask::WORDS))
    );
    assert!(ask.words().all(|word| !word.is_empty() && !word.contains(' ')));
}

#[test]
fn a_window_of_calls_and_a_short_one_become_times() {
    let config = CircuitBreakerConfig::builder().sliding_window(SlidingWindow::calls(100)).build().expect("valid");
    assert_eq!(Rules::of(&config, Duration::from_secs(10), Duration::from_secs(3)).width, 1_000);
    let config = CircuitBreakerConfig::builder()
        .sliding_window(SlidingWindow::time(Duration::from_millis(50)))
        .build()
        .expect("valid");
    assert_eq!(Rules::of(&config, Duration::from_secs(10), Duration::from_secs(3)).width, 300);
}

#[test]
fn an_answer_is_read_as_the_script_writes_it() {
    let answer = Answer::read("7 o 1000 500 2 e 0.5 9000 other 1500 40 30 20 3 w -").expect("an answer");
    let line = Line {
        epoch: 7,
        state: State::Open,
        since: 1_000,
        wait: 500,
        row: 2,
        mode: Some(Mode::Enforce),
        enforcement: Some(0.5),
        until: 9_000,
    };
    assert_eq!((&answer.line, answer.lease, answer.lease_left), (&line, Lease::Other, Duration::from_millis(1_500)));
    assert_eq!((answer.calls, answer.failures, answer.slow, answer.seen_by), (40, 30, 20, 3));
    assert_eq!((answer.damaged.as_deref(), answer.late), (Some("w"), false));
    assert!(Answer::read("1 c 0 0 0 - - -1 - 0 0 0 0 0 - late").is_ok_and(|answer| answer.late));
    let answer = |lease: &str| Answer::read(&format!("1 c 0 0 0 - - -1 {lease} 0 0 0 0 0 - -")).expect("an answer");
    assert_eq!((answer("-").lease, answer("me").lease, answer("-").damaged), (Lease::Free, Lease::Mine, None));
}

#[test]
fn an_ask_is_written_as_the_script_reads_it() {
    let config = CircuitBreakerConfig::builder()
        .slow_call_duration_threshold(Duration::from_secs(1))
        .slow_call_rate_threshold(0.75)
        .open_duration_multiplier(f64::MAX);
    let config = config.build().expect("valid");
    let mut ask = Ask {
        act: Act::Report,
        epoch: 7,
        state: State::Open,
        remaining: Duration::from_millis(1_500),
        row: 2,
        mode: Some(Mode::Observe),
        enforcement: Some(0.25),
        force_left: Some(Duration::from_millis(900)),
        calls: 5,
        failures: 3,
        slow: 1,
        rules: Rules::of(&config, Duration::from_secs(10), Duration::from_secs(3)),
    };
    for (act, state, word) in [
        (Act::Report, "o", "-"),
        (Act::Want, "o", "want"),
        (Act::Close, "o", "close"),
        (Act::Reopen, "o", "reopen"),
        (Act::Leave, "o", "leave"),
        (Act::Hand(None), "o", "keep"),
        (Act::Hand(Some(State::ForcedOpen)), "fo", "hand"),
        (Act::Hand(Some(State::ForcedClosed)), "fc", "hand"),
        (Act::Hand(Some(State::Reset)), "r", "hand"),
    ] {
        ask.act = act;
        let words = ask.words().collect::<Vec<_>>().join(" ");
        assert_eq!(words, format!("7 {state} 1500 2 o 0.25 900 5 3 1 500 0.5 0.75 20 2000 1000000000 60000 {word}"));
    }
    let config = CircuitBreakerConfig::builder().failure_threshold(3).failure_rate_threshold(None).build();
    let rules = Rules::of(&config.expect("valid"), Duration::from_secs(10), Duration::from_secs(3));
    ask = Ask { act: Act::Report, mode: Some(Mode::Enforce), enforcement: None, force_left: None, rules, ..ask };
    let words = ask.words().collect::<Vec<_>>().join(" ");
    assert_eq!(words, "7 o 1500 2 e - -1 5 3 1 500 -1 -1 20 2000 1.2 60000 -");
}
