// Density: how many points lie where, as a soft shade in the points' own colours, for maps too full to see it.
const CELL = 4; // Pixels a side of a cell that is counted.
const SOFT = 2; // Cells that one of three smoothings reaches to either side.
const CROWD = 20000, FEW = 5000;

// Points in view, to the nearest cells of the search grid.
function inView(s, p) {
  if (!p.grid) return p.count;
  const f = project(s, p), { start, cell } = p.grid;
  let count = 0;
  const left = cell((0 - f.x) / f.a), right = cell((p.w - f.x) / f.a);
  for (let row = cell((f.y - p.h) / f.a); row <= cell(f.y / f.a); row++) count += start[right + CELLS * row + 1] - start[left + CELLS * row];
  return count;
}
// Over a shade points are the fainter the more of them there are.
const faintness = (s, p) => clamp(6000 / (inView(s, p) + 1), 0.06, 0.6);
// What the button asks for, or what the crowd does.
const isDense = (s, p) => s.density ?? (p.count > CROWD && inView(s, p) >= FEW);

// A running mean along rows or columns, in place.
function smooth(grid, lines, length, across, along) {
  const kept = new Float32Array(length), width = 2 * SOFT + 1;
  for (let line = 0; line < lines; line++) {
    const from = line * across;
    let sum = 0;
    for (let k = 0; k < length; k++) kept[k] = grid[from + k * along];
    for (let k = 0; k < Math.min(SOFT, length); k++) sum += kept[k];
    for (let k = 0; k < length; k++) {
      if (k + SOFT < length) sum += kept[k + SOFT];
      if (k > SOFT) sum -= kept[k - SOFT - 1];
      grid[from + k * along] = sum / width;
    }
  }
}
function paintDensity(s, p, share) {
  const w = Math.ceil(p.w / CELL), h = Math.ceil(p.h / CELL), f = project(s, p), xy = places(p);
  const sums = [0, 1, 2, 3].map(() => new Float32Array(w * h)); // Red, green, blue, count.
  const a = f.a / CELL, x0 = f.x / CELL, y0 = f.y / CELL;
  const step = Math.max(1, Math.min(8, Math.round(1 / share))); // The order is shuffled: every k-th is a sample.
  for (let at = p.starts[DIM]; at < p.order.length; at += step) {
    const point = p.order[at], x = xy[2 * point] * a + x0, y = y0 - xy[2 * point + 1] * a;
    if (!(x >= 0 && y >= 0 && x < w && y < h)) continue; // Also leaves out NaN.
    const cell = Math.floor(y) * w + Math.floor(x);
    for (let c = 0; c < 3; c++) sums[c][cell] += p.ink[4 * point + c];
    sums[3][cell]++;
  }
  for (const grid of sums) {
    for (let pass = 0; pass < 3; pass++) {
      smooth(grid, h, w, w, 1);
      smooth(grid, w, h, 1, w);
    }
  }
  shade(p, sums, w, h);
}
function shade(p, [red, green, blue, count], w, h) {
  const image = new ImageData(w, h), small = new OffscreenCanvas(w, h), top = count.reduce((a, b) => Math.max(a, b), 0) || 1;
  for (let cell = 0; cell < w * h; cell++) {
    const c = count[cell];
    if (c <= 1e-4 * top) continue;
    image.data.set([red[cell] / c, green[cell] / c, blue[cell] / c, 225 * Math.sqrt(c / top)], 4 * cell);
  }
  small.getContext("2d").putImageData(image, 0, 0);
  p.ctx.imageSmoothingQuality = "high";
  p.ctx.drawImage(small, 0, 0, w * CELL, h * CELL);
}
