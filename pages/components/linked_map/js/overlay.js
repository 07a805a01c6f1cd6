// The upper canvas: names of regions, the study under the pointer, and the lasso while it is drawn.
function paintOver(s, p) {
  const ctx = p.octx, i = s.hover.row;
  ctx.clearRect(0, 0, p.w, p.h);
  paintNames(s, p, ctx);
  if (i >= 0) paintStudy(s, p, ctx, i);
  const loop = s.lasso?.panel === p ? s.lasso.points : [];
  if (loop.length > 1) paintLoop(ctx, loop, s.theme.text);
}
function paintStudy(s, p, ctx, i) {
  const { text, back } = s.theme, f = project(s, p), r = Math.max(3, markerRadius(s, p)) * 1.5;
  for (const [width, colour] of [[4, back], [1.75, text]]) {
    ctx.beginPath();
    trace(ctx, p, f, i);
    ctx.lineWidth = width;
    ctx.strokeStyle = colour;
    ctx.stroke();
  }
  p.kinds.forEach((kind, m) => {
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
    marker(ctx, s, s.shapes[kind], s.colours[slotOf(s, p, m * p.n + i)], x, y, r, 0.5);
  });
}
function paintLoop(ctx, loop, colour) {
  ctx.beginPath();
  loop.forEach(([x, y]) => ctx.lineTo(x, y));
  ctx.closePath();
  ctx.globalAlpha = 0.1;
  ctx.fillStyle = colour;
  ctx.fill();
  ctx.globalAlpha = 1;
  ctx.setLineDash([5, 4]);
  ctx.lineWidth = 1.5;
  ctx.strokeStyle = colour;
  ctx.stroke();
  ctx.setLineDash([]);
}

// Names of regions, larger ones first, without overlap; a name fades when the view is narrower than its region.
// They belong to the frame that the app starts on, and are hidden on others.
function paintNames(s, p, ctx) {
  p.names = [];
  const fade = clamp((14 - p.view.k) / 6, 0, 1), elsewhere = s.data.frames.length > 1 && s.at !== s.data.frame;
  if (!s.naming || !fade || elsewhere) return;
  const f = project(s, p), taken = [];
  ctx.font = `600 13px ${s.theme.font}`;
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  ctx.lineJoin = "round";
  ctx.lineWidth = 5;
  ctx.globalAlpha = fade;
  for (const { x, y, name } of [...p.regions].sort((a, b) => b.n - a.n)) {
    const word = name.length > 34 ? `${name.slice(0, 33)}\u2026` : name, half = ctx.measureText(word).width / 2 + 6;
    const at = [clamp(x * f.a + f.x, half, Math.max(half, p.w - half)), f.y - y * f.a], box = [at[0] - half, at[1] - 10, at[0] + half, at[1] + 10];
    const near = x * f.a + f.x > 0 && x * f.a + f.x < p.w && at[1] > 10 && at[1] < p.h - 10;
    if (!near || taken.some((b) => box[0] < b[2] && box[2] > b[0] && box[1] < b[3] && box[3] > b[1])) continue;
    taken.push(box);
    p.names.push(name);
    ctx.strokeStyle = s.theme.back;
    ctx.strokeText(word, ...at);
    ctx.fillStyle = s.theme.text;
    ctx.fillText(word, ...at);
  }
  ctx.globalAlpha = 1;
  ctx.textAlign = "start";
}
