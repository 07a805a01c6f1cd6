// The DOM nodes of the maps and their sizes.
const TOLD = 22; // Pixels above and below a crowd, so that its note hides no point.
function build(root) {
  const s = {
    root, nodes: {}, panels: [], data: null, view: { k: 1, x: 0, y: 0 }, linked: true, naming: true, density: null, at: 0,
    hover: { row: -1, kind: 0 }, focus: -1, picked: new Uint8Array(0), count: 0, only: new Set(), onlyKinds: new Set(),
    motion: new Map(), stamps: new Map(), dpr: 1, share: 1, tick: null, sent: "", tries: 0,
  };
  const head = el("div", "lm-head"), body = el("div", "lm-body"), n = s.nodes;
  n.legend = el("div", "lm-legend");
  n.panels = el("div", "lm-panels");
  n.word = el("div", "lm-word");
  n.word.hidden = true;
  n.live = el("div", "lm-live");
  n.live.setAttribute("aria-live", "polite");
  head.append(n.legend, buildTools(s));
  body.append(n.panels, n.word);
  root.replaceChildren(head, body, buildFrames(s), buildFoot(s), n.live, ...buildCards(s));
  root.addEventListener("transitionend", (e) => e.target === root && s.data && draw(s));
  s.fit = (p) => 0.94 * Math.min(p.w / 2 / s.reach[0], (p.h / 2 - (p.crowd ? TOLD : 0)) / s.reach[1]);
  s.painter = makePainter(s);
  tellPainter(s);
  s.watch = new ResizeObserver(() => resize(s));
  s.watch.observe(root);
  root.classList.add("lm-waiting");
  root.screenOf = (panel, modality, row) => screenOf(s, s.panels[panel], modality, row); // For tests and scripts.
  root.namesOf = (panel) => s.panels[panel].names;
  return s;
}
function buildPanels(s) {
  s.attached?.abort();
  s.attached = new AbortController();
  for (const p of s.panels) s.painter.forget(p);
  s.panels = s.data.panels.map(() => {
    const box = el("div", "lm-panel"), title = el("div", "lm-title"), stage = el("div", "lm-stage");
    const canvas = el("canvas"), over = el("canvas", "lm-over"), empty = el("div", "lm-empty lm-faint", "No points to show"), note = el("div", "lm-crowd");
    // The upper canvas is not on the GPU: hovering never waits for points, and Chromium 156 was seen to show an
    // older image after a bare clearRect there.
    const ctx = canvas.getContext("2d", { alpha: false, willReadFrequently: s.painter.name === "canvas" });
    const p = { box, title, stage, canvas, over, empty, note, ctx, octx: over.getContext("2d", { willReadFrequently: true }), view: s.linked ? s.view : { ...s.view }, names: [], w: 0, h: 0 };
    over.tabIndex = 0;
    over.setAttribute("role", "application");
    over.classList.toggle("lm-cross", !!s.lassoing);
    note.hidden = true;
    stage.append(canvas, over, empty, note);
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

function entitle(s, p, panel) {
  const faint = el("span", "lm-faint", `${p.count.toLocaleString("en")} points`), dot = el("span", "lm-dot");
  dot.style.background = panel.accent;
  p.title.replaceChildren(dot, el("b", "", panel.title), faint);
  p.empty.hidden = p.count > 0;
  const names = panel.regions.slice(0, 8).map((region) => region.name).join(", ");
  p.over.setAttribute("aria-label", `Map ${panel.title}: ${s.data.n} studies, ${panel.modalities.join(" and ")}. ${names ? `Regions: ${names}. ` : ""}Left and right arrow keys step through studies, Enter selects, Escape clears, plus and minus zoom.`);
}
