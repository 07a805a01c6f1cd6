// Entry point: data from Python in, selection out. The state lives as long as the root node, so new data
// (another colouring or layout) keeps the view, the selection and the hovered study.
const STATES = new WeakMap();
const still = matchMedia("(prefers-reduced-motion: reduce)");
const PATIENCE = [600, 2000, 5000]; // Milliseconds to wait for the app to add lost columns again.

// Collects what to redraw until the next frame; "over" is the upper canvas only.
function draw(s, what = "all") {
  if (what === "all") s.stale = true;
  s.tick ??= requestAnimationFrame((time) => {
    s.tick = null;
    for (const move of [...s.motion.values()]) move(time);
    if (s.stale) paintAll(s);
    for (const p of s.panels) if (p.w) paintOver(s, p);
    if (s.motion.size) draw(s);
  });
}
// While the user moves the view: quick frames, then a full one when it rests.
function stir(s) {
  s.stirred = performance.now();
  clearTimeout(s.rest);
  s.rest = setTimeout(() => draw(s), 250);
  draw(s);
}
// The share of the points drawn while the view moves: as many as this machine drew in time before.
function learn(s, ms) {
  if (!s.moving) return;
  if (ms > 30) s.share = Math.max(0.02, s.share * Math.max(0.4, 24 / ms));
  else if (ms < 16) s.share = Math.min(1, s.share * 1.25);
}
function paintAll(s) {
  const begin = performance.now(), { dataset } = s.root;
  s.moving = s.motion.size > 0 || s.dragged || begin - (s.stirred ?? -1e9) < 230;
  const share = s.moving ? s.share : 1;
  s.stale = false;
  readTheme(s);
  for (const p of s.panels) {
    survey(s, p);
    p.dense = isDense(s, p) || p.crowded;
    if (p.w) paintMap(s, p, share);
  }
  press(s.nodes.density, s.panels.some((p) => p.dense));
  s.nodes.density.disabled = s.panels.some((p) => p.crowded); // A crowd shows nothing else.
  const view = ({ k, x, y }) => [k, x, y].map((v) => v.toFixed(4)).join(), end = performance.now();
  Object.assign(dataset, { view: view(s.panels[0].view), dense: s.panels.some((p) => p.dense), ...totals(s), ms: (end - begin).toFixed(1), share: share.toFixed(2) });
  learn(s, end - begin);
  if (!s.moving) Object.assign(dataset, { painted: s.panels.reduce((sum, p) => sum + (p.w ? p.count : 0), 0), ready: end.toFixed(0) });
}
// Updates levels, counts and buttons after a change of selection or isolation.
function refresh(s, later = 0) {
  s.count = s.picked.reduce((sum, one) => sum + one, 0);
  assignLevels(s);
  const { nodes, count } = s;
  Object.assign(s.root.dataset, { selected: count, shown: countShown(s) });
  nodes.state.hidden = nodes.near.disabled = !count;
  nodes.count.textContent = `${count.toLocaleString("en")} selected`;
  tellPainter(s);
  if (later) setTimeout(() => s.gone || draw(s), later);
  else draw(s);
}
function animate(s, name, ms, step) {
  if (still.matches) { s.motion.delete(name); step(1); return draw(s); }
  let start = null;
  s.motion.set(name, (time) => {
    start ??= time;
    const t = Math.min(1, (time - start) / ms);
    s.stale = true;
    if (t === 1) s.motion.delete(name);
    step(t === 1 ? 1 : 1 - (1 - t) ** 3);
  });
  draw(s);
}

