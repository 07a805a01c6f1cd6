// Hit testing: the point under the pointer, and the studies inside a lasso.
const REACH = 10; // Pixels around the pointer in which a point counts as hit.

// Points by cell of the plane, in flat arrays: cell c holds points[start[c]] to points[start[c + 1] - 1].
// Within a cell they are shuffled, so that every k-th point is a fair sample.
function buildGrid(s, p) {
  shuffle(p);
  const xy = places(p), count = xy.length / 2, cells = count > 200000 ? 512 : 128; // Cells per side.
  const start = new Int32Array(cells * cells + 1), home = new Int32Array(count).fill(-1);
  const cell = (v) => clamp(Math.floor(((v + 1) / 2) * cells), 0, cells - 1);
  for (let at = 0; at < count; at++) {
    if (Number.isNaN(xy[2 * at])) continue;
    home[at] = cell(xy[2 * at]) + cells * cell(xy[2 * at + 1]);
    start[home[at] + 1]++;
  }
  for (let c = 0; c < cells * cells; c++) start[c + 1] += start[c];
  const fill = start.slice(), points = new Int32Array(start[cells * cells]);
  for (const at of p.base) if (home[at] >= 0) points[fill[home[at]]++] = at;
  p.grid = { start, points, cell, cells };
  p.count = points.length;
  p.crowd = p.count > s.data.most;
}
function nearest(s, p, px, py) {
  if (!p.grid || s.motion.has("points")) return null;
  const f = project(s, p), { start, points, cell, cells } = p.grid, reach = REACH / f.a, xy = places(p);
  const wx = (px - f.x) / f.a, wy = (f.y - py) / f.a;
  let best = reach * reach, found = null;
  for (let row = cell(wy - reach); row <= cell(wy + reach); row++) {
    const from = start[cell(wx - reach) + cells * row], to = start[cell(wx + reach) + cells * row + 1];
    for (let at = from; at < to; at++) {
      const point = points[at], far = (xy[2 * point] - wx) ** 2 + (xy[2 * point + 1] - wy) ** 2;
      if (far < best && p.level[point] !== GHOST) { best = far; found = point; }
    }
  }
  return found === null ? null : { row: found % p.n, kind: p.kinds[Math.floor(found / p.n)] };
}
function inside(loop, x, y) {
  let within = false;
  for (let i = 0, j = loop.length - 1; i < loop.length; j = i++) {
    const [xi, yi] = loop[i], [xj, yj] = loop[j];
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) within = !within;
  }
  return within;
}
// Marks the studies inside a lasso on the screen, added to the current selection if it is extended.
function caught(s, p, screen, add) {
  const marks = add ? s.picked.slice() : new Uint8Array(s.data.n), f = project(s, p), xy = places(p);
  const loop = screen.map(([x, y]) => [(x - f.x) / f.a, (f.y - y) / f.a]);
  const [low, high] = [Math.min, Math.max].map((pick) => [0, 1].map((k) => loop.reduce((v, at) => pick(v, at[k]), loop[0][k])));
  for (let point = 0; point < p.level.length; point++) {
    const x = xy[2 * point], y = xy[2 * point + 1];
    if (x >= low[0] && x <= high[0] && y >= low[1] && y <= high[1] && p.level[point] !== GHOST && inside(loop, x, y)) marks[point % p.n] = 1;
  }
  return marks;
}
