// Colours and levels: what a point looks like, and how prominent it is.
const colourOf = (s, index) => s.data.colours?.[index] ?? s.data.colour;

// The palette; its last colour is for missing values.
function assignColours(s) {
  const { colour } = s.data, pick = (i) => colour.palette[i % colour.palette.length];
  if (colour.mode === "value") s.colours = Array.from({ length: STEPS }, (_, i) => rampColour(colour.ramp, i / (STEPS - 1)));
  else s.colours = (colour.mode === "category" ? colour.names : s.kinds).map((_, i) => pick(i));
  s.colours.push(MISSING);
  s.panels.forEach((p, index) => assignSlots(s, p, colourOf(s, index)));
}
// Each study's index in the palette, and the colour and shape of each point as four bytes.
function assignSlots(s, p, { mode, low, high }) {
  const last = s.colours.length - 1, span = high - low || 1, { values } = p;
  p.slot = new Uint8Array(p.n);
  for (let i = 0; values && i < p.n; i++) {
    const v = values[i];
    if (mode === "category") p.slot[i] = v < last ? v : last;
    else p.slot[i] = Number.isNaN(v) ? last : clamp(Math.round(((v - low) / span) * (STEPS - 1)), 0, STEPS - 1);
  }
  const shapes = Object.keys(SHAPES), inks = s.colours.map(rgb);
  p.ink = new Uint8Array(4 * p.n * p.kinds.length);
  for (let point = 0; point < p.n * p.kinds.length; point++) {
    const ink = inks[slotOf(s, p, point)], shape = shapes.indexOf(s.shapes[p.kinds[Math.floor(point / p.n)]]);
    for (let c = 0; c < 3; c++) p.ink[4 * point + c] = ink[c];
    p.ink[4 * point + 3] = shape;
  }
}
const hiddenKind = (s, kind) => s.onlyKinds.size > 0 && !s.onlyKinds.has(kind);
function assignLevels(s) {
  const { picked, count } = s, chosen = count > 200 ? FULL : RINGED;
  s.some = count > 0;
  for (const p of s.panels) {
    const level = new Uint8Array(p.n * p.kinds.length);
    p.kinds.forEach((kind, m) => {
      const hidden = hiddenKind(s, kind);
      for (let i = 0, at = m * p.n; i < p.n; i++, at++) {
        if (hidden || (s.only.size && !s.only.has(p.slot[i]))) level[at] = GHOST;
        else if (picked[i]) level[at] = p.grey?.[at] && chosen === FULL ? DIM : chosen;
        else level[at] = s.some || p.grey?.[at] ? DIM : FULL;
      }
    });
    p.level = level;
    p.loud = p.crowd && s.some ? p.base.filter((point) => level[point] >= FULL) : [];
    if (!p.crowd) arrange(p, p.base);
    p.quiet = 0;
    for (const point of p.grid?.points ?? p.base) if (level[point] === GHOST) p.quiet++;
  }
}
// The number of studies with a visible point.
function countShown(s) {
  const marks = new Uint8Array(s.data.n);
  for (const { level, n } of s.panels) {
    for (let from = 0; from < level.length; from += n) for (let i = 0; i < n; i++) if (level[from + i] !== GHOST) marks[i] = 1;
  }
  return marks.reduce((sum, one) => sum + one, 0);
}
