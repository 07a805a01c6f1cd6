// The renderer without WebGL: each point is a stamp of pixels blended into the image, so thousands are redrawn
// within a frame even without a GPU, where drawImage alone costs 3 us a point.
// All markers in all colours as lists of pixels: offset from the centre, how much of the background stays
// (of 256), and the marker's own colour, red and blue in one number, green in another.
function stamps(s, r, width, alpha) {
  const key = [r.toFixed(2), s.dpr, width, alpha, s.theme.back, s.colours.join(), s.shapes.join()].join("|");
  const kept = s.stamps.get(key);
  if (kept) return kept;
  const half = Math.ceil((r * 1.35 + 1) * s.dpr), cell = 2 * half, columns = s.colours.length;
  const ctx = new OffscreenCanvas(cell * columns, cell * s.shapes.length).getContext("2d", { willReadFrequently: true });
  s.shapes.forEach((shape, row) => s.colours.forEach((colour, column) => {
    marker(ctx, s, shape, colour, column * cell + half, row * cell + half, r * s.dpr, 0.9 * s.dpr);
  }));
  const at = [], keep = [], redBlue = [], green = [], from = [0];
  for (let k = 0; k < s.shapes.length * columns; k++) {
    const image = ctx.getImageData((k % columns) * cell, Math.floor(k / columns) * cell, cell, cell).data;
    for (let q = 0; q < cell * cell; q++) {
      const share = Math.round((image[4 * q + 3] / 255) * alpha * 256);
      if (!share) continue;
      at.push((Math.floor(q / cell) - half) * width + (q % cell) - half);
      keep.push(256 - share);
      redBlue.push(((image[4 * q + 2] << 16) | image[4 * q]) * share);
      green.push(image[4 * q + 1] * share);
    }
    from.push(at.length);
  }
  const made = { half, from, at: Int32Array.from(at), keep: Int32Array.from(keep), redBlue: Uint32Array.from(redBlue), green: Int32Array.from(green) };
  if (s.stamps.size > 40) s.stamps.clear();
  s.stamps.set(key, made);
  return made;
}
function stamp(pixels, place, { from, at, keep, redBlue, green }, which) {
  for (let q = from[which]; q < from[which + 1]; q++) {
    const j = place + at[q], old = pixels[j], k = keep[q];
    pixels[j] = 0xff000000 | (((Math.imul(old & 0xff00ff, k) + redBlue[q]) >>> 8) & 0xff00ff) | ((Math.imul((old >>> 8) & 0xff, k) + green[q]) & 0xff00);
  }
}


function paintStamps(s, p, share = 1) {
  const { ctx, canvas, order, starts } = p, d = s.dpr, f = project(s, p), r = markerRadius(s, p), xy = places(p), alphas = loudness(s, p);
  // The image has a margin as wide as a marker, so that stamping needs no clipping.
  const rim = Math.ceil((r * 1.35 + 1) * d), width = canvas.width + 2 * rim, height = canvas.height + 2 * rim;
  const image = ctx.getImageData(-rim, -rim, width, height), pixels = new Uint32Array(image.data.buffer);
  const a = f.a * d, x0 = f.x * d, y0 = f.y * d, columns = s.colours.length, ringed = [];
  for (let level = GHOST; level <= RINGED; level++) {
    const end = starts[level] + Math.ceil((starts[level + 1] - starts[level]) * (level === RINGED ? 1 : share));
    if (end === starts[level]) continue;
    const set = stamps(s, r, width, alphas[level]);
    for (let at = starts[level]; at < end; at++) {
      const point = order[at], kind = p.kinds[Math.floor(point / p.n)];
      const x = Math.round(xy[2 * point] * a + x0), y = Math.round(y0 - xy[2 * point + 1] * a);
      if (!(x >= 0 && y >= 0 && x <= canvas.width && y <= canvas.height)) continue; // Also leaves out NaN.
      const slot = slotOf(s, p, point);
      if (level === RINGED) ringed.push([kind, slot, x / d, y / d]);
      else stamp(pixels, (y + rim) * width + x + rim, set, kind * columns + slot);
    }
  }
  ctx.putImageData(image, -rim, -rim);
  for (const [kind, , x, y] of ringed) marker(ctx, s, s.shapes[kind], s.theme.text, x, y, r * 1.55, 1);
  for (const [kind, slot, x, y] of ringed) marker(ctx, s, s.shapes[kind], s.colours[slot], x, y, r * 1.1, 0.9);
}
const stampPainter = (reason) => ({ name: "canvas", reason, paint: paintStamps, forget() {}, drop() {} });
