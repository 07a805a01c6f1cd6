// Drawing: every point is a stamp of pixels blended into the picture, so thousands repaint within a frame
// even without a graphics card, where drawImage alone costs 3 us a point.
const SHAPES = {
  triangle: "M0-1.22L1.16.86H-1.16Z",
  diamond: "M0-1.3L1.06 0 0 1.3-1.06 0Z",
  circle: "M.98 0A.98.98 0 1 1-.98 0A.98.98 0 1 1 .98 0Z",
  square: "M-.88-.88H.88V.88H-.88Z",
};
const MISSING = "#9AA0A6";
const STEPS = 48; // Colours along a ramp.
const GHOST = 0, DIM = 1, FULL = 2, RINGED = 3; // How loud a study is drawn.
const clamp = (v, low, high) => Math.max(low, Math.min(high, v));

const probe = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
const seen = new Map();
function rgb(css) {
  if (!seen.has(css)) {
    probe.clearRect(0, 0, 1, 1);
    probe.fillStyle = css;
    probe.fillRect(0, 0, 1, 1);
    seen.set(css, [...probe.getImageData(0, 0, 1, 1).data.slice(0, 3)]);
  }
  return seen.get(css);
}
function mix(a, b, t) {
  const [x, y] = [rgb(a), rgb(b)];
  return `rgb(${x.map((v, i) => Math.round(v + (y[i] - v) * t)).join(",")})`;
}
function rampColour(stops, t) {
  const at = clamp(t, 0, 1) * (stops.length - 1), i = Math.min(Math.floor(at), stops.length - 2);
  return stops.length < 2 ? stops[0] : mix(stops[i], stops[i + 1], at - i);
}

function readTheme(s) {
  const css = getComputedStyle(s.root);
  const get = (name, other) => css.getPropertyValue(`--st-${name}`).trim() || other;
  s.theme = {
    back: get("background-color", "#fff"), text: get("text-color", "#222"), font: get("font", "sans-serif"),
    border: get("border-color", "#ddd"),
  };
}

// Each study's place in the list of colours; the last colour is for missing values.
function assignColours(s) {
  const { colour, n, values } = s.data;
  const pick = (i) => colour.palette[i % colour.palette.length];
  if (colour.mode === "value") s.colours = Array.from({ length: STEPS }, (_, i) => rampColour(colour.ramp, i / (STEPS - 1)));
  else s.colours = (colour.mode === "category" ? colour.names : s.kinds).map((_, i) => pick(i));
  s.colours.push(MISSING);
  const last = s.colours.length - 1, span = colour.high - colour.low || 1;
  s.slot = new Uint16Array(n);
  for (let i = 0; values && i < n; i++) {
    const v = values[i];
    if (Number.isNaN(v)) s.slot[i] = last;
    else s.slot[i] = colour.mode === "category" ? v : clamp(Math.round(((v - colour.low) / span) * (STEPS - 1)), 0, STEPS - 1);
  }
}
const slotOf = (s, i, kind) => (s.data.colour.mode === "modality" ? kind : s.slot[i]);

// Screen position = (world - view) * scale + centre, in CSS pixels; y points up.
function project(s, p) {
  const a = s.fit(p) * s.view.k;
  return { a, x: p.w / 2 - s.view.x * a, y: p.h / 2 + s.view.y * a };
}
function screenOf(s, p, m, i) {
  const f = project(s, p);
  return [p.now[m][2 * i] * f.a + f.x, f.y - p.now[m][2 * i + 1] * f.a];
}

function markerRadius(s, p) {
  const size = clamp(9.4 - 0.7 * Math.log(p.count + 1), 2.3, 5.4);
  // In steps, so that zooming seldom needs new stamps.
  return Math.round(size * clamp(s.view.k ** 0.25, 1, 1.9) * (p.w < 420 ? 0.9 : 1) * 4) / 4;
}
function marker(ctx, s, shape, colour, x, y, r, edge) {
  ctx.save();
  ctx.translate(x, y);
  ctx.scale(r, r);
  const path = new Path2D(SHAPES[shape]);
  ctx.lineJoin = "round";
  ctx.fillStyle = colour;
  ctx.fill(path);
  ctx.lineWidth = edge / r;
  ctx.strokeStyle = s.theme.back;
  ctx.stroke(path);
  ctx.restore();
}
// All markers in all colours as lists of pixels: where (relative to the centre), how much of the picture
// stays (of 256), and the marker's own share, red and blue in one number, green in another.
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

function assignLevels(s) {
  const { n } = s.data, some = s.selected.size > 0, ring = s.selected.size <= 200;
  s.level ??= new Uint8Array(n);
  if (s.level.length !== n) s.level = new Uint8Array(n);
  const greyed = s.panels.some((p) => p.greyed?.some((rows) => rows.size > 0));
  s.quiet = some || greyed || s.only.size > 0 || s.onlyKinds.size > 0; // Whether anything is less than full.
  for (let i = 0; i < n; i++) {
    if (s.only.size && !s.only.has(s.slot[i])) s.level[i] = GHOST;
    else s.level[i] = !some ? FULL : !s.selected.has(i) ? DIM : ring ? RINGED : FULL;
  }
}
const hiddenKind = (s, kind) => s.onlyKinds.size > 0 && !s.onlyKinds.has(kind);

