// The connection

function link(is, words) {
  if ($("link").dataset.is !== is) {
    $("link").dataset.is = is;
    document.body.classList.toggle("stale", is === "lost");
    if (is === "lost" && $("details").open) note("Disconnected; what you see is old.");
  }
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
