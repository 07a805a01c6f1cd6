// Card: who the study under the pointer is. Words from reports go in as text, never as HTML.
function buildCard(s) {
  const card = el("div", "lm-card"), thumb = el("div", "lm-thumb"), words = el("div", "lm-words");
  const image = el("img"), id = el("div", "lm-id"), kind = el("div", "lm-fact"), fact = el("div", "lm-fact"), caption = el("div", "lm-caption");
  card.setAttribute("role", "tooltip");
  image.alt = "";
  image.addEventListener("load", () => (image.style.visibility = "visible"));
  image.addEventListener("error", () => card.classList.remove("lm-pictured"));
  thumb.append(image);
  words.append(id, kind, fact, caption);
  card.append(thumb, words);
  s.card = { card, image, id, kind, fact, caption };
  return card;
}

// The category or value of a study in words, "" when colour means modality.
function meaningOf(s, i) {
  const { colour, values } = s.data;
  if (colour.mode === "modality") return "";
  const known = !Number.isNaN(values[i]);
  const word = !known ? "none" : colour.mode === "category" ? colour.names[values[i]] : number(values[i]);
  return colour.name ? `${colour.name}: ${word}` : word;
}

function showCard(s, x, y) {
  const { row, kind } = s.hover, { data, card: c } = s, meaning = meaningOf(s, row), ink = s.colours[slotOf(s, row, kind)];
  if (c.row !== row || c.digest !== data.digest) {
    Object.assign(c, { row, digest: data.digest });
    c.id.textContent = data.studies[row];
    c.caption.textContent = data.captions[row] ?? "";
    c.fact.replaceChildren(...(meaning ? [glyph("circle", ink), el("span", "", meaning)] : []));
    c.card.classList.toggle("lm-pictured", data.thumb !== "");
    c.image.style.visibility = "hidden";
    clearTimeout(c.wait); // A pointer that sweeps over the map asks for no images.
    if (data.thumb) c.wait = setTimeout(() => (c.image.src = data.thumb.replaceAll("{i}", row)), 40);
  }
  c.kind.replaceChildren(glyph(s.shapes[kind], data.colour.mode === "modality" ? ink : "currentColor"), el("span", "", s.kinds[kind]));
  c.card.classList.add("lm-on");
  const [left, top] = spot(s, x, y, c.card.offsetWidth, c.card.offsetHeight);
  c.card.style.transform = `translate(${left}px, ${top}px)`;
  if (s.nodes.tick) {
    const v = data.values?.[row], { low, high } = data.colour;
    s.nodes.tick.hidden = !(data.colour.mode === "value" && v === v);
    s.nodes.tick.style.left = `${clamp((v - low) / (high - low || 1), 0, 1) * 100}%`;
  }
}
// Beside the pointer: the first corner where the card fits and hides no point of its own study.
function spot(s, x, y, width, height) {
  const room = s.root.getBoundingClientRect(), off = 18, right = room.width - width - 4;
  const low = Math.min(room.height, innerHeight - room.top) - height - 4, high = Math.max(-40, 4 - room.top);
  const places = [[x + off, y + off], [x - off - width, y + off], [x + off, y - off - height], [x - off - width, y - off - height]];
  const fits = places.filter(([left, top]) => left >= 4 && left <= right && top >= high && top <= low);
  const points = s.panels.flatMap((p) => {
    const stage = p.over.getBoundingClientRect();
    return p.now.map((_, m) => screenOf(s, p, m, s.hover.row)).map(([px, py]) => [px + stage.left - room.left, py + stage.top - room.top]);
  });
  const hides = ([left, top]) => points.some(([px, py]) => px > left - 14 && px < left + width + 14 && py > top - 14 && py < top + height + 14);
  const [left, top] = fits.find((place) => !hides(place)) ?? fits[0] ?? places[0];
  return [clamp(left, 4, Math.max(4, right)), clamp(top, high, Math.max(high, low))];
}
function hideCard(s) {
  clearTimeout(s.card.wait);
  s.card.row = -1;
  s.card.card.classList.remove("lm-on");
  if (s.nodes.tick) s.nodes.tick.hidden = true;
}
