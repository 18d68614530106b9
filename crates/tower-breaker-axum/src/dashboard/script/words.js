const $ = (id) => document.getElementById(id);
// Wherever the router is nested, and whether or not the path ends with a slash.
const base = location.pathname.replace(/\/*$/, "/");
const PAGE = 60, SAMPLES = 60, LINES = 100;
const WORDS = { closed: "Closed", open: "Open", half_open: "Half-open" };
const BADGES = { observe: "observing", forced_open: "forced", forced_closed: "forced" };
const WHY = {
  failure_rate: "too many calls failed", slow_call_rate: "too many calls were slow", failures_in_row: "too many failures in a row",
  probe_failed: "the probe failed", probe_slow: "the probe was slow", half_open_timeout: "the probe was never answered",
  remote: "opened by the fleet", forced: "forced open by an operator", restored: "was open before the restart",
};
const ACTS = {
  "force-open": ["Force open", "Every call is refused until that time is over, or the circuit is reset or forced closed."],
  "force-close": ["Force closed", "Every call goes through and nothing trips until the circuit is reset or forced open."],
  reset: ["Reset", "The circuit is closed with an empty window, and what was set by hand is forgotten."],
  observe: ["Observe", "Refusals are counted, and no longer carried out, until reset."],
  enforce: ["Enforce", "Refusals are carried out, whatever the configuration says, until reset."],
  enforcement: ["Share…", "This share of the refusals is carried out, until reset."],
};
// What a command asks for besides. The bounds are the server's.
const FIELDS = {
  "force-open": { name: "seconds", label: "For so many seconds; empty: until reset", optional: true, input: { type: "number", min: "0.001", max: "31622400", step: "any" } },
  enforcement: { name: "enforcement", label: "Share from 0 to 1", input: { type: "number", min: "0", max: "1", step: "any" } },
};
const still = matchMedia("(prefers-reduced-motion: reduce)");

// What is known, by `key`, and what of it is shown.
const circuits = new Map(), tiles = new Map(), heard = new Set();
let sets = [], operator = false, token = "", only = null, shown = PAGE, at = 0, every = 1, last = 0, source = null, resynced = 0;


const key = (set, name) => JSON.stringify([set, name]);
const text = (node, value) => { if (node.textContent !== value) node.textContent = value; };
const icon = (state) => {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  svg.setAttribute("class", "is-" + state); svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", "#" + state); svg.append(use);
  return svg;
};
const number = (value) => value === 0 ? "0" : value < 10 ? value.toFixed(1) : Math.round(value).toLocaleString("en");
const percent = (rate) => rate === null ? "–" : Math.round(rate * 100) + " %";
const span = (seconds) => seconds < 10 ? seconds.toFixed(1) + " s" : seconds < 100 ? Math.ceil(seconds) + " s" : seconds < 7200 ? Math.round(seconds / 60) + " min" : Math.round(seconds / 3600) + " h";
const cut = (name, most) => name.length > most ? name.slice(0, most) + "…" : name || "(no name)";
// What a browser makes of these in a path is another path; and no server takes one that is so long.
const reachable = (it) => it.name !== "" && it.name !== "." && it.name !== ".." && encodeURIComponent(it.name + it.set).length < 8000;
const path = (it, act) => "circuits/" + encodeURIComponent(it.name) + (act ? "/" + act : "") + "?set=" + encodeURIComponent(it.set);
const rank = (it) => it.state === "open" ? (it.ready_to_probe ? 2 : 0) : it.state === "half_open" ? 1 : it.mode !== "enforce" ? 3 : 4;