function accept(s, data, loaded) {
  const old = s.data, same = old?.n === data.n && old.cards.url === data.cards.url && old.cards.studies?.join() === data.cards.studies?.join();
  s.data = data;
  s.worst = loaded.worst;
  if (!same) {
    Object.assign(s.view, { k: 1, x: 0, y: 0 });
    for (const p of s.panels) Object.assign(p.view, s.view);
    s.focus = -1;
    s.picked = new Uint8Array(data.n); // Rows of other studies; the app says which of these are selected.
  }
  if (old?.colour.mode !== data.colour.mode || old.colour.names.join() !== data.colour.names.join()) s.only.clear();
  const kinds = new Map();
  for (const panel of data.panels) panel.modalities.forEach((name, m) => kinds.has(name) || kinds.set(name, panel.shapes[m]));
  if (s.kinds?.join() !== [...kinds.keys()].join()) s.onlyKinds.clear();
  [s.kinds, s.shapes] = [[...kinds.keys()], [...kinds.values()]];
  if (s.panels.length !== data.panels.length) buildPanels(s);
  s.hover = { row: -1, kind: 0 };
  hideCard(s.card);
  if (!same) hideCard(s.pin);
  if (!same) s.share = clamp(20000 / (data.n * data.panels.length), 0.02, 1); // A first guess.
  place(s, loaded, same, frameFor(s, old, data));
  s.nodes.tick = null;
  s.nodes.link.hidden = data.panels.length < 2;
  s.nodes.names.hidden = data.panels.every((panel) => !panel.regions.length);
  assignColours(s);
  buildLegend(s);
  refresh(s);
  resize(s);
}
// Points move to new coordinates: animated if the same studies were shown before, else at once.
function place(s, loaded, same, at) {
  const walks = [];
  s.motion.delete("points");
  s.reach = [0, 1].map((axis) => Math.max(0.05, ...s.data.panels.map((panel) => panel.reach[axis])));
  s.panels.forEach((p, index) => {
    const panel = s.data.panels[index], { frames, values, grey } = loaded.panels[index];
    const from = same && p.source !== panel.xy && p.b?.length === frames[0].length ? frozen(p) : null;
    if (p.source !== panel.xy) Object.assign(p, { frames, source: panel.xy });
    Object.assign(p, { n: s.data.n, kinds: panel.modalities.map((name) => s.kinds.indexOf(name)), values, grey, regions: panel.regions });
    if (from) walks.push([p, from]);
  });
  setFrame(s, at);
  for (const [index, panel] of s.data.panels.entries()) entitle(s, s.panels[index], panel);
  if (!walks.length || still.matches) return;
  for (const [p, from] of walks) Object.assign(p, { a: from, t: 0, stale: true });
  animate(s, "points", 400, (t) => walks.forEach(([p]) => Object.assign(p, t === 1 ? { a: p.b, t: 0 } : { t }, { stale: true })));
}
// The current coordinates, as a frame.
function frozen(p) {
  if (p.a === p.b) return p.b;
  return Uint16Array.from(places(p), (v) => (Number.isNaN(v) ? 65535 : Math.round((v + 1) * 32767)));
}
async function load(s, data) {
  if (!s.data) {
    s.nodes.panels.style.minHeight = `${data.height}px`;
    say(s, `Loading ${(data.n * data.panels[0].modalities.length).toLocaleString("en")} points\u2026`);
  }
  s.loading = data.digest;
  s.root.dataset.asked = performance.now().toFixed(0);
  try {
    const loaded = await columns(data);
    if (s.gone || s.loading !== data.digest) return; // Newer data is on its way.
    s.tries = 0;
    s.nodes.panels.style.minHeight = "";
    s.root.classList.remove("lm-waiting");
    say(s, "");
    accept(s, data, loaded);
    command(s, s.wanted);
  } catch (error) {
    if (s.gone || s.loading !== data.digest) return;
    if (!(error instanceof Lost)) console.warn("Map:", error.message); // For debugging.
    if (error instanceof Lost && s.tries < PATIENCE.length) return lose(s, data);
    s.tries = 0;
    say(s, "Points could not be loaded.", () => load(s, s.wanted));
  }
}
// The server has restarted: ask the app once to run again, then retry.
function lose(s, data) {
  if (!s.tries) s.trigger("lost", Date.now());
  s.again = setTimeout(() => s.loading === data.digest && load(s, s.wanted), PATIENCE[s.tries++]);
}
function command(s, { command: asked, n }) {
  if (!asked || asked.number === s.obeyed) return;
  s.obeyed = asked.number;
  s.sent = null; // Answer even when nothing changes here.
  const marks = new Uint8Array(n);
  if (asked.bits) marks.set(unpackBits(fromBase64(asked.bits), n));
  else for (const row of asked.rows) if (row < n) marks[row] = 1;
  select(s, marks);
}
function obey(s, data) {
  s.wanted = data;
  if (s.data?.digest === data.digest) { s.loading = data.digest; return command(s, data); }
  if (s.loading !== data.digest || s.tries) load(s, data);
}

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  const root = parentElement.querySelector(".lm");
  if (!STATES.has(root)) STATES.set(root, build(root));
  const s = STATES.get(root);
  Object.assign(s, { send: setStateValue, trigger: setTriggerValue }); // The newest: older ones would report to a past run.
  if (s.data && s.wanted === data) draw(s); // The theme may have changed.
  else obey(s, data);
  return () => {
    s.gone = true;
    s.watch.disconnect();
    s.attached?.abort();
    cancelAnimationFrame(s.tick);
    for (const timer of [s.card.wait, s.pin.wait, s.wait, s.rest, s.again]) clearTimeout(timer);
    s.painter.drop();
    STATES.delete(root);
  };
}
