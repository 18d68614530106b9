const chips = [["open", "Open"], ["half_open", "Half-open"], ["closed", "Closed"]].map(([state, word]) => {
  const button = document.createElement("button"), many = document.createElement("b");
  button.type = "button"; many.textContent = "0";
  button.append(icon(state), word + " ", many);
  button.addEventListener("click", () => { only = only === state ? null : state; shown = PAGE; draw(); });
  $("counts").append(button);
  return [state, button];
});
$("filter").addEventListener("input", () => { shown = PAGE; draw(); });
$("set").addEventListener("change", () => { shown = PAGE; draw(); });
$("more").addEventListener("click", () => { shown += PAGE * 2; draw(); });
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !/INPUT|SELECT/.test(event.target.tagName) && !document.querySelector("dialog[open]")) { event.preventDefault(); $("filter").focus(); }
});
document.addEventListener("visibilitychange", draw);
let beat = 0;
setInterval(() => { if (!document.hidden && (!still.matches || beat++ % 5 === 0)) count(); }, 200);
connect();
