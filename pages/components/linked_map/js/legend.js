// Legend: the meaning of shapes and colours; a click shows only that part.
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
  const { colour } = s.data, legend = s.nodes.legend;
  const shapes = el("div", "lm-group lm-shapes"), meaning = el("div", "lm-group lm-colours");
  legend.replaceChildren(shapes);
  shapes.classList.toggle("lm-some", s.onlyKinds.size > 0);
  meaning.classList.toggle("lm-some", s.only.size > 0);
  s.kinds.forEach((name, kind) => {
    const ink = colour.mode === "modality" ? s.colours[kind] : "currentColor";
    chip(s, shapes, s.onlyKinds, kind, glyph(s.shapes[kind], ink), name);
  });
  if (s.panels.some((p) => p.grey?.includes(1))) shapes.append(glyphNote("distorted by the map"));
  if (colour.mode === "modality") return;
  legend.append(meaning);
  if (colour.name) meaning.append(el("span", "lm-name", colour.name));
  if (colour.mode === "category") {
    const counts = new Array(s.colours.length).fill(0), several = s.data.colours; // A and B differ: no single count.
    for (const p of s.panels) p.slot.forEach((slot) => counts[slot]++);
    [...colour.names, "none"].forEach((name, slot) => {
      if (counts[slot]) chip(s, meaning, s.only, slot, glyph("circle", s.colours[slot]), name, several ? undefined : counts[slot] / s.panels.length);
    });
    return;
  }
  const ramp = el("div", "lm-ramp");
  ramp.style.background = `linear-gradient(90deg, ${colour.ramp.join(",")})`;
  s.nodes.tick = el("div", "lm-tick");
  s.nodes.tick.hidden = true;
  ramp.append(s.nodes.tick);
  meaning.append(el("span", "lm-faint", number(colour.low)), ramp, el("span", "lm-faint", number(colour.high)));
  if (s.panels.some((p) => p.slot.includes(s.colours.length - 1))) meaning.append(glyphNote("none"));
}
function glyphNote(text) {
  const note = el("span", "lm-chip");
  note.append(glyph("circle", MISSING), el("span", "", text));
  return note;
}
