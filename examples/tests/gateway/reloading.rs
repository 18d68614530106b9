//! A routes file that changes under a running gateway.

use std::{sync::atomic::AtomicBool, sync::atomic::Ordering::Relaxed, thread};

use crate::{client::get, one_route, process::Gateway, until, upstream::Upstream};

const FEW: &str = "failure_threshold = 2\nopen_duration = \"60s\"";
const MANY: &str = "failure_threshold = 5\nopen_duration = \"60s\"";

#[test]
fn circuits_keep_their_state_and_new_thresholds_count() {
    let upstream = Upstream::start(|exchange| exchange.reply("500 No", ""));
    let gateway = Gateway::start(&one_route(&upstream, MANY));
    assert_eq!(get(gateway.at, "/a").status, 500);
    let file = gateway.file.as_ref().unwrap();
    file.write(&one_route(&upstream, FEW));
    gateway.signal("HUP");
    gateway.line("is in force: 1 routes; circuits keep their state");
    assert_eq!(get(gateway.at, "/a").status, 500);
    assert_eq!(get(gateway.at, "/a").status, 503, "one failure from before, one from after");

    file.write(&one_route(&upstream, MANY));
    gateway.signal("HUP");
    until("the second reload", || {
        (gateway.lines().iter().filter(|line| line.contains("is in force")).count() == 2).then_some(())
    });
    assert_eq!(get(gateway.at, "/a").status, 503, "still open");
}

#[test]
fn a_file_with_a_mistake_is_refused_whole() {
    let upstream = Upstream::start(|exchange| exchange.reply("500 No", ""));
    let gateway = Gateway::start(&one_route(&upstream, FEW));
    let file = gateway.file.as_ref().unwrap();
    let wrong = one_route(&upstream, MANY).replace("upstream =", "upstraem =");
    file.write(&wrong);
    gateway.signal("HUP");
    let line = gateway.line("upstraem");
    let said = format!(
        "{}:8: routes[0].upstraem is unknown (did you mean \"upstream\"?); accepted: path, methods, host, policy, key, \
         upstream, upstreams, max_ejected (refused; what was in force stays)",
        file.path()
    );
    assert!(line.ends_with(&said), "{line}");
    assert_eq!(
        [get(gateway.at, "/a").status, get(gateway.at, "/a").status, get(gateway.at, "/a").status],
        [500, 500, 503]
    );
    assert_eq!(gateway.lines().iter().filter(|line| line.contains("refused; what")).count(), 1);
}

#[test]
fn a_changed_file_is_seen_without_a_signal() {
    let (one, other) = (Upstream::well(), Upstream::start(|exchange| exchange.reply("200 OK", "other")));
    let gateway = Gateway::start(&one_route(&one, FEW));
    assert_eq!(get(gateway.at, "/a").body, b"well");
    gateway.file.as_ref().unwrap().write(&format!("# changed\n{}", one_route(&other, FEW)));
    until("the other upstream", || (get(gateway.at, "/a").body == b"other").then_some(()));
}

#[test]
fn no_request_is_lost_over_a_reload() {
    let upstream = Upstream::well();
    let gateway = Gateway::start(&one_route(&upstream, FEW));
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let callers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut count = 0;
                    while !done.load(Relaxed) {
                        assert_eq!(get(gateway.at, "/a").status, 200);
                        count += 1;
                    }
                    count
                })
            })
            .collect();
        for round in 0..20 {
            let breaker = if round % 2 == 0 { MANY } else { FEW };
            gateway.file.as_ref().unwrap().write(&one_route(&upstream, breaker));
            gateway.signal("HUP");
            until("the reload", || {
                let loads = gateway.lines().iter().filter(|line| line.contains("is in force")).count();
                (loads > round).then_some(())
            });
        }
        done.store(true, Relaxed);
        assert!(callers.into_iter().map(|caller| caller.join().unwrap()).sum::<u32>() > 20);
    });
}
