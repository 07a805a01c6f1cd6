// Zoom and pan: the part of the plane that a panel shows; linked panels share it.
function moveView(s, view, to, smooth) {
  const from = { ...view };
  const step = (t) => { for (const axis of ["k", "x", "y"]) view[axis] = from[axis] + (to[axis] - from[axis]) * t; };
  if (smooth) return animate(s, `view ${[...new Set(s.panels.map((p) => p.view))].indexOf(view)}`, 180, step);
  for (const name of s.motion.keys()) if (name.startsWith("view")) s.motion.delete(name);
  step(1);
  stir(s);
}
function zoomAt(s, p, px, py, factor, smooth) {
  const k = clamp(p.view.k * factor, 0.7, 80), f = project(s, p), a = s.fit(p) * k;
  const wx = (px - f.x) / f.a, wy = (f.y - py) / f.a; // This point stays under the pointer.
  moveView(s, p.view, { k, x: wx - (px - p.w / 2) / a, y: wy + (py - p.h / 2) / a }, smooth);
}
// One panel for each view: all of them, or the first if they are linked.
const leaders = (s) => (s.linked ? s.panels.slice(0, 1) : s.panels);
const zoomBy = (s, factor) => leaders(s).forEach((p) => zoomAt(s, p, p.w / 2, p.h / 2, factor, true));
const resetView = (s) => leaders(s).forEach((p) => moveView(s, p.view, { k: 1, x: 0, y: 0 }, true));
function link(s, linked) {
  s.linked = linked;
  s.view = s.panels[0].view;
  for (const p of s.panels) p.view = linked ? s.view : { ...s.view };
  s.root.dataset.linked = linked;
  draw(s);
}
function zoomToSelection(s) {
  for (const leader of leaders(s)) {
    const low = [Infinity, Infinity], high = [-Infinity, -Infinity];
    for (const p of s.panels.filter((one) => one.view === leader.view)) {
      const xy = places(p);
      for (let at = 0; at < xy.length / 2; at++) {
        if (!s.picked[at % p.n] || Number.isNaN(xy[2 * at])) continue;
        for (const k of [0, 1]) { low[k] = Math.min(low[k], xy[2 * at + k]); high[k] = Math.max(high[k], xy[2 * at + k]); }
      }
    }
    if (low[0] === Infinity) continue;
    const a = s.fit(leader), wide = [leader.w / a, leader.h / a].map((room, k) => room / Math.max(high[k] - low[k], 1e-3));
    moveView(s, leader.view, { k: clamp(0.8 * Math.min(...wide), 1, 30), x: (low[0] + high[0]) / 2, y: (low[1] + high[1]) / 2 }, true);
  }
}
