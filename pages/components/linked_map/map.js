// Entry: data from Python in, selection out. The state lives as long as the root node, so that new
// data (another colouring, another layout) keeps the view, the selection and the hovered study.
const STATES = new WeakMap();
const still = matchMedia("(prefers-reduced-motion: reduce)");

function unpack(bytes) {
  const own = bytes.slice(); // Floats need a buffer that starts at a multiple of four.
  const length = new DataView(own.buffer).getUint32(0, true);
  const data = JSON.parse(new TextDecoder().decode(own.subarray(4, 4 + length)));
  let at = (length + 7) & ~3;
  const floats = (count) => { const part = new Float32Array(own.buffer, at, count); at += 4 * count; return part; };
  for (const panel of data.panels) panel.xy = panel.modalities.map(() => floats(2 * data.n));
  data.values = data.colour.mode === "modality" ? null : floats(data.n);
  return data;
}

// What to repaint is collected until the next frame: "over" is the hover canvas alone.
function draw(s, what = "all") {
  if (what === "all") s.stale = true;
  s.frame ??= requestAnimationFrame((time) => {
    s.frame = null;
    for (const move of [...s.motion.values()]) move(time);
    if (s.stale) paintAll(s);
    for (const p of s.panels) if (p.w) paintOver(s, p);
    if (s.motion.size) draw(s);
  });
}
function paintAll(s) {
  const begin = performance.now();
  s.stale = false;
  readTheme(s);
  let painted = 0;
  for (const p of s.panels) if (p.w) painted += paintMap(s, p);
  const { k, x, y } = s.view;
  Object.assign(s.root.dataset, { painted, view: [k, x, y].map((v) => v.toFixed(4)).join(), ms: (performance.now() - begin).toFixed(1) });
}
// Levels, numbers and buttons that follow from selection and isolation.
function refresh(s) {
  assignLevels(s);
  const count = s.selected.size, { nodes } = s;
  s.root.dataset.selected = count;
  s.root.dataset.shown = s.level.reduce((sum, level) => sum + (level !== GHOST), 0);
  nodes.state.hidden = !count;
  nodes.count.textContent = `${count.toLocaleString("en")} selected`;
  draw(s);
}
function animate(s, name, ms, step) {
  if (still.matches) { s.motion.delete(name); step(1); return draw(s); }
  let start = null;
  s.motion.set(name, (time) => {
    start ??= time;
    const t = Math.min(1, (time - start) / ms);
    step(1 - (1 - t) ** 3);
    s.stale = true;
    if (t === 1) s.motion.delete(name);
  });
  draw(s);
}

function button(text, title, act) {
  const node = el("button", "", text);
  node.type = "button";
  node.title = title;
  node.setAttribute("aria-label", title);
  node.addEventListener("click", () => act(node));
  return node;
}
function build(root) {
  const s = {
    root, nodes: {}, panels: [], data: null, view: { k: 1, x: 0, y: 0 }, hover: { row: -1, kind: 0 }, focus: -1,
    selected: new Set(), only: new Set(), onlyKinds: new Set(), motion: new Map(), stamps: new Map(), dpr: 1, frame: null, sent: "",
  };
  const head = el("div", "lm-head"), tools = el("div", "lm-tools"), foot = el("div", "lm-foot"), n = s.nodes;
  n.legend = el("div", "lm-legend");
  n.panels = el("div", "lm-panels");
  n.live = el("div", "lm-live");
  n.live.setAttribute("aria-live", "polite");
  n.state = el("span", "lm-state");
  n.count = el("span");
  n.state.append(n.count, button("Clear", "Clear the selection", () => select(s, [])));
  n.lasso = button("Lasso", "Draw around studies to select them", (node) => {
    s.lassoing = !s.lassoing;
    node.setAttribute("aria-pressed", String(s.lassoing));
    for (const p of s.panels) p.over.classList.toggle("lm-cross", s.lassoing);
  });
  n.lasso.setAttribute("aria-pressed", "false");
  tools.append(
    n.lasso, button("\u2212", "Zoom out", () => zoomBy(s, 1 / 1.6)), button("+", "Zoom in", () => zoomBy(s, 1.6)),
    button("Reset view", "Show the whole map", () => resetView(s)), button("PNG", "Download the maps as a picture", () => download(s)),
  );
  head.append(n.legend, tools);
  foot.append(el("span", "lm-faint", "Scroll to zoom, drag to move, click a study, Shift-drag to select many. Keys: \u2190 \u2192 Enter Esc"), n.state);
  root.replaceChildren(head, n.panels, foot, n.live, buildCard(s));
  root.addEventListener("transitionend", (e) => e.target === root && draw(s));
  s.fit = (p) => 0.94 * Math.min(p.w / 2 / s.reach[0], p.h / 2 / s.reach[1]);
  s.watch = new ResizeObserver(() => resize(s));
  s.watch.observe(root);
  root.screenOf = (panel, modality, row) => screenOf(s, s.panels[panel], modality, row); // For tests and scripts.
  return s;
}
function buildPanels(s) {
  s.attached?.abort();
  s.attached = new AbortController();
  s.panels = s.data.panels.map(() => {
    const box = el("div", "lm-panel"), title = el("div", "lm-title"), stage = el("div", "lm-stage");
    const canvas = el("canvas"), over = el("canvas", "lm-over"), empty = el("div", "lm-empty lm-faint", "No points to show");
    const p = { box, title, stage, canvas, over, empty, ctx: canvas.getContext("2d", { alpha: false, willReadFrequently: true }), octx: over.getContext("2d"), now: [], w: 0, h: 0 };
    over.tabIndex = 0;
    over.setAttribute("role", "application");
    over.classList.toggle("lm-cross", !!s.lassoing);
    stage.append(canvas, over, empty);
    box.append(title, stage);
    attachPointer(s, p, s.attached.signal);
    attachKeys(s, p, s.attached.signal);
    return p;
  });
  s.nodes.panels.replaceChildren(...s.panels.map((p) => p.box));
}
function resize(s) {
  if (!s.data) return;
  const stacked = s.panels.length > 1 && s.root.clientWidth < 560;
  s.root.classList.toggle("lm-stacked", s.root.clientWidth < 560);
  s.root.classList.toggle("lm-slim", s.root.clientWidth < 960);
  s.dpr = Math.max(1, devicePixelRatio || 1);
  let changed = false;
  for (const p of s.panels) {
    const most = stacked ? s.data.height * 0.72 : s.data.height; // A narrow map needs no empty height.
    p.stage.style.height = `${Math.round(Math.min(most, Math.max(280, p.stage.clientWidth * 1.2)))}px`;
    const [w, h] = [p.stage.clientWidth, p.stage.clientHeight];
    if (w === p.w && h === p.h && s.dpr === p.dpr) continue;
    Object.assign(p, { w, h, dpr: s.dpr });
    changed = true;
    for (const [canvas, ctx] of [[p.canvas, p.ctx], [p.over, p.octx]]) {
      canvas.width = Math.round(p.w * s.dpr);
      canvas.height = Math.round(p.h * s.dpr);
      ctx.setTransform(s.dpr, 0, 0, s.dpr, 0, 0);
    }
  }
  if (!changed) return;
  paintAll(s); // At once: a new size has emptied the canvases.
  draw(s, "over");
}

