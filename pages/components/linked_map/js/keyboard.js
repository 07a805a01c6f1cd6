// Keys: step from study to study, select, zoom.
// Arrow keys walk through the selection when it holds several studies, else through all that are shown.
function stepTo(s, p, step) {
  const walk = [];
  for (let i = 0; i < p.n; i++) if ((s.count < 2 || s.picked[i]) && reached(p, i) >= 0) walk.push(i);
  if (!walk.length) return;
  const now = walk.indexOf(s.hover.row >= 0 ? s.hover.row : s.focus);
  const at = step === "first" || (now < 0 && step > 0) ? 0 : step === "last" || now < 0 ? walk.length - 1 : (now + step + walk.length) % walk.length;
  s.focus = walk[at];
  focusOn(s, p, walk[at]);
  wordsOf(s, walk[at]).then(({ id, text }) => {
    s.nodes.live.textContent = `${id}, ${at + 1} of ${walk.length}. ${meaningOf(s, walk[at], s.panels.indexOf(p))} ${text}`;
  });
}
// The first modality of a study that is on the map, or -1.
function reached(p, i) {
  const xy = places(p);
  return p.kinds.findIndex((_, m) => !Number.isNaN(xy[2 * (m * p.n + i)]) && p.level[m * p.n + i] !== GHOST);
}
function focusOn(s, p, row) {
  const m = reached(p, row), at = 2 * (m * p.n + row), [x, y] = screenOf(s, p, m, row);
  if (x < 12 || y < 12 || x > p.w - 12 || y > p.h - 12) moveView(s, p.view, { k: p.view.k, x: p.xy[at], y: p.xy[at + 1] });
  setHover(s, { row, kind: p.kinds[m] }, p, ...screenOf(s, p, m, row));
}
function take(s, p, add) {
  const { row, kind } = s.hover;
  if (row < 0) return;
  pinCard(s, s.hover, p, ...screenOf(s, p, p.kinds.indexOf(kind), row));
  toggle(s, row, add);
}
function attachKeys(s, p, signal) {
  const keys = {
    ArrowRight: () => stepTo(s, p, 1), ArrowLeft: () => stepTo(s, p, -1),
    Home: () => stepTo(s, p, "first"), End: () => stepTo(s, p, "last"),
    Enter: (e) => take(s, p, e.shiftKey || e.ctrlKey || e.metaKey),
    Escape: () => { setHover(s, null, p); hideCard(s.pin); clearSelection(s); },
    "+": () => zoomBy(s, 1.5), "=": () => zoomBy(s, 1.5), "-": () => zoomBy(s, 1 / 1.5), 0: () => resetView(s),
  };
  p.over.addEventListener("keydown", (e) => {
    if (!keys[e.key] || (e.ctrlKey && e.key !== "Enter") || e.altKey) return;
    e.preventDefault();
    keys[e.key](e);
  }, { signal });
  p.over.addEventListener("blur", () => setHover(s, null, p), { signal });
}
