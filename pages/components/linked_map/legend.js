// Legend: what shapes and colours mean; a click shows that part alone. Also the picture for download.
function el(tag, name, text) {
  const node = document.createElement(tag);
  if (name) node.className = name;
  if (text !== undefined) node.textContent = text;
  return node;
}
function glyph(shape, colour) {
  const make = (tag) => document.createElementNS("http://www.w3.org/2000/svg", tag);
  const svg = make("svg"), path = make("path");
  svg.setAttribute("viewBox", "-1.2 -1.2 2.4 2.4");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", SHAPES[shape]);
  path.setAttribute("fill", colour);
  svg.append(path);
  return svg;
}
const number = (v) => (v === 0 || (Math.abs(v) >= 1e-3 && Math.abs(v) < 1e5) ? String(+v.toPrecision(3)) : v.toExponential(1)).replace("-", "\u2212");

function chip(s, group, chosen, id, mark, name, count) {
  const button = el("button", "lm-chip");
  button.type = "button";
  button.setAttribute("aria-pressed", String(chosen.has(id)));
  button.title = `Show ${name} alone`;
  button.append(mark, el("span", "", name));
  if (count !== undefined) button.append(el("span", "lm-faint", count.toLocaleString("en")));
  button.addEventListener("click", () => {
    if (!chosen.delete(id)) chosen.add(id);
    for (const node of group.querySelectorAll(".lm-chip")) node.setAttribute("aria-pressed", String(chosen.has(+node.dataset.id)));
    group.classList.toggle("lm-some", chosen.size > 0);
    refresh(s);
  });
  button.dataset.id = id;
  group.append(button);
}
function buildLegend(s) {
  const { colour, values } = s.data, legend = s.nodes.legend;
  const shapes = el("div", "lm-group lm-shapes"), meaning = el("div", "lm-group lm-colours");
  legend.replaceChildren(shapes);
  shapes.classList.toggle("lm-some", s.onlyKinds.size > 0);
  meaning.classList.toggle("lm-some", s.only.size > 0);
  s.kinds.forEach((name, kind) => {
    const ink = colour.mode === "modality" ? s.colours[kind] : "currentColor";
    chip(s, shapes, s.onlyKinds, kind, glyph(s.shapes[kind], ink), name);
  });
  if (s.data.panels.some((panel) => panel.greyed.some((rows) => rows.length))) shapes.append(glyphNote("distorted by the map"));
  if (colour.mode === "modality") return;
  legend.append(meaning);
  if (colour.name) meaning.append(el("span", "lm-name", colour.name));
  if (colour.mode === "category") {
    const counts = new Array(s.colours.length).fill(0);
    s.slot.forEach((slot) => counts[slot]++);
    [...colour.names, "none"].forEach((name, slot) => {
      if (counts[slot]) chip(s, meaning, s.only, slot, glyph("circle", s.colours[slot]), name, counts[slot]);
    });
    return;
  }
  const ramp = el("div", "lm-ramp");
  ramp.style.background = `linear-gradient(90deg, ${colour.ramp.join(",")})`;
  s.nodes.tick = el("div", "lm-tick");
  s.nodes.tick.hidden = true;
  ramp.append(s.nodes.tick);
  meaning.append(el("span", "lm-faint", number(colour.low)), ramp, el("span", "lm-faint", number(colour.high)));
  if (values.some(Number.isNaN)) meaning.append(glyphNote("none"));
}
function glyphNote(text) {
  const note = el("span", "lm-chip");
  note.append(glyph("circle", MISSING), el("span", "", text));
  return note;
}

// Both maps with titles and legend on one canvas: what a slide or a paper needs.
function picture(s) {
  const { colour } = s.data, { text, back, border, font } = s.theme, d = s.dpr, gap = 20, top = 44;
  const wide = s.panels.reduce((sum, p) => sum + p.w + gap, gap), tall = Math.max(...s.panels.map((p) => p.h));
  const items = s.kinds.map((name, k) => [s.shapes[k], colour.mode === "modality" ? s.colours[k] : text, name]);
  if (colour.mode === "category") colour.names.forEach((name, k) => { if (s.slot.includes(k)) items.push(["circle", s.colours[k], name]); });
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
