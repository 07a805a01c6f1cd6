// Entry: everything comes in once, and each move of the slider is answered here, without a way to the server,
// which hears only where the slider came to rest. Drawing of points: drawing.js of the linked map.
const STATES = new WeakMap();
const REST = 250; // Milliseconds after the last key: a held arrow key sends one strength, not thirty.

function unpack(bytes) {
  const own = bytes.slice(); // Floats need a buffer that starts at a multiple of four.
  const length = new DataView(own.buffer).getUint32(0, true);
  const data = JSON.parse(new TextDecoder().decode(own.subarray(4, 4 + length)));
  let at = (length + 7) & ~3;
  const floats = (count) => { const part = new Float32Array(own.buffer, at, count); at += 4 * count; return part; };
  for (const cloud of data.clouds) cloud.coefficients = floats(6 * data.n);
  for (const density of data.densities) density.values = floats(data.strengths.length * data.bins);
  return data;
}
function el(tag, name, text) {
  const node = document.createElement(tag);
  if (name) node.className = name;
  if (text !== undefined) node.textContent = text;
  return node;
}

// Where the points lie: (start + s step) / sqrt(1 + 2 s along + s^2 squared).
function moveClouds(s) {
  const strength = s.data.strengths[s.place];
  s.data.clouds.forEach(({ coefficients: c }, m) => {
    const now = s.map.now[m];
    for (let i = 0, j = 0; i < now.length; i += 2, j += 6) {
      const length = Math.sqrt(1 + 2 * strength * c[j + 4] + strength * strength * c[j + 5]);
      now[i] = (c[j] + strength * c[j + 2]) / length;
      now[i + 1] = (c[j + 1] + strength * c[j + 3]) / length;
    }
  });
  if (s.map.w) paintMap(s, s.map);
}
function moveWords(s) {
  const { data, nodes, place } = s, strength = data.strengths[place].toFixed(2);
  nodes.range.value = place;
  nodes.range.setAttribute("aria-valuetext", strength);
  nodes.strength.textContent = strength;
  nodes.summary.textContent = data.sentences[place];
  data.rows.forEach((row, k) => {
    const { here, change } = nodes.cells[k];
    here.textContent = row.here[place];
    change.textContent = `${row.change[place]} ${row.verdict[place]}`;
    change.className = `gd-${row.verdict[place]}`;
  });
}
function paint(s) {
  s.frame = null;
  moveWords(s);
  moveClouds(s);
  if (s.map.w) for (const move of [moveDensities, moveCurves]) move(s);
  s.root.dataset.strength = s.data.strengths[s.place];
}
const draw = (s) => (s.frame ??= requestAnimationFrame(() => paint(s)));

function turn(s) {
  s.place = s.nodes.range.valueAsNumber;
  s.moved = true;
  draw(s);
}
function rest(s) {
  clearTimeout(s.wait);
  if (!s.moved) return;
  s.moved = false;
  s.nodes.live.textContent = s.data.sentences[s.place];
  s.send("strength", s.data.strengths[s.place]);
}

function figure(name, title, ...parts) {
  const node = el("figure", `gd-${name}`);
  node.append(el("figcaption", "", title), ...parts);
  return node;
}
function chart(name) {
  const node = svg("svg", { class: "gd-chart", role: "img", "aria-label": name });
  return { node, legend: el("div", "gd-legend") };
}
function build(root) {
  const canvas = el("canvas"), nodes = {}, slider = el("label", "gd-slider"), scale = el("div", "gd-scale");
  const s = {
    root, nodes, place: 0, moved: false, frame: null, data: null, stamps: new Map(), dpr: 1, view: { k: 1 },
    map: { canvas, ctx: canvas.getContext("2d", { alpha: false, willReadFrequently: true }), legend: el("div", "gd-legend"), w: 0, h: 0 },
    densities: chart("Densities of cosines at this strength"), curves: chart("Numbers over strength; the table has their values at this one"),
  };
  nodes.label = Object.assign(el("span"), { id: "gd-label" });
  nodes.strength = el("output");
  nodes.range = Object.assign(el("input"), { type: "range", min: 0, step: 1 });
  nodes.range.setAttribute("aria-labelledby", "gd-label"); // Without the number, which is its value.
  nodes.scale = scale;
  scale.setAttribute("aria-hidden", "true");
  slider.append(nodes.label, nodes.strength, nodes.range, scale);
  nodes.summary = el("p", "gd-summary");
  nodes.table = el("table");
  nodes.live = el("div", "gd-live");
  nodes.live.setAttribute("aria-live", "polite");
  canvas.setAttribute("role", "img");
  nodes.axes = el("div", "gd-axes");
  nodes.grid = el("div", "gd-grid");
  nodes.grid.append(
    figure("map", "Where the studies lie", s.map.legend, canvas, nodes.axes),
    figure("densities", "Cosines", s.densities.legend, s.densities.node),
    figure("curves", "Numbers over strength", s.curves.legend, s.curves.node),
    figure("numbers", "Numbers at this strength", nodes.table),
  );
  root.replaceChildren(slider, nodes.summary, nodes.grid, nodes.live);
  nodes.range.addEventListener("input", () => turn(s));
  nodes.range.addEventListener("change", () => { clearTimeout(s.wait); s.wait = setTimeout(() => rest(s), REST); });
  nodes.range.addEventListener("blur", () => rest(s));
  root.addEventListener("transitionend", (e) => e.target === root && restyle(s)); // The theme has changed.
  s.fit = (p) => Math.min(p.w / s.reach[0], p.h / s.reach[1]);
  s.watch = new ResizeObserver(() => resize(s));
  s.watch.observe(nodes.grid);
  root.placeOf = (m, i) => [...s.map.now[m].subarray(2 * i, 2 * i + 2)]; // For tests and scripts.
  return s;
}
function restyle(s) {
  readTheme(s);
  draw(s);
}
function resize(s) {
  const { map } = s, { clientWidth: w, clientHeight: h } = map.canvas, dpr = Math.max(1, devicePixelRatio || 1);
  if (!s.data || !w || (w === map.w && h === map.h && dpr === s.dpr)) return;
  Object.assign(map, { w, h });
  s.dpr = dpr;
  map.canvas.width = Math.round(w * dpr);
  map.canvas.height = Math.round(h * dpr);
  map.ctx.setTransform(dpr, 0, 0, dpr, 0, 0);
  lay(s);
}
function lay(s) {
  readTheme(s);
  buildDensities(s);
  buildCurves(s);
  paint(s); // At once: a new size has emptied the canvas.
}

