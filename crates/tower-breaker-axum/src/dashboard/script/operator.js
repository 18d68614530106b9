// The operator

function ask(title, words, yes, field) {
  text($("ask-title"), title); text($("ask-text"), words); text($("ask-yes"), yes);
  $("ask-field").hidden = !field;
  const input = $("ask-value");
  input.value = ""; input.required = Boolean(field) && !field.optional; input.type = "text";
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
async function post(to, body) {
  let answer;
  try { answer = await fetch(base + to, { method: "POST", headers: { Authorization: "Bearer " + token }, body, credentials: "omit", cache: "no-store" }); }
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
  const [label, words] = ACTS[act], name = cut(it.name, 200);
  const field = FIELDS[act];
  const sure = await ask(label.replace("…", "") + ": " + name, words, label.replace("…", ""), field);
  if (sure === null) return;
  const body = field && sure !== "" ? JSON.stringify({ [field.name]: Number(sure) }) : undefined;
  await post(path(it, act), body);
}
$("fleet").addEventListener("click", async (event) => {
  const act = event.target.dataset.all;
  if (!act) return;
  const [label, words] = ACTS[act], set = chosen();
  const many = [...circuits.values()].filter((it) => set === null || it.set === set).length;
  const title = label + ": all " + many.toLocaleString("en") + " circuits" + (set === null ? "" : " of " + cut(set, 200));
  if (await ask(title, "For each of them, whatever the filter shows: " + words, label + " all")) await post("circuits/" + act + (set === null ? "" : "?set=" + encodeURIComponent(set)));
});
$("lock").addEventListener("click", async () => {
  if (token) { unlock(""); draw(); return; }
  const value = await ask("Operator token", "It is kept in this page alone, until the page is closed.", "Use it", { label: "Token", input: { type: "password", autocomplete: "off" } });
  if (value === null) return;
  token = value.trim();
  // What is no header cannot be the token.
  if (!/^[\x21-\x7e]+$/.test(token)) { unlock(""); tell("Refused: that is no token."); }
  else unlock(await post("operator") ? token : "");
  draw();
});
