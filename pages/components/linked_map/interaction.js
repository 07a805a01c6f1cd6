// Interaction: pointer and keys move the views, one hovered study and one selection.
const REACH = 10; // Pixels around the pointer in which a point counts as hit.
const LISTED = 2000; // More selected rows than this go to the app as bits.

// Points by cell of the plane, in flat arrays: cell c holds points[start[c]] to points[start[c + 1] - 1].
// Within a cell they are shuffled, so that every k-th of them all is a fair sample.
function buildGrid(s, p) {
  shuffle(p);
  const xy = places(p), count = xy.length / 2, cells = count > 200000 ? 512 : 128; // A side.
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
// Marks of the studies within a loop on the screen; with the selection so far where it is to grow.
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

function setHover(s, found, p, x, y) {
  const row = found?.row ?? -1;
  if (row !== s.hover.row || (found && found.kind !== s.hover.kind)) {
    s.hover = { row, kind: found?.kind ?? 0 };
    s.root.dataset.hover = row < 0 ? "" : row;
    draw(s, "over");
  }
  markRamp(s, p, row);
  if (row < 0 || row === s.pin.row) return hideCard(s.card);
  const room = s.root.getBoundingClientRect(), stage = p.over.getBoundingClientRect();
  showCard(s, s.card, p, x + stage.left - room.left, y + stage.top - room.top);
}

function chosen(s) {
  const rows = [];
  s.picked.forEach((one, i) => one && rows.push(i));
  return rows;
}
function select(s, marks) {
  s.picked = marks;
  s.count = marks.reduce((sum, one) => sum + one, 0);
  // Millions of levels and a slow picture: the card of a click, if its words come soon, is first.
  if (s.panels.some((p) => p.crowd)) Promise.race([wordsOf(s, Math.max(0, s.pin.row)), new Promise((done) => setTimeout(done, 300))]).then(() => requestAnimationFrame(() => setTimeout(() => s.gone || refresh(s, 60), 30)));
  else refresh(s, s.share < 1 ? 60 : 0); // A slow picture must not hold up the card of a click.
  const up = s.count > LISTED ? { count: s.count, bits: toBase64(packBits(marks)) } : chosen(s), text = JSON.stringify(up);
  if (s.sent !== text) s.send("selected", up);
  s.sent = text;
}
const clearSelection = (s) => select(s, new Uint8Array(s.data.n));
function toggle(s, row, add) {
  const marks = add ? s.picked.slice() : new Uint8Array(s.data.n);
  marks[row] = add ? 1 - marks[row] : 1;
  select(s, marks);
}

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
  const wx = (px - f.x) / f.a, wy = (f.y - py) / f.a; // This place stays under the pointer.
  moveView(s, p.view, { k, x: wx - (px - p.w / 2) / a, y: wy + (py - p.h / 2) / a }, smooth);
}
// One panel of each view: all of them, or the first where they are linked.
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
