//! The page in the hands of somebody: the token, details, sets, the keyboard, a phone, a server that comes back.

use serde_json::{Value, json};
use tower_breaker_axum::CircuitRoutes;
use tower_breaker_core::Circuits;

use super::{HOSTILE, PATIENCE, circuits, driver::Browser, serve, serve_at, trip, within};
use crate::support::TOKEN;

const TAB: char = '\u{e004}';
const ENTER: char = '\u{e007}';
const ESCAPE: char = '\u{e00c}';

impl Browser {
    fn ask_for(&self, script: &str) -> Value {
        self.run(&format!("return {script}"), &json!([]))
    }

    /// Waits until this is true in the page.
    #[track_caller]
    fn until(&self, script: &str) {
        within(script, PATIENCE, || self.ask_for(script) == true);
    }

    fn tiles(&self, count: usize) {
        self.until(&format!("document.querySelectorAll('.tile').length === {count}"));
    }

    fn unlock(&self, token: &str) {
        let script = "document.getElementById('lock').click(); document.getElementById('ask-value').value = arguments[0]; \
            document.getElementById('ask-yes').click()";
        self.run(script, &json!([token]));
    }

    fn names(&self) -> Value {
        self.ask_for("[...document.querySelectorAll('.tile')].map(tile => tile.dataset.name)")
    }
}

#[test]
#[ignore = "needs Chromium"]
fn a_wrong_token_is_refused_where_it_is_seen_and_not_kept() {
    let circuits = circuits();
    let _ = circuits.get_or_create("db");
    let (_runtime, url) = serve(&circuits);
    let browser = Browser::open(&url);
    browser.tiles(1);
    browser.unlock("wrong-horse-battery");
    let shown = "document.getElementById('said').checkVisibility() && document.getElementById('said').textContent";
    browser.until(&format!("({shown}) === 'Refused: the operator token is not the right one.'"));
    let locked = "document.querySelector('.acts').hidden && document.getElementById('fleet').hidden \
        && document.getElementById('ask-value').value === ''";
    assert_eq!(browser.ask_for(locked), true);
    browser.unlock("");
    assert_eq!(browser.ask_for("document.getElementById('ask').open"), true, "no token is none");
    browser.press(ESCAPE);
    browser.unlock("öööööööööööööööö");
    browser.until(&format!("({shown}) === 'Refused: that is no token.'"));
    browser.unlock(TOKEN);
    browser.until("!document.querySelector('.acts').hidden && document.getElementById('said').hidden");
    let said: Vec<String> = browser.log("browser").iter().map(|line| line["message"].to_string()).collect();
    assert!(said.len() == 1 && said[0].contains("401"), "what the browser says by itself: {said:?}");
}

#[test]
#[ignore = "needs Chromium"]
fn details_are_opened_and_closed_by_the_keyboard_and_hold_hostile_names_as_text() {
    let circuits = circuits();
    let _ = (circuits.get_or_create(HOSTILE), circuits.get_or_create("."));
    let (_runtime, url) = serve(&circuits);
    let browser = Browser::open(&url);
    browser.tiles(2);
    trip(&circuits, HOSTILE);
    browser.until("document.querySelector('.tile').dataset.state === 'open'");
    browser.run("document.querySelector('.tile .look').focus()", &json!([]));
    browser.press(ENTER);
    browser.until(
        "document.getElementById('details').open && document.querySelectorAll('#details-facts h3').length === 7",
    );
    assert_eq!(browser.ask_for("document.getElementById('details-title').textContent"), HOSTILE);
    let facts = browser.ask_for("document.getElementById('details-facts').innerText");
    let facts = facts.as_str().unwrap();
    for part in ["too many failures in a row", "Failure threshold\n3", "Wait left", "5s in 10 buckets"] {
        assert!(facts.contains(part), "{part} in {facts}");
    }
    assert_eq!(browser.ask_for("document.querySelectorAll('#details img, #details script').length"), 0);
    // It lives: what is shown is asked for anew.
    circuits.get_or_create(HOSTILE).force_closed();
    browser.until("/Mode\\s+forced closed/.test(document.getElementById('details-facts').innerText)");
    browser.press(ESCAPE);
    let back = "!document.getElementById('details').open && document.activeElement.className";
    assert_eq!(browser.ask_for(back), "look", "the focus is where it was");

    browser.run("document.querySelectorAll('.tile .look')[1].click()", &json!([]));
    browser.until("/^No path can name/.test(document.getElementById('details-note').textContent)");
    assert_eq!(browser.log("browser"), Vec::<Value>::new());
}

