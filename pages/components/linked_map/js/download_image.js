// The image for download: both maps with titles and legend on one canvas, for a slide or a paper.
function picture(s) {
  const { colour } = s.data, { text, back, border, font } = s.theme, d = s.dpr, gap = 20, top = 44;
  const wide = s.panels.reduce((sum, p) => sum + p.w + gap, gap), tall = Math.max(...s.panels.map((p) => p.h));
  const items = s.kinds.map((name, k) => [s.shapes[k], colour.mode === "modality" ? s.colours[k] : text, name]);
  if (colour.mode === "category") colour.names.forEach((name, k) => { if (s.panels.some((p) => p.slot.includes(k))) items.push(["circle", s.colours[k], name]); });
  const canvas = document.createElement("canvas"), ctx = canvas.getContext("2d"), places = [];
  const small = `13px ${font}`;
  ctx.font = small;
  let x = gap, y = top + tall + 28;
  for (const item of items) {
    const width = ctx.measureText(item[2]).width + 36;
    if (x + width > wide) { x = gap; y += 22; }
    places.push([x, y, ...item]);
    x += width;
  }
  if (colour.mode === "value") y += 24;
  canvas.width = wide * d;
  canvas.height = (y + 20) * d;
  ctx.scale(d, d);
  ctx.fillStyle = back;
  ctx.fillRect(0, 0, wide, y + 20);
  x = gap;
  ctx.textBaseline = "middle";
  s.panels.forEach((p, i) => {
    const { title, accent } = s.data.panels[i];
    ctx.fillStyle = accent;
    ctx.fillRect(x, 18, 10, 10);
    ctx.font = `600 15px ${font}`;
    ctx.fillStyle = text;
    ctx.fillText(title, x + 18, 24);
    ctx.strokeStyle = border;
    ctx.strokeRect(x, top, p.w, p.h);
    ctx.drawImage(p.canvas, x, top, p.w, p.h);
    ctx.save();
    ctx.translate(x, top);
    paintNames(s, p, ctx);
    if (p.crowd) {
      ctx.font = `12px ${font}`;
      ctx.fillStyle = text;
      ctx.fillText(p.note.textContent, 10, p.h - 14);
    }
    ctx.restore();
    x += p.w + gap;
  });
  ctx.font = small;
  for (const [at, line, shape, ink, name] of places) {
    marker(ctx, s, shape, ink, at + 6, line, 5, 0.5);
    ctx.fillStyle = text;
    ctx.fillText(name, at + 18, line + 0.5);
  }
  if (colour.mode === "value") {
    const label = `${colour.name}  ${number(colour.low)}`, start = gap + ctx.measureText(label).width + 10;
    const fill = ctx.createLinearGradient(start, 0, start + 140, 0);
    colour.ramp.forEach((c, i) => fill.addColorStop(i / Math.max(1, colour.ramp.length - 1), c));
    ctx.fillText(label, gap, y);
    ctx.fillText(number(colour.high), start + 150, y);
    ctx.fillStyle = fill;
    ctx.fillRect(start, y - 5, 140, 10);
  }
  return canvas;
}
function download(s) {
  picture(s).toBlob((blob) => {
    const link = el("a"), url = URL.createObjectURL(blob);
    link.href = url;
    link.download = `map-${s.data.panels.map((p) => p.title.replace(/[^\w-]+/g, "-")).join("-")}.png`.toLowerCase();
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  });
}
