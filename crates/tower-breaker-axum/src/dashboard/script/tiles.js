// What is shown

function draw() {
  if (document.hidden) return;
  const counts = { open: 0, half_open: 0, closed: 0 }, wanted = $("filter").value.trim().toLowerCase(), set = chosen(), list = [];
  for (const it of circuits.values()) {
    if (set !== null && it.set !== set) continue;
    counts[it.state]++;
    it.rank = rank(it);
    if ((!only || it.state === only) && it.low.includes(wanted)) list.push(it);
  }
  list.sort((a, b) => a.rank - b.rank || (a.name < b.name ? -1 : a.name > b.name ? 1 : a.set < b.set ? -1 : 1));
  for (const [state, button] of chips) { text(button.querySelector("b"), String(counts[state])); button.setAttribute("aria-pressed", String(only === state)); }
  document.title = (counts.open ? "(" + counts.open + ") " : "") + "Circuits";
  text($("fleet-of"), set === null ? "All circuits:" : "All of " + cut(set, 40) + ":");
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
  for (const name of ["state", "badge", "wait", "name", "set", "look", "spark", "calls", "under", "fails", "c", "r", "f", "why", "acts"]) tile[name] = part(name);
  text(tile.name, cut(it.name, 300));
  tile.name.title = cut(it.name, 2000);
  tile.look.addEventListener("click", () => look(it.id));
  for (const [act, [label]] of Object.entries(ACTS)) {
    const button = document.createElement("button");
    button.type = "button"; button.textContent = label; button.dataset.act = act; button.disabled = !reachable(it);
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
  text(tile.set, it.set); tile.set.hidden = sets.length < 2;
  text(tile.c, number(it.cps)); text(tile.r, number(it.rps)); text(tile.f, percent(it.failure_rate));
  tile.r.classList.toggle("hot", it.rps > 0);
  tile.f.classList.toggle("hot", it.failure_rate > 0.2);
  const opens = it.opens_in_row > 1 ? ", " + it.opens_in_row + " times in a row" : "";
  text(tile.why, it.state !== "closed" && it.condition ? "Opened: " + reason(it) + opens : "");
  tile.why.hidden = !tile.why.textContent;
  tile.acts.hidden = !token;
  spark(tile, it);
}

// A minute: grey columns are calls, against the busiest second; the red line is the share of them that failed, from nothing
// at the bottom to all at the top. A second without calls has no share.
function spark(tile, it) {
  const most = Math.max(1, ...it.c), width = 120 / SAMPLES, first = SAMPLES - it.c.length;
  let calls = "", under = "", fails = "", joined = false, worst = 0;
  it.c.forEach((c, i) => {
    const x = (first + i) * width;
    if (c === 0) { joined = false; return; }
    const share = Math.min(it.f[i] / c, 1), y = (31 - share * 30).toFixed(1);
    calls += "M" + x + " 32v-" + (c / most * 30).toFixed(1) + "h" + (width - .4) + "V32z";
    if (share > 0) under += "M" + x + " 32V" + y + "h" + width + "V32z";
    fails += (joined ? "V" + y : "M" + x + " " + y) + "h" + width;
    joined = true;
    worst = Math.max(worst, share);
  });
  tile.calls.setAttribute("d", calls); tile.under.setAttribute("d", under); tile.fails.setAttribute("d", fails);
  tile.spark.setAttribute("aria-label", "Failing in the last minute: now " + percent(it.failure_rate) + ", at most " + percent(worst) + " in a second; calls now " + number(it.cps) + " a second");
}

// The sets, to choose one where there are several

const chosen = () => $("set").selectedIndex > 0 ? sets[$("set").selectedIndex - 1] : null;
function name_sets() {
  const before = chosen();
  sets = [...new Set([...circuits.values()].map((it) => it.set))].sort();
  $("set").replaceChildren(...["All sets", ...sets.map((set) => cut(set, 60))].map((label) => new Option(label)));
  $("set").selectedIndex = before === null ? 0 : sets.indexOf(before) + 1;
  $("sets").hidden = sets.length < 2;
}

function count() {
  const now = performance.now();
  for (const [id, tile] of tiles) {
    const it = circuits.get(id);
    if (!it) continue;
    const left = it.ends === null ? null : Math.max(it.ends - now, 0) / 1000;
    text(tile.wait, waits_for(it, left, now));
    const waits = it.state === "open" && left > 0 && it.open_wait_seconds > 0;
    tile.node.toggleAttribute("data-waits", waits);
    if (waits) tile.bar.style.transform = "scaleX(" + Math.min(left / it.open_wait_seconds, 1) + ")";
  }
}

function waits_for(it, left, now) {
  if (it.state === "closed") return "";
  if (it.state === "half_open") return "for " + span(Math.max(now - it.since, 0) / 1000);
  if (left > 0) return (it.mode === "forced_open" ? "forced for " : "probes in ") + span(left);
  return it.mode === "forced_open" ? "until reset" : "probes at next call";
}