#[test]
#[ignore = "needs Chromium"]
fn one_set_of_several_is_shown_and_commanded() {
    let sets = ["one", "two", HOSTILE].map(|name| Circuits::builder().name(name).build());
    sets.iter().for_each(|set| drop((set.get_or_create("a"), set.get_or_create("b"))));
    let routes = sets.iter().fold(CircuitRoutes::new(), |routes, set| routes.circuits(set.clone()));
    let (_runtime, url) = serve_at("127.0.0.1:0", routes);
    let browser = Browser::open(&url);
    browser.tiles(6);
    let choose = "const set = document.getElementById('set'); set.value = arguments[0]; set.dispatchEvent(new Event('change')); \
        return [set.selectedIndex, document.querySelectorAll('.tile').length, document.querySelector('.counts').innerText]";
    let [index, tiles, counts] = [0, 1, 2].map(|at| browser.run(choose, &json!([HOSTILE]))[at].clone());
    assert_eq!((index, tiles), (json!(1), json!(2)), "by name, after all of them");
    assert!(counts.as_str().unwrap().split_whitespace().eq(["Open", "0", "Half-open", "0", "Closed", "2"]), "{counts}");
    browser.unlock(TOKEN);
    browser.until("!document.getElementById('fleet').hidden");
    browser.run("document.querySelector('[data-all=observe]').click()", &json!([]));
    let title = browser.ask_for("document.getElementById('ask-title').textContent");
    assert_eq!(title, format!("Observe: all 2 circuits of {HOSTILE}"));
    browser.run("document.getElementById('ask-yes').click()", &json!([]));
    let modes = |set: &Circuits| set.snapshots().iter().map(|it| it.mode.as_str()).collect::<Vec<_>>();
    within("those of the set", PATIENCE, || modes(&sets[2]) == ["observe", "observe"]);
    let one = "document.querySelector('[data-act=force-open]').click(); document.getElementById('ask-value').value = '90'; \
        document.getElementById('ask-yes').click()";
    browser.run(one, &json!([]));
    let wait = || sets[2].snapshot("a").unwrap().open_wait.map(|wait| wait.as_secs());
    within("one, for a time", PATIENCE, || wait() == Some(90));
    assert_eq!([modes(&sets[0]), modes(&sets[1])], [["enforce", "enforce"], ["enforce", "enforce"]]);
    assert_eq!(browser.log("browser"), Vec::<Value>::new());
}

#[test]
#[ignore = "needs Chromium"]
fn the_keyboard_reaches_everything_in_the_order_in_which_it_is_read() {
    let sets = ["one", "two"].map(|name| Circuits::builder().name(name).build());
    sets.iter().for_each(|set| drop(set.get_or_create("db")));
    let routes = sets.iter().fold(CircuitRoutes::new(), |routes, set| routes.circuits(set.clone()));
    let (_runtime, url) = serve_at("127.0.0.1:0", routes);
    let browser = Browser::open(&url);
    browser.tiles(2);
    browser.unlock(TOKEN);
    browser.until("!document.querySelector('.acts').hidden");
    browser.run("document.activeElement.blur()", &json!([]));
    browser.run("document.querySelector('.skip').focus()", &json!([]));
    let mut reached = Vec::new();
    for _ in 0..17 {
        let at = "const at = document.activeElement; return at.id || at.dataset.act || at.dataset.all || at.className || at.innerText.trim().split(/\\s/)[0]";
        reached.push(browser.run(at, &json!([])).as_str().unwrap().to_owned());
        browser.press(TAB);
    }
    let expected = "skip lock Open Half-open Closed set filter enforce observe reset \
        look force-open force-close reset observe enforce enforcement";
    assert_eq!(reached, expected.split_whitespace().collect::<Vec<_>>());
    browser.press('/');
    assert_eq!(browser.ask_for("document.activeElement.id"), "filter");
}

#[test]
#[ignore = "needs Chromium"]
fn on_a_phone_nothing_is_wider_than_the_screen() {
    let circuits = circuits();
    let long = "a-name-without-a-place-to-break-it".repeat(20);
    trip(&circuits, &long);
    let _ = circuits.get_or_create("db");
    let (_runtime, url) = serve(&circuits);
    let browser = Browser::open(&url);
    browser.resize(390, 844);
    browser.tiles(2);
    browser.unlock(TOKEN);
    browser.until("!document.querySelector('.acts').hidden");
    assert_eq!(browser.ask_for("document.documentElement.scrollWidth"), 390);
    browser.run("document.querySelector('.look').click()", &json!([]));
    browser.until("document.querySelectorAll('#details-facts h3').length === 7");
    let fits = "(() => { const box = document.getElementById('details').getBoundingClientRect(), list = document.getElementById('details-scroll'); \
        return box.left >= 0 && box.right <= 390 && box.top >= 0 && box.bottom <= 844 && list.scrollWidth === list.clientWidth; })()";
    assert_eq!(browser.ask_for(fits), true);
    let end = "document.querySelector('#details .ends button').checkVisibility()";
    assert_eq!(browser.ask_for(end), true);
}

#[test]
#[ignore = "needs Chromium"]
fn once_the_server_is_back_the_page_shows_what_is() {
    let before = circuits();
    trip(&before, "db");
    let (runtime, url) = serve(&before);
    let browser = Browser::open(&url);
    browser.until("document.querySelector('.tile')?.dataset.state === 'open'");
    browser.run("document.querySelector('.look').click()", &json!([]));
    browser.until("document.querySelectorAll('#details-facts h3').length === 7");
    runtime.shutdown_background();
    browser.until("document.getElementById('link').dataset.is === 'lost'");
    let said = browser.ask_for("document.getElementById('link').innerText");
    assert!(said.as_str().unwrap().starts_with("Disconnected"), "{said}");
    browser.until("document.getElementById('details-note').textContent === 'Disconnected; what you see is old.'");
    browser.press(ESCAPE);

    let after = circuits();
    let _ = (after.get_or_create("db"), after.get_or_create("new"));
    let at = url.strip_prefix("http://").unwrap().split('/').next().unwrap();
    let (_runtime, _) = serve_at(at, CircuitRoutes::new().circuits(after.clone()));
    browser.until("document.getElementById('link').dataset.is === 'live'");
    browser.tiles(2);
    assert_eq!(browser.names(), json!(["db", "new"]));
    assert_eq!(browser.ask_for("document.querySelector('.tile').dataset.state"), "closed");
    trip(&after, "new");
    browser.until("document.querySelector('.tile').dataset.name === 'new'");
}
