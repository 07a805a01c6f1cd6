// Crowded maps: with too many points in view, all are counted in a density; once few enough are in view, each is
// drawn. A note on the map says which.

// Counts the points in view and decides whether they are too many to draw; to whole grid cells while the view moves.
function survey(s, p) {
  if (!p.crowd) return (p.crowded = false);
  const view = [p.view.k, p.view.x, p.view.y, p.w, p.h].join(), { seen } = p;
  if (s.moving || !p.grid) Object.assign(p, { inside: inView(s, p), seen: null });
  else if (seen?.view !== view || seen.level !== p.level || seen.grid !== p.grid) Object.assign(p, { inside: countSeen(s, p), seen: { view, level: p.level, grid: p.grid } });
  p.crowded = p.inside > s.data.most;
}
// The points to draw individually: those in view if few enough, else the selected ones if few enough.
function lookAt(s, p) {
  const list = !p.crowded ? within(s, p) : p.loud.length > s.data.most ? [] : p.loud;
  if (p.arranged?.list === list && p.arranged.level === p.level) return;
  arrange(p, list);
  p.arranged = { list, level: p.level };
}
// The visible points in view, to whole grid cells; the same list until the view moves.
function within(s, p) {
  const parts = p.grid ? spans(s, p) : [], key = parts.join();
  if (p.near?.grid === p.grid && p.near.key === key && p.near.level === p.level) return p.near.list;
  const list = new Uint32Array(parts.reduce((sum, [from, to]) => sum + to - from, 0));
  let count = 0;
  for (const [from, to] of parts) for (let at = from; at < to; at++) if (p.level[p.grid.points[at]] !== GHOST) list[count++] = p.grid.points[at];
  p.near = { grid: p.grid, key, level: p.level, list: list.subarray(0, count) };
  return p.near.list;
}
// The number of visible points within the frame.
function countSeen(s, p) {
  const f = project(s, p), xy = places(p), { points } = p.grid;
  let count = 0;
  for (const [from, to] of spans(s, p)) {
    for (let at = from; at < to; at++) {
      const point = points[at], x = xy[2 * point] * f.a + f.x, y = f.y - xy[2 * point + 1] * f.a;
      if (x >= 0 && y >= 0 && x < p.w && y < p.h && p.level[point] !== GHOST) count++;
    }
  }
  return count;
}

// The note on the map; while the view moves it gives no count, but says that a sample is shown.
function tellCrowd(s, p, share) {
  p.note.hidden = !p.crowd;
  if (!p.crowd) return;
  const step = stepOf(p, share), number = (v) => v.toLocaleString("en");
  if (s.moving) return (p.note.textContent = p.crowded && step > 1 ? `Moving: one point of ${step} is counted in the shade.` : "Moving\u2026");
  const all = p.count - p.quiet, some = p.inside < all ? `${number(p.inside)} of ${number(all)} points in view` : `All ${number(all)} points in view`;
  const then = `Zoom in: ${number(s.data.most)} or fewer are drawn one by one.`;
  p.note.textContent = p.crowded ? `${some}, all counted in the shade. ${then}` : `${some}, each drawn.`;
}
// For tests and scripts: the number of points in view, and of those drawn individually.
const totals = (s) => ({
  inside: s.panels.reduce((sum, p) => sum + (p.crowd ? p.inside ?? 0 : p.count), 0),
  drawn: s.panels.reduce((sum, p) => sum + (p.order?.length ?? 0), 0),
});