function paintMap(s, p) {
  const { ctx, canvas } = p, d = s.dpr, f = project(s, p), r = markerRadius(s, p), some = s.selected.size > 0;
  // The picture gets a rim as wide as a marker, so that stamping needs no clipping.
  const rim = Math.ceil((r * 1.35 + 1) * d), width = canvas.width + 2 * rim, height = canvas.height + 2 * rim;
  let image = p.image;
  if (s.data.lines === "none") {
    if (image?.width !== width || image.height !== height) image = p.image = new ImageData(width, height);
  } else {
    ctx.fillStyle = s.theme.back;
    ctx.fillRect(0, 0, p.w, p.h);
    paintLines(s, p, f);
    image = ctx.getImageData(-rim, -rim, width, height);
  }
  const pixels = new Uint32Array(image.data.buffer), [red, green, blue] = rgb(s.theme.back);
  if (image === p.image) pixels.fill((255 << 24) | (blue << 16) | (green << 8) | red);
  const a = f.a * d, x0 = f.x * d, y0 = f.y * d, ringed = [];
  const loud = some ? 1 : p.count > 4000 ? 0.82 : 0.9, columns = s.colours.length, byKind = s.data.colour.mode === "modality";
  let painted = 0;
  for (let level = GHOST; level <= FULL; level++) {
    if (level < FULL && !s.quiet) continue;
    const set = stamps(s, r, width, [0.07, 0.22, loud][level]);
    for (const i of s.order) {
      for (let m = 0; m < p.now.length; m++) {
        const kind = p.kinds[m], grey = p.greyed?.[m]?.has(i) && s.level[i] !== RINGED;
        const own = hiddenKind(s, kind) ? GHOST : grey ? Math.min(s.level[i], DIM) : s.level[i];
        if (own !== level && !(own === RINGED && level === FULL)) continue;
        const x = Math.round(p.now[m][2 * i] * a + x0), y = Math.round(y0 - p.now[m][2 * i + 1] * a);
        if (!(x >= 0 && y >= 0 && x <= canvas.width && y <= canvas.height)) continue; // Also leaves out NaN.
        painted++;
        if (own === RINGED) ringed.push([kind, byKind ? kind : s.slot[i], x / d, y / d]);
        else stamp(pixels, (y + rim) * width + x + rim, set, kind * columns + (grey ? columns - 1 : byKind ? kind : s.slot[i]));
      }
    }
  }
  ctx.putImageData(image, -rim, -rim);
  for (const [kind, , x, y] of ringed) marker(ctx, s, s.shapes[kind], s.theme.text, x, y, r * 1.55, 1);
  for (const [kind, slot, x, y] of ringed) marker(ctx, s, s.shapes[kind], s.colours[slot], x, y, r * 1.1, 0.9);
  return painted;
}

// The points of one study, joined in the order of the modalities.
function trace(ctx, s, p, f, i) {
  let open = false;
  for (const xy of p.now) {
    const x = xy[2 * i] * f.a + f.x, y = f.y - xy[2 * i + 1] * f.a;
    if (Number.isNaN(x)) continue;
    if (open) ctx.lineTo(x, y);
    else ctx.moveTo(x, y);
    open = true;
  }
}
function paintLines(s, p, f) {
  const { lines, worst, n } = s.data;
  if (lines === "none") return;
  const rows = lines === "all" ? s.order : lines === "worst" ? worst : [...s.selected];
  const loud = lines === "all" ? clamp(3.6 / Math.sqrt(n), 0.05, 0.25) : clamp(3 / Math.sqrt(rows.length + 1), 0.06, 0.6);
  strokeLines(s, p, f, rows.filter((i) => s.level[i] === DIM), loud * 0.35);
  strokeLines(s, p, f, rows.filter((i) => s.level[i] > DIM), loud);
}
function strokeLines(s, p, f, rows, alpha) {
  const { ctx } = p;
  ctx.globalAlpha = alpha;
  ctx.strokeStyle = s.theme.text;
  ctx.lineWidth = s.data.lines === "all" ? 0.75 : 1;
  for (let at = 0; at < rows.length; at += 100) { // Long paths with many crossings stroke slowly.
    ctx.beginPath();
    for (const i of rows.slice(at, at + 100)) trace(ctx, s, p, f, i);
    ctx.stroke();
  }
  ctx.globalAlpha = 1;
}

// The upper canvas: the study under the pointer, and the lasso while it is drawn.
function paintOver(s, p) {
  const ctx = p.octx, i = s.hover.row, { text, back } = s.theme;
  ctx.clearRect(0, 0, p.w, p.h);
  if (i >= 0) {
    const f = project(s, p), r = markerRadius(s, p) * 1.5;
    for (const [width, colour] of [[4, back], [1.75, text]]) {
      ctx.beginPath();
      trace(ctx, s, p, f, i);
      ctx.lineWidth = width;
      ctx.strokeStyle = colour;
      ctx.stroke();
    }
    p.now.forEach((xy, m) => {
      const [x, y] = screenOf(s, p, m, i);
      if (Number.isNaN(x)) return;
      ctx.beginPath();
      ctx.arc(x, y, r + 6, 0, 7);
      ctx.globalAlpha = 0.85;
      ctx.fillStyle = back;
      ctx.fill();
      ctx.globalAlpha = 1;
      ctx.lineWidth = 1.75;
      ctx.strokeStyle = text;
      ctx.stroke();
      marker(ctx, s, s.shapes[p.kinds[m]], s.colours[slotOf(s, i, p.kinds[m])], x, y, r, 0.5);
    });
  }
  const loop = s.lasso?.panel === p ? s.lasso.points : [];
  if (loop.length > 1) {
    ctx.beginPath();
    loop.forEach(([x, y]) => ctx.lineTo(x, y));
    ctx.closePath();
    ctx.globalAlpha = 0.1;
    ctx.fillStyle = text;
    ctx.fill();
    ctx.globalAlpha = 1;
    ctx.setLineDash([5, 4]);
    ctx.lineWidth = 1.5;
    ctx.strokeStyle = text;
    ctx.stroke();
    ctx.setLineDash([]);
  }
}
