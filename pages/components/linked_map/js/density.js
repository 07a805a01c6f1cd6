// Density: point counts as a smooth shade in the points' own colours, for maps too full to read otherwise.
// Side of a counted cell in pixels, and the radius in cells of each of the three smoothing passes. A crowd has
// enough points for a sharp image.
const grainOf = (p) => (p.crowd ? { side: 2, soft: 1 } : { side: 4, soft: 2 });
const CROWD = 20000, FEW = 5000;
const LONE = 0.05; // What smoothing leaves of an isolated point.
const REST = 0.15; // Weight of an unselected point while others are selected.

// Points in view, to whole cells of the search grid.
function inView(s, p) {
  if (!p.grid) return p.count;
  return spans(s, p).reduce((sum, [from, to]) => sum + to - from, 0);
}
// The ranges of the search grid that hold the points in view.
function spans(s, p) {
  const f = project(s, p), { start, cell, cells } = p.grid, found = [];
  const left = cell((0 - f.x) / f.a), right = cell((p.w - f.x) / f.a);
  for (let row = cell((f.y - p.h) / f.a); row <= cell(f.y / f.a); row++) found.push([start[left + cells * row], start[right + cells * row + 1]]);
  return found;
}
// Over a density, points are fainter the more there are.
const faintness = (s, p) => clamp(6000 / (inView(s, p) + 1), 0.06, 0.6);
// Switched on by the button, or by a crowd.
const isDense = (s, p) => s.density ?? (p.count > CROWD && inView(s, p) >= FEW);

// A running mean along rows or columns, in place.
function smooth(grid, soft, lines, length, across, along) {
  const kept = new Float32Array(length), width = 2 * soft + 1;
  for (let line = 0; line < lines; line++) {
    const from = line * across;
    let sum = 0;
    for (let k = 0; k < length; k++) kept[k] = grid[from + k * along];
    for (let k = 0; k < Math.min(soft, length); k++) sum += kept[k];
    for (let k = 0; k < length; k++) {
      if (k + soft < length) sum += kept[k + soft];
      if (k > soft) sum -= kept[k - soft - 1];
      grid[from + k * along] = sum / width;
    }
  }
}
// While the view moves, every k-th point is counted.
const stepOf = (p, share) => Math.max(1, Math.min(p.crowd ? 32 : 8, Math.round(1 / share)));
function paintDensity(s, p, share) {
  const { side, soft } = grainOf(p), w = Math.ceil(p.w / side), h = Math.ceil(p.h / side), f = project(s, p), xy = places(p);
  const sums = [0, 1, 2, 3].map(() => new Float32Array(w * h)); // Red, green, blue, count.
  const a = f.a / side, x0 = f.x / side, y0 = f.y / side;
  const step = stepOf(p, share), { level, ink } = p, [red, green, blue, count] = sums, grey = rgb(MISSING);
  const points = p.grid?.points ?? p.base;
  for (const [from, to] of p.grid ? spans(s, p) : [[0, points.length]]) {
    for (let at = from; at < to; at += step) {
      const point = points[at], x = xy[2 * point] * a + x0, y = y0 - xy[2 * point + 1] * a;
      if (!(x >= 0 && y >= 0 && x < w && y < h) || level[point] === GHOST) continue; // Also leaves out NaN.
      const cell = Math.floor(y) * w + Math.floor(x), rest = s.some && level[point] === DIM, own = rest ? REST : 1;
      red[cell] += own * (rest ? grey[0] : ink[4 * point]);
      green[cell] += own * (rest ? grey[1] : ink[4 * point + 1]);
      blue[cell] += own * (rest ? grey[2] : ink[4 * point + 2]);
      count[cell] += own;
    }
  }
  for (const grid of sums) {
    for (let pass = 0; pass < 3; pass++) {
      smooth(grid, soft, h, w, w, 1);
      smooth(grid, soft, w, h, 1, w);
    }
  }
  shade(p, sums, w, h, side);
}
// The densest cell is darkest. In a crowd even an isolated point leaves a mark, because no points are drawn.
function shade(p, [red, green, blue, count], w, h, side) {
  const image = new ImageData(w, h), small = new OffscreenCanvas(w, h), top = count.reduce((a, b) => Math.max(a, b), 0) || 1;
  for (let cell = 0; cell < w * h; cell++) {
    const c = count[cell];
    if (c <= (p.crowd ? 0.01 * REST : 1e-4 * top)) continue;
    const loud = p.crowd ? 0.12 + 0.88 * (c / top) ** 0.4 : Math.sqrt(c / top);
    image.data.set([red[cell] / c, green[cell] / c, blue[cell] / c, (p.crowd ? 240 * Math.min(1, c / LONE) : 225) * loud], 4 * cell);
  }
  small.getContext("2d").putImageData(image, 0, 0);
  p.ctx.imageSmoothingQuality = "high";
  p.ctx.drawImage(small, 0, 0, w * side, h * side);
}
