// A crowd: more points than are drawn one by one. All of them are counted in the shade, and drawn once few
// enough of them are in view. What is shown is said on the map.
const isCrowded = (s, p) => p.crowd && inView(s, p) > s.data.most;

// Which points are drawn one by one: those in view if they are few enough, else the selected ones, if those are.
function lookAt(s, p) {
  const list = isCrowded(s, p) ? p.loud : p.grid ? within(s, p) : p.base;
  const view = [p.view.k, p.view.x, p.view.y, p.w, p.h].join();
  if (p.seen?.list === list && p.seen.level === p.level && p.seen.view === view) return;
  arrange(p, list.length > s.data.most ? [] : list);
  p.seen = { list, level: p.level, view };
}
// The points in view, to the nearest cells; the same list as long as the view rests.
function within(s, p) {
  const parts = spans(s, p), key = parts.join();
  if (p.near?.grid === p.grid && p.near.key === key) return p.near.list;
  const list = new Uint32Array(parts.reduce((sum, [from, to]) => sum + to - from, 0));
  let at = 0;
  for (const [from, to] of parts) {
    list.set(p.grid.points.subarray(from, to), at);
    at += to - from;
  }
  p.near = { grid: p.grid, key, list };
  return list;
}
// How many points lie within the frame, hidden ones left out.
function countSeen(s, p) {
  const f = project(s, p), xy = places(p), points = p.grid?.points ?? p.base;
  let count = 0;
  for (const [from, to] of p.grid ? spans(s, p) : [[0, points.length]]) {
    for (let at = from; at < to; at++) {
      const point = points[at], x = xy[2 * point] * f.a + f.x, y = f.y - xy[2 * point + 1] * f.a;
      if (x >= 0 && y >= 0 && x < p.w && y < p.h && p.level[point] !== GHOST) count++;
    }
  }
  return count;
}

// What is shown, in words. While the view moves, only that it is a sample.
function tellCrowd(s, p, share) {
  p.note.hidden = !p.crowd;
  if (!p.crowd) return;
  const step = stepOf(p, share), each = !isCrowded(s, p), number = (v) => v.toLocaleString("en");
  if (step > 1) return (p.note.textContent = `Moving: one point of ${step} is counted in the shade.`);
  p.inside = countSeen(s, p);
  const all = p.count - p.quiet, some = p.inside < all ? `${number(p.inside)} of ${number(all)} points in view` : `All ${number(all)} points in view`;
  const then = `Zoom in: fewer than ${number(s.data.most)} are drawn one by one.`;
  p.note.textContent = each ? `${some}, each drawn.` : `${some}, all counted in the shade. ${then}`;
}
// For tests and scripts: how many points are in view, and how many of those are drawn one by one.
const totals = (s) => ({
  inside: s.panels.reduce((sum, p) => sum + (p.crowd ? p.inside ?? 0 : p.count), 0),
  drawn: s.panels.reduce((sum, p) => sum + (p.order?.length ?? 0), 0),
});