function key(mark, name) {
  const node = el("span", "gd-key");
  node.append(mark, el("span", "", name));
  return node;
}
function legends(s) {
  const { clouds, densities, curves } = s.data, mark = (box, part) => { const node = svg("svg", { viewBox: box, "aria-hidden": "true" }); node.append(part); return node; };
  s.map.legend.replaceChildren(...clouds.map((c) => key(mark("-1.3 -1.3 2.6 2.6", svg("path", { d: SHAPES[c.shape], fill: c.colour })), c.name)));
  s.densities.legend.replaceChildren(...densities.map((c) => key(mark("0 0 10 10", svg("rect", { width: 10, height: 10, rx: 2, fill: c.colour })), c.name)));
  s.curves.legend.replaceChildren(...curves.map((c) => key(mark("0 0 20 10", svg("path", { d: "M0 5H20", class: "gd-curve", stroke: c.colour, "stroke-dasharray": c.dash })), c.name)));
}
function table(s) {
  const head = el("tr"), line = (row) => {
    const node = el("tr"), title = el("th", "", row.title), here = el("td"), change = el("td");
    title.scope = "row";
    node.append(title, el("td", "", row.before), here, change);
    return { node, here, change };
  };
  for (const word of ["", "as is", "here", "change (95 %)"]) head.append(Object.assign(el(word ? "th" : "td", "", word), word ? { scope: "col" } : {}));
  s.nodes.cells = s.data.rows.map(line);
  s.nodes.table.replaceChildren(head, ...s.nodes.cells.map((cell) => cell.node));
}
function accept(s, data) {
  const { nodes, map } = s, last = data.strengths.length - 1, [across, up] = data.frame;
  s.place = s.data ? Math.min(s.place, last) : data.start;
  s.data = data;
  nodes.range.max = last;
  nodes.label.textContent = data.label;
  nodes.scale.replaceChildren(...even(0, data.strengths[last]).map((v) => { const mark = el("span", "", short(v)); mark.style.left = `${(100 * v) / data.strengths[last]}%`; return mark; }));
  nodes.axes.replaceChildren(el("span", "", `\u2192 ${data.axes[0]}`), el("span", "", `\u2191 ${data.axes[1]}`));
  map.canvas.setAttribute("aria-label", `Map of ${data.n} studies, ${data.clouds.map((c) => c.name).join(" and ")}, at this strength`);
  s.shapes = data.clouds.map((c) => c.shape);
  s.colours = data.clouds.map((c) => c.colour);
  // What drawing.js wants to know: every study at full strength, one colour a modality.
  Object.assign(data, { lines: "none", colour: { mode: "modality" } });
  const count = data.n * data.clouds.length, xy = new Float32Array(2 * count), now = data.clouds.map((_, m) => xy.subarray(2 * m * data.n, 2 * (m + 1) * data.n));
  Object.assign(map, { n: data.n, xy, now, kinds: data.clouds.map((_, m) => m), count });
  map.level = new Uint8Array(count).fill(FULL);
  shuffle(map);
  arrange(map, map.base);
  s.reach = [across[1] - across[0] || 1, up[1] - up[0] || 1];
  Object.assign(s.view, { x: (across[0] + across[1]) / 2, y: (up[0] + up[1]) / 2 });
  legends(s);
  table(s);
  if (map.w) lay(s);
  else resize(s);
}

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".gd");
  if (!STATES.has(root)) STATES.set(root, build(root));
  const s = STATES.get(root);
  s.send = setStateValue; // The newest one: an older one would report to a past run.
  if (s.bytes !== data) {
    s.bytes = data;
    const fresh = unpack(data);
    if (s.data?.digest !== fresh.digest) accept(s, fresh);
  }
  return () => {
    s.watch.disconnect();
    cancelAnimationFrame(s.frame);
    clearTimeout(s.wait);
    STATES.delete(root);
  };
}
