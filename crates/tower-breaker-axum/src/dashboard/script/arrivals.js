// What arrives

function take(row, now) {
  const id = key(row.set, row.name);
  const it = circuits.get(id) || { id, calls: row.calls, failures: row.failures, refused: row.refused, low: row.name.toLowerCase(), c: [], f: [], cps: 0, rps: 0 };
  it.was = [it.calls, it.failures, it.refused];
  Object.assign(it, row);
  it.ends = row.remaining_seconds === null ? null : now + row.remaining_seconds * 1000;
  it.since = now - row.state_age_seconds * 1000;
  circuits.set(id, it);
  return it;
}

function whole(data) {
  const now = performance.now(), gone = new Set(circuits.keys());
  for (const row of data.circuits) gone.delete(take(row, now).id);
  gone.forEach((id) => circuits.delete(id));
  at = data.at; every = data.interval_seconds; operator = data.operator;
  name_sets();
  $("lock").hidden = !operator;
  if (!operator) unlock("");
  draw();
}

function summary(data) {
  const now = performance.now(), seconds = Math.max((data.at - at) / 1000, 0.05), changed = new Set();
  for (const row of data.changed) changed.add(take(row, now));
  for (const { set, name } of data.gone) circuits.delete(key(set, name));
  for (const it of circuits.values()) {
    const [calls, failures, refused] = changed.has(it) ? it.was : [it.calls, it.failures, it.refused];
    it.cps = Math.max(it.calls - calls, 0) / seconds;
    it.rps = Math.max(it.refused - refused, 0) / seconds;
    it.c.push(it.cps); it.f.push(Math.max(it.failures - failures, 0) / seconds);
    if (it.c.length > SAMPLES) { it.c.shift(); it.f.shift(); }
  }
  at = data.at;
  if (data.changed.some((row) => !sets.includes(row.set))) name_sets();
  if ($("details").open) read();
  if (data.total !== circuits.size && now - resynced > 30000) { resynced = now; connect(); }
  draw();
}

function transitions(list, id) {
  const spoken = [];
  for (const it of list) {
    const mark = id.split("-")[0] + "-" + it.id;
    if (heard.has(mark)) continue;
    heard.add(mark);
    if (heard.size > 1000) heard.delete(heard.values().next().value);
    line(it);
    const circuit = circuits.get(key(it.set, it.circuit));
    if (circuit && it.generation > circuit.generation) {
      const now = performance.now(), wait = it.wait_seconds;
      Object.assign(circuit, { state: it.to, mode: it.mode, generation: it.generation, ready_to_probe: false, since: now, open_wait_seconds: wait, condition: it.condition || circuit.condition });
      circuit.ends = wait === null ? null : now + wait * 1000;
      flash(circuit.id);
      if (it.to !== it.from) spoken.push(it);
    }
  }
  if (spoken.length > 3) say(spoken.length + " circuits changed, " + spoken.filter((it) => it.to === "open").length + " of them opened");
  else if (spoken.length) say(spoken.map((it) => it.circuit.slice(0, 80) + (it.to === "open" ? " opened: " + reason(it) : it.to === "closed" ? " closed" : " is half-open")).join(". "));
  draw();
}

const reason = (it) => WHY[it.condition] || "opened";
const say = (words) => text($("live"), words);
function flash(id) {
  const tile = tiles.get(id);
  if (!tile) return;
  tile.node.classList.remove("flash");
  void tile.node.offsetWidth;
  tile.node.classList.add("flash");
}

function line(it) {
  const item = document.createElement("li"), name = document.createElement("b"), time = document.createElement("time"), words = document.createElement("span");
  const bdi = document.createElement("bdi"), when = new Date(it.at);
  bdi.textContent = it.circuit.slice(0, 300); name.append(bdi);
  time.dateTime = when.toISOString(); time.textContent = when.toTimeString().slice(0, 8);
  const forced = it.mode.startsWith("forced") ? ", forced" : "";
  words.textContent = it.from === it.to ? WORDS[it.to] + (forced || (it.condition ? ": " + reason(it) : ", no longer forced")) : WORDS[it.from] + " → " + WORDS[it.to].toLowerCase() + (it.to === "open" ? ": " + reason(it) : forced);
  item.append(icon(it.to), name, time, words);
  $("line").prepend(item);
  while ($("line").children.length > LINES) $("line").lastElementChild.remove();
  $("quiet").hidden = true;
}
