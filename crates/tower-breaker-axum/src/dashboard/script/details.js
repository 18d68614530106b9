// One circuit in full, asked for anew with each look at all of them, while its dialog is open

let detailed = null, asked = 0;
const facts = new Map();
const ROWS = {
  failure_rate: "Failing", slow_call_rate: "Slow", failures_in_row: "Failures in a row", state_age_seconds: "In this state for", open_wait_seconds: "Whole wait",
  remaining_seconds: "Wait left", last_failure_seconds_ago: "Last failure, ago", seconds_ago: "Ago", condition: "Because", enforcement: "Refusals carried out",
};

function look(id) {
  detailed = id;
  facts.clear();
  $("details-facts").replaceChildren();
  const it = circuits.get(id);
  text($("details-title"), it ? cut(it.name, 2000) : "");
  text($("details-set"), it ? "Set: " + cut(it.set, 200) : "");
  note("Asking.");
  if (!$("details").open) $("details").showModal();
  $("details-scroll").scrollTop = 0;
  read();
}

async function read() {
  const it = circuits.get(detailed), mine = ++asked;
  if (!$("details").open) return;
  if (!it) { note("This circuit is gone."); return; }
  if (!reachable(it)) { note("No path can name this circuit, so there is no more than its tile shows."); return; }
  try {
    const answer = await fetch(base + path(it), { cache: "no-store" });
    if (mine !== asked) return;
    if (!answer.ok) { note("There is no answer to show: status " + answer.status + "."); return; }
    show(await answer.json());
    note("");
  } catch { if (mine === asked) note(facts.size ? "The server does not answer; what you see is old." : "The server does not answer."); }
}

function note(words) { text($("details-note"), words); $("details-note").hidden = !words; }

function show(it) {
  group("Why it last opened", it.last_opened ? it.last_opened : { last_opened: "It has not opened yet" });
  group("Now", {
    state: WORDS[it.state], mode: it.mode, enforcement: it.enforcement, state_age_seconds: it.state_age_seconds, open_wait_seconds: it.open_wait_seconds,
    remaining_seconds: it.remaining_seconds, ready_to_probe: it.ready_to_probe, failure_rate: it.failure_rate, slow_call_rate: it.slow_call_rate,
    ramp_share: it.ramp_share, ramp_remaining_seconds: it.ramp_remaining_seconds, throttle_share: it.throttle_share,
    last_failure_seconds_ago: it.last_failure_seconds_ago, generation: it.generation,
  });
  group("In the window", it.in_window);
  group("In a row", it.in_row);
  group("Over its life", it.total);
  const refused = {};
  for (const [why, count] of Object.entries(it.refused)) refused[why] = typeof count === "number" ? count : [count.enforced, count.detected];
  group("Refused (enforced, of those detected)", refused);
  group("Configuration", it.config);
}

// Values are changed in place, so that neither the place in a long list nor a selection is lost.
function group(title, values) {
  let list = facts.get(title);
  if (!list) {
    const section = document.createElement("section"), head = document.createElement("h3");
    list = { node: document.createElement("dl"), rows: new Map() };
    head.textContent = title;
    section.append(head, list.node);
    $("details-facts").append(section);
    facts.set(title, list);
  }
  for (const [name, row] of list.rows) if (!(name in values)) { row.parentNode.remove(); list.rows.delete(name); }
  for (const [name, value] of Object.entries(values)) {
    let row = list.rows.get(name);
    if (!row) {
      const both = document.createElement("div"), label = document.createElement("dt");
      label.textContent = ROWS[name] || name[0].toUpperCase() + name.slice(1).replaceAll("_", " ");
      row = document.createElement("dd");
      both.append(label, row);
      list.node.append(both);
      list.rows.set(name, row);
    }
    text(row, said_as(name, value, title));
  }
}

function said_as(name, value, title) {
  if (value === null || value === undefined) return "–";
  if (typeof value === "boolean") return title === "Configuration" ? "off" : value ? "yes" : "no";
  if (name === "condition") return WHY[value] || value;
  if (/seconds/.test(name)) return span(value);
  if (title !== "Configuration" && /rate|enforcement/.test(name)) return percent(value);
  if (Array.isArray(value)) return value.map((it) => it.toLocaleString("en")).join(" of ");
  if (name === "sliding_window" && value.time) return value.time + " in " + value.buckets + " buckets";
  if (typeof value === "object") return Object.entries(value).map(([part, it]) => part.replaceAll("_", " ") + " " + it).join(", ");
  return typeof value === "number" ? value.toLocaleString("en", { maximumFractionDigits: 6 }) : value.replaceAll("_", " ");
}
