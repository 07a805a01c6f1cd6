// Shared by all drawing: shapes, colours, coordinates to screen positions, drawing order.
const SHAPES = {
  triangle: "M0-1.22L1.16.86H-1.16Z",
  diamond: "M0-1.3L1.06 0 0 1.3-1.06 0Z",
  circle: "M.98 0A.98.98 0 1 1-.98 0A.98.98 0 1 1 .98 0Z",
  square: "M-.88-.88H.88V.88H-.88Z",
};
const MISSING = "#9AA0A6";
const STEPS = 48; // Colours in a ramp.
const MOST_LINES = 10000, MOST_IN_CROWD = 500; // More lines would be slow and merge to grey, or hide the density.
const GHOST = 0, DIM = 1, FULL = 2, RINGED = 3; // How prominently a point is drawn.
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
// A point's index in the palette.
function slotOf(s, p, point) {
  if (p.grey?.[point]) return s.colours.length - 1;
  return s.data.colour.mode === "modality" ? p.kinds[Math.floor(point / p.n)] : p.slot[point % p.n];
}

// Screen position = (world - view) * scale + centre, in CSS pixels; y points up.
function project(s, p) {
  const view = p.view ?? s.view, a = s.fit(p) * view.k;
  return { a, x: p.w / 2 - view.x * a, y: p.h / 2 + view.y * a };
}
// A point is a number: modality * studies + study. Its coordinates are at twice that in p.xy; NaN = missing.
function screenOf(s, p, m, i) {
  const f = project(s, p), at = 2 * (m * p.n + i), xy = places(p);
  return [xy[at] * f.a + f.x, f.y - xy[at + 1] * f.a];
}
// Interpolates between frames a and b (columns of 16-bit coordinates) by the fraction t.
function places(p) {
  if (!p.stale) return p.xy;
  const { a, b, t } = p;
  if (p.xy?.length !== b.length) p.xy = new Float32Array(b.length);
  for (let j = 0; j < b.length; j++) {
    const to = b[j], from = a[j] === 65535 ? to : a[j];
    p.xy[j] = to === 65535 ? NaN : (from + (to - from) * t) / 32767 - 1;
  }
  p.stale = false;
  return p.xy;
}

// A fixed shuffle, so that no category is on top only because it comes last in the table, and the first k
// points are a fair sample. The points of a study stay together.
function shuffled(n, modalities) {
  const order = new Uint32Array(n), points = new Uint32Array(n * modalities);
  for (let i = 0; i < n; i++) order[i] = i;
  for (let i = n - 1, seed = 7; i > 0; i--) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    const j = seed % (i + 1);
    const kept = order[i];
    order[i] = order[j];
    order[j] = kept;
  }
  for (let i = 0, at = 0; i < n; i++) for (let m = 0; m < modalities; m++) points[at++] = m * n + order[i];
  return points;
}
function shuffle(p) {
  const length = p.n * p.kinds.length;
  if (p.base?.length !== length || p.base.n !== p.n) Object.assign((p.base = shuffled(p.n, p.kinds.length)), { n: p.n });
}
// The drawing order of some points: more prominent ones later. p.starts says where each level begins.
function arrange(p, points) {
  const { level } = p, starts = [0, 0, 0, 0, 0], order = new Uint32Array(points.length);
  for (let at = 0; at < points.length; at++) starts[level[points[at]] + 1]++;
  for (let k = 0; k < 4; k++) starts[k + 1] += starts[k];
  const fill = starts.slice();
  for (let at = 0; at < points.length; at++) order[fill[level[points[at]]]++] = points[at];
  Object.assign(p, { order, starts });
}

function markerRadius(s, p) {
  const size = clamp(9.4 - 0.7 * Math.log(p.count + 1), 1.6, 5.4), { k } = p.view ?? s.view;
  // In steps, so that zooming rarely needs new stamps.
  return Math.round(size * clamp(k ** 0.25, 1, 1.9) * (p.w < 420 ? 0.9 : 1) * 4) / 4;
}
function loudness(s, p) {
  const faint = p.dense ? faintness(s, p) : 1;
  return [0.07 * faint, 0.22 * faint, (s.some ? 1 : p.count > 4000 ? 0.82 : 0.9) * (s.some ? 1 : faint), 1];
}

// Draws one map, back to front. A share below 1 draws a sample, for frames of a moving view.
function paintMap(s, p, share = 1) {
  const { ctx } = p;
  ctx.fillStyle = s.theme.back;
  ctx.fillRect(0, 0, p.w, p.h);
  if (p.crowd) lookAt(s, p);
  if (p.dense) paintDensity(s, p, share);
  if (p.note) tellCrowd(s, p, share);
  if (s.data.lines !== "none") paintLines(s, p);
  (s.painter?.paint ?? paintStamps)(s, p, share);
}

// The points of a study, joined in the order of the modalities.
function trace(ctx, p, f, i) {
  const xy = places(p);
  let open = false;
  for (let at = 2 * i; at < xy.length; at += 2 * p.n) {
    const x = xy[at] * f.a + f.x, y = f.y - xy[at + 1] * f.a;
    if (Number.isNaN(x)) continue;
    if (open) ctx.lineTo(x, y);
    else ctx.moveTo(x, y);
    open = true;
  }
}
const mostLines = (s) => (s.panels.some((p) => p.crowd) ? MOST_IN_CROWD : MOST_LINES);
function lined(s, p) {
  const { lines, n } = s.data, own = { all: () => true, selected: (i) => s.picked[i], worst: (i) => s.worst?.[i] }[lines];
  const rows = [];
  for (const point of p.base) if (point < n && own(point) && rows.push(point) === mostLines(s)) break;
  return rows;
}
function paintLines(s, p) {
  const rows = lined(s, p), all = s.data.lines === "all", loud = clamp((all ? 3.6 : 3) / Math.sqrt(rows.length + 1), 0.05, all ? 0.25 : 0.6);
  const most = (i) => { let top = GHOST; for (let at = i; at < p.level.length; at += p.n) top = Math.max(top, p.level[at]); return top; };
  strokeLines(s, p, rows.filter((i) => most(i) === DIM), loud * 0.35);
  strokeLines(s, p, rows.filter((i) => most(i) > DIM), loud);
}
function strokeLines(s, p, rows, alpha) {
  const { ctx } = p, f = project(s, p);
  ctx.globalAlpha = alpha;
  ctx.strokeStyle = s.theme.text;
  ctx.lineWidth = s.data.lines === "all" ? 0.75 : 1;
  for (let at = 0; at < rows.length; at += 100) { // Long paths with many crossings are slow to stroke.
    ctx.beginPath();
    for (const i of rows.slice(at, at + 100)) trace(ctx, p, f, i);
    ctx.stroke();
  }
  ctx.globalAlpha = 1;
}
