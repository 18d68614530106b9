//! A user of its own, sentinels.

use super::{Instance, Server, trip, until};

pub(super) fn is_one_fleet(url: &str) {
    let mut pair = [Instance::start(url), Instance::start(url)];
    for instance in &mut pair {
        until("a connection", || {
            let look = instance.look();
            assert!(look.away < 3, "{look:?}");
            look.connected
        });
    }
    trip(&mut pair);
    for instance in &mut pair {
        instance.tell("ok 100");
    }
    until("the fleet's close", || pair.iter_mut().all(|instance| instance.look().fleet == "closed"));
    assert!(pair.iter_mut().all(|instance| instance.look().damaged == 0));
}

/// What makes the user that the crate's page tells to make.
fn rule() -> Vec<&'static str> {
    include_str!("../../src/lib.rs")
        .lines()
        .map(|line| line.trim_start_matches("//!").trim())
        .skip_while(|line| !line.starts_with("ACL SETUSER"))
        .take_while(|line| !line.starts_with("```"))
        .flat_map(str::split_whitespace)
        .collect()
}

#[test]
fn the_rights_the_docs_name_are_those_the_scripts_use() {
    let scripts = [
        include_str!("../../src/scripts/read.lua"),
        include_str!("../../src/scripts/exchange.lua"),
        include_str!("../../src/scripts/publish.lua"),
    ];
    let used = scripts.iter().flat_map(|script| script.split("redis.").skip(1)).filter_map(|call| {
        let call = call.strip_prefix("call('").or_else(|| call.strip_prefix("pcall('"))?;
        call.split('\'').next().map(str::to_lowercase)
    });
    let mut used: Vec<String> = used.chain(["evalsha".to_owned(), "eval".to_owned()]).collect();
    used.sort_unstable();
    used.dedup();
    let mut named: Vec<&str> =
        rule().into_iter().filter_map(|word| word.strip_prefix('+')).filter(|word| !word.starts_with('@')).collect();
    named.sort_unstable();
    assert_eq!(named, used);
}

#[test]
#[ignore = "needs redis-server"]
fn a_user_with_the_rights_the_docs_name_is_enough() {
    let server = Server::start();
    assert_eq!(server.command(&rule()), ["OK"]);
    is_one_fleet(&format!("redis://breaker:secret@127.0.0.1:{}", server.port()));
}

#[cfg(feature = "sentinel")]
#[test]
#[ignore = "needs redis-server"]
fn sentinels_are_asked_for_the_master() {
    let server = Server::start();
    let file = std::env::temp_dir().join(format!("tower-breaker-sentinel-{}.conf", std::process::id()));
    let text = format!("sentinel monitor shop 127.0.0.1 {} 1\n", server.port());
    std::fs::write(&file, text).expect("a file");
    let sentinel = Server::sentinel(file.to_str().expect("a path"));
    is_one_fleet(&format!("redis+sentinel://127.0.0.1:{}/shop", sentinel.port()));
    drop(sentinel);
    let _ = std::fs::remove_file(file);
}
