// Interaction: pointer and keys move one shared view, one hovered study and one selection.
const REACH = 10; // Pixels around the pointer in which a point counts as hit.
const CELLS = 96; // The search grid's cells per side.

function buildGrid(p) {
  const start = new Int32Array(CELLS * CELLS + 1), n = p.now[0].length / 2, cells = [];
  const cell = (v) => clamp(Math.floor(((v + 1) / 2) * CELLS), 0, CELLS - 1);
  p.now.forEach((xy, m) => {
    for (let i = 0; i < n; i++) if (xy[2 * i] === xy[2 * i] && xy[2 * i + 1] === xy[2 * i + 1]) cells.push([cell(xy[2 * i]) + CELLS * cell(xy[2 * i + 1]), m * n + i]);
  });
  for (const [c] of cells) start[c + 1]++;
  for (let c = 0; c < CELLS * CELLS; c++) start[c + 1] += start[c];
  const fill = start.slice(), points = new Int32Array(cells.length);
  for (const [c, point] of cells) points[fill[c]++] = point;
  p.grid = { start, points, n, cell };
  p.count = cells.length;
}
function nearest(s, p, px, py) {
  if (!p.grid) return null;
  const f = project(s, p), { start, points, n, cell } = p.grid, reach = REACH / f.a;
  const wx = (px - f.x) / f.a, wy = (f.y - py) / f.a;
  let best = REACH * REACH, found = null;
  for (let row = cell(wy - reach); row <= cell(wy + reach); row++) {
    const from = start[cell(wx - reach) + CELLS * row], to = start[cell(wx + reach) + CELLS * row + 1];
    for (let at = from; at < to; at++) {
      const m = Math.floor(points[at] / n), i = points[at] % n;
      if (s.level[i] === GHOST || hiddenKind(s, p.kinds[m])) continue;
      const [x, y] = screenOf(s, p, m, i), far = (x - px) ** 2 + (y - py) ** 2;
      if (far < best) { best = far; found = { row: i, kind: p.kinds[m] }; }
    }
  }
  return found;
}
function inside(loop, x, y) {
  let within = false;
  for (let i = 0, j = loop.length - 1; i < loop.length; j = i++) {
    const [xi, yi] = loop[i], [xj, yj] = loop[j];
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) within = !within;
  }
  return within;
}
function caught(s, p, loop) {
  const rows = new Set();
  p.now.forEach((xy, m) => {
    if (hiddenKind(s, p.kinds[m])) return;
    for (let i = 0; i < s.data.n; i++) if (s.level[i] !== GHOST && inside(loop, ...screenOf(s, p, m, i))) rows.add(i);
  });
  return rows;
}

function setHover(s, found, p, x, y) {
  const row = found?.row ?? -1;
  if (row !== s.hover.row || (found && found.kind !== s.hover.kind)) {
    s.hover = { row, kind: found?.kind ?? 0 };
    s.root.dataset.hover = row < 0 ? "" : row;
    draw(s, "over");
  }
  if (row < 0) return hideCard(s);
  const room = s.root.getBoundingClientRect(), stage = p.over.getBoundingClientRect();
  showCard(s, x + stage.left - room.left, y + stage.top - room.top);
}
function select(s, rows) {
  s.selected = new Set(rows);
  const list = [...s.selected].sort((a, b) => a - b);
  refresh(s);
  if (s.sent !== list.join()) s.send("selected", list);
  s.sent = list.join();
}

function moveView(s, to, smooth) {
  const from = { ...s.view };
  const step = (t) => { for (const axis of ["k", "x", "y"]) s.view[axis] = from[axis] + (to[axis] - from[axis]) * t; };
  if (smooth) return animate(s, "view", 180, step);
  s.motion.delete("view");
  step(1);
  draw(s);
}
function zoomAt(s, p, px, py, factor, smooth) {
  const k = clamp(s.view.k * factor, 0.7, 80), f = project(s, p), a = s.fit(p) * k;
  const wx = (px - f.x) / f.a, wy = (f.y - py) / f.a; // This place stays under the pointer.
  moveView(s, { k, x: wx - (px - p.w / 2) / a, y: wy + (py - p.h / 2) / a }, smooth);
}
const zoomBy = (s, factor) => zoomAt(s, s.panels[0], s.panels[0].w / 2, s.panels[0].h / 2, factor, true);
const resetView = (s) => moveView(s, { k: 1, x: 0, y: 0 }, true);

