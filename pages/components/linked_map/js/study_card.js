// Cards of the hovered and the clicked study. Report text is inserted as text, never as HTML.
const WORDS = new Map(); // Card data of the latest studies, by address.

function buildCard(name) {
  const card = el("div", `lm-card ${name}`), thumb = el("div", "lm-thumb"), words = el("div", "lm-words"), image = el("img");
  const c = { card, image, id: el("div", "lm-id"), kind: el("div", "lm-fact"), fact: el("div", "lm-fact"), facts: el("dl", "lm-facts"), caption: el("div", "lm-caption"), row: -1 };
  image.alt = "";
  image.addEventListener("load", () => (image.style.visibility = "visible"));
  image.addEventListener("error", () => card.classList.remove("lm-pictured"));
  thumb.append(image);
  words.append(c.id, c.kind, c.fact, c.facts, c.caption);
  card.append(thumb, words);
  return c;
}
function buildCards(s) {
  s.card = buildCard("lm-tip");
  s.card.card.setAttribute("role", "tooltip");
  s.pin = buildCard("lm-pin");
  s.pin.card.setAttribute("role", "group");
  const close = button("\u00d7", "Close the card", () => hideCard(s.pin));
  close.className = "lm-close";
  s.pin.card.append(close);
  s.pin.card.addEventListener("keydown", (e) => e.key === "Escape" && hideCard(s.pin));
  return [s.card.card, s.pin.card];
}

// The data of a study's card: at once if it came with the map's data, else fetched from its address.
async function wordsOf(s, row) {
  const { url, studies, captions } = s.data.cards;
  if (studies || !url) return { id: studies?.[row] ?? `Study ${row + 1}`, text: captions?.[row] ?? "", facts: [] };
  const at = url.replaceAll("{i}", row);
  if (!WORDS.has(at)) {
    const waiting = fetch(at).then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(answer.status))));
    waiting.catch(() => WORDS.delete(at));
    WORDS.set(at, waiting);
    if (WORDS.size > 400) WORDS.delete(WORDS.keys().next().value);
  }
  return WORDS.get(at).catch(() => ({ id: `Study ${row + 1}`, text: "", facts: [] }));
}
// The category or value of a study in words, "" when colour means modality.
function meaningOf(s, i, index = 0) {
  const { colour } = s.data, p = s.panels[index], v = p.values?.[i], missing = p.slot[i] === s.colours.length - 1;
  if (colour.mode === "modality") return "";
  const word = missing ? "none" : colour.mode === "category" ? colour.names[v] : number(v);
  return colour.name ? `${colour.name}: ${word}` : word;
}

function showCard(s, c, p, x, y) {
  const { row, kind } = c === s.card ? s.hover : s.pinned, { data } = s;
  if (c.row !== row || c.digest !== data.digest) fillCard(s, c, p, row, c === s.card ? 40 : 0);
  c.kind.replaceChildren(glyph(s.shapes[kind], data.colour.mode === "modality" ? s.colours[kind] : "currentColor"), el("span", "", s.kinds[kind]));
  c.card.classList.add("lm-on");
  putCard(s, c, row, x, y);
}
function putCard(s, c, row, x, y) {
  const [left, top] = spot(s, row, x, y, c.card.offsetWidth, c.card.offsetHeight);
  c.card.style.transform = `translate(${left}px, ${top}px)`;
}
// The delay keeps a pointer that sweeps over the map from requesting cards.
function fillCard(s, c, p, row, wait) {
  const { data } = s, index = s.panels.indexOf(p), meaning = meaningOf(s, row, index);
  Object.assign(c, { row, digest: data.digest });
  c.id.textContent = data.cards.studies?.[row] ?? "\u2026";
  c.caption.textContent = data.cards.captions?.[row] ?? "";
  c.facts.replaceChildren();
  c.fact.replaceChildren(...(meaning ? [glyph("circle", s.colours[slotOf(s, p, row)]), el("span", "", meaning)] : []));
  c.card.classList.toggle("lm-pictured", data.cards.thumb !== "");
  c.image.style.visibility = "hidden";
  clearTimeout(c.wait);
  const ask = () => {
    if (data.cards.thumb) c.image.src = data.cards.thumb.replaceAll("{i}", row);
    wordsOf(s, row).then((words) => c.row === row && tell(s, c, words));
  };
  if (wait) c.wait = setTimeout(ask, wait);
  else ask();
}
function tell(s, c, { id, text, facts }) {
  c.id.textContent = id;
  c.caption.textContent = text;
  c.facts.replaceChildren(...facts.slice(0, 6).flatMap(([name, value]) => [el("dt", "", name), el("dd", "", value)]));
  if (c === s.pin) s.pin.card.setAttribute("aria-label", `Card of ${id}`);
  s.root.dataset[c === s.pin ? "pinned" : "told"] = c.row;
}

// Beside the pointer: the first corner where the card fits and hides no point of its own study.
function spot(s, row, x, y, width, height) {
  const room = s.root.getBoundingClientRect(), off = 18, right = room.width - width - 4;
  const low = Math.min(room.height, innerHeight - room.top) - height - 4, high = Math.max(-40, 4 - room.top);
  const spots = [[x + off, y + off], [x - off - width, y + off], [x + off, y - off - height], [x - off - width, y - off - height]];
  const fits = spots.filter(([left, top]) => left >= 4 && left <= right && top >= high && top <= low);
  const points = s.panels.flatMap((p) => {
    const stage = p.over.getBoundingClientRect();
    return p.kinds.map((_, m) => screenOf(s, p, m, row)).map(([px, py]) => [px + stage.left - room.left, py + stage.top - room.top]);
  });
  const pin = s.pin.row >= 0 && row !== s.pin.row ? s.pin.card.getBoundingClientRect() : null;
  const covers = ([left, top]) => pin && left < pin.right - room.left && left + width > pin.left - room.left && top < pin.bottom - room.top && top + height > pin.top - room.top;
  const hides = ([left, top]) => points.some(([px, py]) => px > left - 14 && px < left + width + 14 && py > top - 14 && py < top + height + 14);
  const [left, top] = fits.find((place) => !hides(place) && !covers(place)) ?? fits.find((place) => !covers(place)) ?? fits[0] ?? spots[0];
  return [clamp(left, 4, Math.max(4, right)), clamp(top, high, Math.max(high, low))];
}
function hideCard(c) {
  clearTimeout(c.wait);
  c.row = -1;
  c.card.classList.remove("lm-on");
}
function pinCard(s, found, p, x, y) {
  s.pinned = found;
  hideCard(s.card);
  const room = s.root.getBoundingClientRect(), stage = p.over.getBoundingClientRect();
  showCard(s, s.pin, p, x + stage.left - room.left, y + stage.top - room.top);
}
// The value of a study on the ramp of the legend.
function markRamp(s, p, row) {
  const { tick } = s.nodes, { low, high } = s.data.colour, v = row < 0 ? NaN : p.values?.[row];
  if (!tick) return;
  tick.hidden = Number.isNaN(v);
  tick.style.left = `${clamp((v - low) / (high - low || 1), 0, 1) * 100}%`;
}
