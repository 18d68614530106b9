"use strict";
(() => {
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
    "force-open": ["Force open", "Every call is refused until the circuit is reset or forced closed."],
    "force-close": ["Force closed", "Every call goes through and nothing trips until the circuit is reset or forced open."],
    reset: ["Reset", "The circuit is closed with an empty window, and what was set by hand is forgotten."],
    observe: ["Observe", "Refusals are counted, and no longer carried out, until reset."],
    enforce: ["Enforce", "Refusals are carried out, whatever the configuration says, until reset."],
    enforcement: ["Share…", "This share of the refusals is carried out, until reset."],
  };
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const circuits = new Map(), tiles = new Map(), heard = new Set();
  let several = false, operator = false, token = "", only = null, shown = PAGE, at = 0, every = 1, last = 0, source = null, resynced = 0;

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
  const rank = (it) => it.state === "open" ? (it.ready_to_probe ? 2 : 0) : it.state === "half_open" ? 1 : it.mode !== "enforce" ? 3 : 4;

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
    several = new Set(data.circuits.map((row) => row.set)).size > 1;
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
    words.textContent = it.from === it.to ? WORDS[it.to] + (forced || ", no longer forced") : WORDS[it.from] + " → " + WORDS[it.to].toLowerCase() + (it.to === "open" ? ": " + reason(it) : forced);
    item.append(icon(it.to), name, time, words);
    $("line").prepend(item);
    while ($("line").children.length > LINES) $("line").lastElementChild.remove();
    $("quiet").hidden = true;
  }

  // What is shown

  function draw() {
    if (document.hidden) return;
    const counts = { open: 0, half_open: 0, closed: 0 }, wanted = $("filter").value.trim().toLowerCase(), list = [];
    for (const it of circuits.values()) {
      counts[it.state]++;
      it.rank = rank(it);
      if ((!only || it.state === only) && it.low.includes(wanted)) list.push(it);
    }
    list.sort((a, b) => a.rank - b.rank || (a.name < b.name ? -1 : a.name > b.name ? 1 : a.set < b.set ? -1 : 1));
    for (const [state, button] of chips) { text(button.querySelector("b"), String(counts[state])); button.setAttribute("aria-pressed", String(only === state)); }
    document.title = (counts.open ? "(" + counts.open + ") " : "") + "Circuits";
    const colour = counts.open ? "c2232f" : counts.half_open ? "d18700" : "16794c";
    if ($("icon").dataset.colour !== colour) {
      $("icon").dataset.colour = colour;
      $("icon").href = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Ccircle cx='8' cy='8' r='7' fill='%23" + colour + "'/%3E%3C/svg%3E";
    }
    const focused = document.activeElement, visible = list.slice(0, shown), keep = new Set(visible.map((it) => it.id));
    for (const [id, tile] of tiles) if (!keep.has(id)) { tile.node.remove(); tiles.delete(id); }
    let place = $("tiles").firstElementChild;
    for (const it of visible) {
      const tile = tiles.get(it.id) || build(it);
      if (tile.node === place) place = place.nextElementSibling; else $("tiles").insertBefore(tile.node, place);
      fill(tile, it);
    }
    if (focused !== document.activeElement && focused && focused.isConnected) focused.focus({ preventScroll: true });
    const rest = list.length - visible.length;
    $("more").hidden = rest <= 0;
    text($("more"), "Show more (" + rest.toLocaleString("en") + " left)");
    $("empty").hidden = list.length > 0;
    text($("empty"), circuits.size ? "No circuit is like that." : at ? "There are no circuits yet." : "Waiting for the first look at the circuits.");
    count();
  }

  function build(it) {
    const node = $("tile").content.firstElementChild.cloneNode(true), part = (name) => node.querySelector("." + name);
    const tile = { node, use: node.querySelector("use"), bar: node.querySelector("i") };
    for (const name of ["state", "badge", "wait", "name", "set", "spark", "calls", "fails", "c", "r", "f", "why", "acts"]) tile[name] = part(name);
    text(tile.name, it.name.length > 300 ? it.name.slice(0, 300) + "…" : it.name || "(no name)");
    tile.name.title = it.name.slice(0, 2000);
    // What a browser makes of these in a path is another path.
    const reachable = it.name !== "" && it.name !== "." && it.name !== "..";
    for (const [act, [label]] of Object.entries(ACTS)) {
      const button = document.createElement("button");
      button.type = "button"; button.textContent = label; button.dataset.act = act; button.disabled = !reachable;
      button.setAttribute("aria-label", label.replace("…", "") + ": " + it.name.slice(0, 100));
      button.addEventListener("click", () => command(it, act));
      tile.acts.append(button);
    }
    tiles.set(it.id, tile);
    return tile;
  }

  function fill(tile, it) {
    const { node } = tile;
    node.dataset.state = it.state;
    node.dataset.name = it.name.slice(0, 300);
    if (tile.use.getAttribute("href") !== "#" + it.state) tile.use.setAttribute("href", "#" + it.state);
    text(tile.state, WORDS[it.state]);
    const share = it.mode === "enforce" && it.enforcement < 1 ? "enforces " + percent(it.enforcement) : "";
    const badge = BADGES[it.mode] || share;
    tile.badge.hidden = !badge; text(tile.badge, badge);
    text(tile.set, several ? it.set : ""); tile.set.hidden = !several;
    text(tile.c, number(it.cps)); text(tile.r, number(it.rps)); text(tile.f, percent(it.failure_rate));
    tile.r.classList.toggle("hot", it.rps > 0);
    tile.f.classList.toggle("hot", it.failure_rate > 0.2);
    const opens = it.opens_in_row > 1 ? ", " + it.opens_in_row + " times in a row" : "";
    text(tile.why, it.state !== "closed" && it.condition ? "Because " + reason(it) + opens : "");
    tile.why.hidden = !tile.why.textContent;
    tile.acts.hidden = !token;
    spark(tile, it);
  }

  function spark(tile, it) {
    const most = Math.max(1, ...it.c), width = 120 / SAMPLES, from = SAMPLES - it.c.length;
    let calls = "", fails = "";
    it.c.forEach((c, i) => {
      const x = (from + i) * width, high = c / most * 30, bad = Math.min(it.f[i] / most * 30, high);
      if (high > bad) calls += "M" + x + " " + (32 - bad).toFixed(1) + "h" + (width - .4) + "V" + (32 - high).toFixed(1) + "h-" + (width - .4) + "z";
      if (bad > 0) fails += "M" + x + " 32h" + (width - .4) + "V" + (32 - bad).toFixed(1) + "h-" + (width - .4) + "z";
    });
    tile.calls.setAttribute("d", calls); tile.fails.setAttribute("d", fails);
    tile.spark.setAttribute("aria-label", "Calls of the last minute, now " + number(it.cps) + " a second, failing " + percent(it.failure_rate));
  }

  function count() {
    const now = performance.now();
    for (const [id, tile] of tiles) {
      const it = circuits.get(id);
      if (!it) continue;
      const left = it.ends === null ? null : Math.max(it.ends - now, 0) / 1000;
      let words = "for " + span(Math.max(now - it.since, 0) / 1000);
      if (it.state === "open") {
        if (left !== null && left > 0) words = (it.mode === "forced_open" ? "forced for " : "probes in ") + span(left);
        else if (it.mode === "forced_open") words = "until reset";
        else words = "probes at next call";
      }
      if (it.state === "closed") words = "";
      text(tile.wait, words);
      const waits = it.state === "open" && left > 0 && it.open_wait_seconds > 0;
      tile.node.toggleAttribute("data-waits", waits);
      if (waits) tile.bar.style.transform = "scaleX(" + Math.min(left / it.open_wait_seconds, 1) + ")";
    }
  }

  // The connection

  function link(is, words) {
    if ($("link").dataset.is !== is) { $("link").dataset.is = is; document.body.classList.toggle("stale", is === "lost"); }
    text($("link-text"), words);
  }
  function connect() {
    if (source) source.close();
    const mine = source = new EventSource(base + "events");
    const on = (name, act) => mine.addEventListener(name, (event) => {
      if (mine !== source) return;
      last = performance.now();
      link("live", "Live");
      act(JSON.parse(event.data), event.lastEventId);
    });
    on("circuits", whole); on("summary", summary); on("transitions", transitions);
    mine.onerror = () => {
      if (mine !== source) return;
      lost();
      // What was answered other than 200 is not tried again by itself.
      if (mine.readyState === EventSource.CLOSED) setTimeout(() => mine === source && connect(), 2000);
    };
  }
  const lost = () => link("lost", last ? "Disconnected; what you see is old. Trying again" : "Cannot connect. Trying again");
  setInterval(() => {
    const quiet = performance.now() - last, patience = every * 3000 + 2000;
    if (last && quiet > patience) { lost(); if (quiet > patience + 10000) { last = performance.now() - patience; connect(); } }
  }, 1000);

  // The operator

  function ask(title, words, yes, field) {
    text($("ask-title"), title); text($("ask-text"), words); text($("ask-yes"), yes);
    $("ask-field").hidden = !field;
    const input = $("ask-value");
    input.value = ""; input.required = Boolean(field); input.type = "text";
    ["min", "max", "step"].forEach((name) => input.removeAttribute(name));
    if (field) { text($("ask-label"), field.label); Object.assign(input, field.input); }
    $("ask").returnValue = "no";
    $("ask").showModal();
    return new Promise((done) => $("ask").addEventListener("close", () => {
      const value = input.value;
      input.value = "";
      done($("ask").returnValue === "yes" ? (field ? value : true) : null);
    }, { once: true }));
  }
  const tell = (words) => { $("said").hidden = !words; text($("said"), words); };
  function unlock(value) {
    token = value;
    text($("lock"), token ? "Forget the token" : "Operator token");
    $("fleet").hidden = !token;
  }
  async function post(path, body) {
    let answer;
    try { answer = await fetch(base + path, { method: "POST", headers: { Authorization: "Bearer " + token }, body, credentials: "omit", cache: "no-store" }); }
    catch { tell("That did not reach the server."); return false; }
    if (answer.ok) { tell(""); return true; }
    if (answer.status === 401) unlock("");
    let detail = "status " + answer.status;
    try { detail = (await answer.json()).detail; } catch { /* not ours */ }
    tell("Refused: " + detail + ".");
    draw();
    return false;
  }
  async function command(it, act) {
    const [label, words] = ACTS[act], name = it.name.slice(0, 200);
    const field = act === "enforcement" && { label: "Share from 0 to 1", input: { type: "number", min: "0", max: "1", step: "any" } };
    const sure = await ask(label.replace("…", "") + ": " + name, words, label.replace("…", ""), field);
    if (sure === null) return;
    const body = field ? JSON.stringify({ enforcement: Number(sure) }) : undefined;
    await post("circuits/" + encodeURIComponent(it.name) + "/" + act + "?set=" + encodeURIComponent(it.set), body);
  }
  $("fleet").addEventListener("click", async (event) => {
    const act = event.target.dataset.all;
    if (!act) return;
    const [label, words] = ACTS[act];
    if (await ask(label + ": all " + circuits.size + " circuits", "For each of them: " + words, label + " all")) await post("circuits/" + act);
  });
  $("lock").addEventListener("click", async () => {
    if (token) { unlock(""); draw(); return; }
    const value = await ask("Operator token", "It is kept in this page alone, until the page is closed.", "Use it", { label: "Token", input: { type: "password", autocomplete: "off" } });
    if (value === null) return;
    token = value.trim();
    // What is no header cannot be the token.
    unlock(/^[\x21-\x7e]+$/.test(token) && await post("operator") ? token : "");
    if (!token && $("said").hidden) tell("Refused: that is no token.");
    draw();
  });

  const chips = [["open", "Open"], ["half_open", "Half-open"], ["closed", "Closed"]].map(([state, word]) => {
    const button = document.createElement("button"), many = document.createElement("b");
    button.type = "button"; many.textContent = "0";
    button.append(icon(state), word + " ", many);
    button.addEventListener("click", () => { only = only === state ? null : state; shown = PAGE; draw(); });
    $("counts").append(button);
    return [state, button];
  });
  $("filter").addEventListener("input", () => { shown = PAGE; draw(); });
  $("more").addEventListener("click", () => { shown += PAGE * 2; draw(); });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !/INPUT|TEXTAREA/.test(event.target.tagName) && !$("ask").open) { event.preventDefault(); $("filter").focus(); }
  });
  document.addEventListener("visibilitychange", draw);
  let beat = 0;
  setInterval(() => { if (!document.hidden && (!still.matches || beat++ % 5 === 0)) count(); }, 200);
  connect();
})();