function attachPointer(s, p, signal) {
  const node = p.over, fingers = new Map(), on = (name, act, more) => node.addEventListener(name, act, { signal, ...more });
  const place = (e) => { const box = node.getBoundingClientRect(); return [e.clientX - box.left, e.clientY - box.top]; };
  let press = null, zoomed = 0;
  const spread = () => { const [a, b] = [...fingers.values()]; return Math.hypot(a[0] - b[0], a[1] - b[1]); };
  on("pointerdown", (e) => {
    if (e.button) return;
    const at = place(e);
    fingers.set(e.pointerId, at);
    node.setPointerCapture(e.pointerId);
    press = { at, view: { ...s.view }, moved: false, loop: s.lassoing || e.shiftKey, add: e.ctrlKey || e.metaKey, apart: 0 };
    if (fingers.size === 2) Object.assign(press, { apart: spread(), moved: true, loop: false });
  });
  on("pointermove", (e) => {
    const at = place(e);
    if (!press) {
      const found = nearest(s, p, ...at);
      node.classList.toggle("lm-point", !!found);
      return setHover(s, found, p, ...at);
    }
    fingers.set(e.pointerId, at);
    if (press.apart && fingers.size === 2) {
      const [a, b] = [...fingers.values()], now = spread();
      zoomAt(s, p, (a[0] + b[0]) / 2, (a[1] + b[1]) / 2, now / press.apart);
      press.apart = now;
      return;
    }
    const [dx, dy] = [at[0] - press.at[0], at[1] - press.at[1]];
    if (!press.moved && Math.hypot(dx, dy) < 4) return;
    press.moved = true;
    setHover(s, null);
    if (press.loop) {
      s.lasso ??= { panel: p, points: [press.at] };
      s.lasso.points.push(at);
      return draw(s, "over");
    }
    node.classList.add("lm-drag");
    const a = project(s, p).a;
    if (!press.apart) moveView(s, { k: s.view.k, x: press.view.x - dx / a, y: press.view.y + dy / a });
  });
  const release = (e) => {
    fingers.delete(e.pointerId);
    node.classList.remove("lm-drag");
    const done = press;
    if (fingers.size || !done) return;
    press = null;
    const loop = s.lasso?.points;
    s.lasso = null;
    if (e.type === "pointercancel") return draw(s, "over");
    if (loop) return select(s, done.add ? [...s.selected, ...caught(s, p, loop)] : caught(s, p, loop));
    if (done.moved) return;
    const found = nearest(s, p, ...done.at);
    if (!found) return done.add || select(s, []);
    setHover(s, found, p, ...done.at);
    toggle(s, found.row, done.add);
  };
  on("pointerup", release);
  on("pointercancel", release);
  on("pointerleave", () => press || setHover(s, null));
  on("dblclick", () => resetView(s));
  on("wheel", (e) => {
    // Fully zoomed out, the wheel scrolls the page again; not in the same movement, though.
    if (e.deltaY > 0 && s.view.k <= 0.71 && e.timeStamp - zoomed > 350) return;
    e.preventDefault();
    zoomed = e.timeStamp;
    setHover(s, null);
    zoomAt(s, p, ...place(e), Math.exp(-clamp(e.deltaY * (e.deltaMode ? 18 : 1), -240, 240) * 0.0022));
  }, { passive: false });
}
function toggle(s, row, add) {
  const rows = add ? new Set(s.selected) : new Set();
  if (add && rows.has(row)) rows.delete(row);
  else rows.add(row);
  select(s, rows);
}

// Arrow keys walk through the selection when it holds several studies, else through all that are shown.
function stepTo(s, p, step) {
  const walk = (s.selected.size > 1 ? [...s.selected].sort((a, b) => a - b) : [...Array(s.data.n).keys()])
    .filter((i) => s.level[i] !== GHOST && p.now.some((xy, m) => !Number.isNaN(xy[2 * i]) && !hiddenKind(s, p.kinds[m])));
  if (!walk.length) return;
  const now = walk.indexOf(s.hover.row >= 0 ? s.hover.row : s.focus);
  const at = step === "first" || (now < 0 && step > 0) ? 0 : step === "last" || now < 0 ? walk.length - 1 : (now + step + walk.length) % walk.length;
  s.focus = walk[at];
  focusOn(s, p, walk[at]);
  s.nodes.live.textContent = `${s.data.studies[walk[at]]}, ${at + 1} of ${walk.length}. ${meaningOf(s, walk[at])} ${s.data.captions[walk[at]] ?? ""}`;
}
function focusOn(s, p, row) {
  const m = p.now.findIndex((xy, k) => !Number.isNaN(xy[2 * row]) && !hiddenKind(s, p.kinds[k]));
  if (m < 0) return;
  const [x, y] = screenOf(s, p, m, row);
  if (x < 12 || y < 12 || x > p.w - 12 || y > p.h - 12) moveView(s, { k: s.view.k, x: p.now[m][2 * row], y: p.now[m][2 * row + 1] });
  setHover(s, { row, kind: p.kinds[m] }, p, ...screenOf(s, p, m, row));
}
function attachKeys(s, p, signal) {
  const keys = {
    ArrowRight: () => stepTo(s, p, 1), ArrowLeft: () => stepTo(s, p, -1),
    Home: () => stepTo(s, p, "first"), End: () => stepTo(s, p, "last"),
    Enter: (e) => s.hover.row >= 0 && toggle(s, s.hover.row, e.shiftKey || e.ctrlKey || e.metaKey),
    Escape: () => { setHover(s, null); select(s, []); },
    "+": () => zoomBy(s, 1.5), "=": () => zoomBy(s, 1.5), "-": () => zoomBy(s, 1 / 1.5), 0: () => resetView(s),
  };
  p.over.addEventListener("keydown", (e) => {
    if (!keys[e.key] || (e.ctrlKey && e.key !== "Enter") || e.altKey) return;
    e.preventDefault();
    keys[e.key](e);
  }, { signal });
  p.over.addEventListener("blur", () => setHover(s, null), { signal });
}