// A fixed shuffle, so that no category lies on top only because it comes last in the table.
function shuffled(n) {
  const order = Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1, seed = 7; i > 0; i--) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    const j = seed % (i + 1);
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}
function accept(s, data) {
  const old = s.data, same = old?.n === data.n && old.studies.every((id, i) => id === data.studies[i]);
  s.data = data;
  if (!same) {
    s.view = { k: 1, x: 0, y: 0 };
    s.order = shuffled(data.n);
    s.focus = -1;
    s.selected = new Set([...s.selected].filter((i) => i < data.n));
  }
  if (old?.colour.mode !== data.colour.mode || old.colour.names.join() !== data.colour.names.join()) s.only.clear();
  const kinds = new Map();
  for (const panel of data.panels) panel.modalities.forEach((name, m) => kinds.has(name) || kinds.set(name, panel.shapes[m]));
  if (s.kinds?.join() !== [...kinds.keys()].join()) s.onlyKinds.clear();
  [s.kinds, s.shapes] = [[...kinds.keys()], [...kinds.values()]];
  if (s.panels.length !== data.panels.length) buildPanels(s);
  s.hover = { row: -1, kind: 0 };
  hideCard(s);
  assignColours(s);
  place(s, same);
  s.nodes.tick = null;
  buildLegend(s);
  refresh(s);
  resize(s);
}
// Points go to their new places: in steps when the same studies were shown before, else at once.
function place(s, same) {
  const walks = [];
  s.data.panels.forEach((panel, index) => {
    const p = s.panels[index], known = same && p.now.length === panel.xy.length;
    const from = known ? p.now.map((xy) => xy.slice()) : [], to = panel.xy;
    const moved = known && to.some((xy, m) => xy.some((v, j) => v !== from[m][j] && (v === v || from[m][j] === from[m][j])));
    p.kinds = panel.modalities.map((name) => s.kinds.indexOf(name));
    p.greyed = panel.greyed.map((rows) => new Set(rows));
    p.now = to;
    buildGrid(p);
    if (moved) {
      p.now = from;
      walks.push((t) => {
        if (t === 1) return (p.now = to);
        p.now = to.map((xy, m) => xy.map((v, j) => { const f = from[m][j]; return f === f ? f + (v - f) * t : v; }));
      });
    }
    const faint = el("span", "lm-faint", `${p.count.toLocaleString("en")} points`), dot = el("span", "lm-dot");
    dot.style.background = panel.accent;
    p.title.replaceChildren(dot, el("b", "", panel.title), faint);
    p.empty.hidden = p.count > 0;
    p.over.setAttribute("aria-label", `Map ${panel.title}: ${s.data.n} studies, ${panel.modalities.join(" and ")}. Left and right arrow keys step through studies, Enter selects, Escape clears, plus and minus zoom.`);
  });
  s.reach = [0, 1].map((axis) => Math.max(0.05, ...s.data.panels.map((panel) => panel.reach[axis])));
  s.motion.delete("points");
  if (walks.length) animate(s, "points", 400, (t) => walks.forEach((walk) => walk(t)));
}

function obey(s, bytes) {
  const data = unpack(bytes), { command } = data;
  s.bytes = bytes;
  if (s.data?.digest !== data.digest) accept(s, data);
  if (!command || command.number === s.obeyed) return;
  s.obeyed = command.number;
  s.sent = null; // Answer even when nothing changes here.
  select(s, command.rows.filter((i) => i < data.n));
}

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".lm");
  if (!STATES.has(root)) STATES.set(root, build(root));
  const s = STATES.get(root);
  s.send = setStateValue; // The newest one: an older one would report to a past run.
  if (s.bytes === data) draw(s); // The theme may have changed.
  else obey(s, data);
  return () => {
    s.watch.disconnect();
    s.attached?.abort();
    cancelAnimationFrame(s.frame);
    clearTimeout(s.card.wait);
    STATES.delete(root);
  };
}
