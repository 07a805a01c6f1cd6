// Pointers, wheel and keys on a panel.
function attachPointer(s, p, signal) {
  const node = p.over, fingers = new Map(), on = (name, act, more) => node.addEventListener(name, act, { signal, ...more });
  const at = (e) => { const box = node.getBoundingClientRect(); return [e.clientX - box.left, e.clientY - box.top]; };
  let press = null, zoomed = 0;
  const spread = () => { const [a, b] = [...fingers.values()]; return Math.hypot(a[0] - b[0], a[1] - b[1]); };
  on("pointerdown", (e) => {
    if (e.button) return;
    fingers.set(e.pointerId, at(e));
    node.setPointerCapture(e.pointerId);
    press = { at: at(e), view: { ...p.view }, moved: false, loop: s.lassoing || e.shiftKey, add: e.ctrlKey || e.metaKey, apart: 0 };
    if (fingers.size === 2) Object.assign(press, { apart: spread(), moved: true, loop: false });
  });
  on("pointermove", (e) => {
    const place = at(e);
    if (!press) {
      const found = nearest(s, p, ...place);
      node.classList.toggle("lm-point", !!found);
      return setHover(s, found, p, ...place);
    }
    fingers.set(e.pointerId, place);
    if (press.apart && fingers.size === 2) {
      const [a, b] = [...fingers.values()], now = spread();
      zoomAt(s, p, (a[0] + b[0]) / 2, (a[1] + b[1]) / 2, now / press.apart);
      press.apart = now;
      return;
    }
    const [dx, dy] = [place[0] - press.at[0], place[1] - press.at[1]];
    if (!press.moved && Math.hypot(dx, dy) < 4) return;
    press.moved = true;
    setHover(s, null, p);
    if (press.loop) {
      s.lasso ??= { panel: p, points: [press.at] };
      s.lasso.points.push(place);
      return draw(s, "over");
    }
    node.classList.add("lm-drag");
    s.dragged = true;
    const { a } = project(s, p);
    if (!press.apart) moveView(s, p.view, { k: p.view.k, x: press.view.x - dx / a, y: press.view.y + dy / a });
  });
  const release = (e) => {
    fingers.delete(e.pointerId);
    node.classList.remove("lm-drag");
    if (s.dragged) { s.dragged = false; stir(s); }
    const done = press;
    if (fingers.size || !done) return;
    press = null;
    const loop = s.lasso?.points;
    s.lasso = null;
    if (e.type === "pointercancel") return draw(s, "over");
    if (loop) {
      hideCard(s.pin);
      return select(s, caught(s, p, loop, done.add));
    }
    if (!done.moved) click(s, p, done);
  };
  on("pointerup", release);
  on("pointercancel", release);
  on("pointerleave", () => press || setHover(s, null, p));
  on("dblclick", () => resetView(s));
  on("wheel", (e) => {
    // Fully zoomed out, the wheel scrolls the page again; not in the same movement, though.
    if (e.deltaY > 0 && p.view.k <= 0.71 && e.timeStamp - zoomed > 350) return;
    e.preventDefault();
    zoomed = e.timeStamp;
    setHover(s, null, p);
    zoomAt(s, p, ...at(e), Math.exp(-clamp(e.deltaY * (e.deltaMode ? 18 : 1), -240, 240) * 0.0022));
  }, { passive: false });
}
function click(s, p, { at, add }) {
  const found = nearest(s, p, ...at);
  if (!found) {
    hideCard(s.pin);
    return add || clearSelection(s);
  }
  setHover(s, found, p, ...at);
  pinCard(s, found, p, ...at);
  toggle(s, found.row, add);
}

// Arrow keys walk through the selection when it holds several studies, else through all that are shown.
function stepTo(s, p, step) {
  const walk = [];
  for (let i = 0; i < p.n; i++) if ((s.count < 2 || s.picked[i]) && reached(p, i) >= 0) walk.push(i);
  if (!walk.length) return;
  const now = walk.indexOf(s.hover.row >= 0 ? s.hover.row : s.focus);
  const at = step === "first" || (now < 0 && step > 0) ? 0 : step === "last" || now < 0 ? walk.length - 1 : (now + step + walk.length) % walk.length;
  s.focus = walk[at];
  focusOn(s, p, walk[at]);
  wordsOf(s, walk[at]).then(({ id, text }) => {
    s.nodes.live.textContent = `${id}, ${at + 1} of ${walk.length}. ${meaningOf(s, walk[at], s.panels.indexOf(p))} ${text}`;
  });
}
// The first modality of a study that is on the map, or -1.
function reached(p, i) {
  const xy = places(p);
  return p.kinds.findIndex((_, m) => !Number.isNaN(xy[2 * (m * p.n + i)]) && p.level[m * p.n + i] !== GHOST);
}
function focusOn(s, p, row) {
  const m = reached(p, row), at = 2 * (m * p.n + row), [x, y] = screenOf(s, p, m, row);
  if (x < 12 || y < 12 || x > p.w - 12 || y > p.h - 12) moveView(s, p.view, { k: p.view.k, x: p.xy[at], y: p.xy[at + 1] });
  setHover(s, { row, kind: p.kinds[m] }, p, ...screenOf(s, p, m, row));
}
function take(s, p, add) {
  const { row, kind } = s.hover;
  if (row < 0) return;
  pinCard(s, s.hover, p, ...screenOf(s, p, p.kinds.indexOf(kind), row));
  toggle(s, row, add);
}
function attachKeys(s, p, signal) {
  const keys = {
    ArrowRight: () => stepTo(s, p, 1), ArrowLeft: () => stepTo(s, p, -1),
    Home: () => stepTo(s, p, "first"), End: () => stepTo(s, p, "last"),
    Enter: (e) => take(s, p, e.shiftKey || e.ctrlKey || e.metaKey),
    Escape: () => { setHover(s, null, p); hideCard(s.pin); clearSelection(s); },
    "+": () => zoomBy(s, 1.5), "=": () => zoomBy(s, 1.5), "-": () => zoomBy(s, 1 / 1.5), 0: () => resetView(s),
  };
  p.over.addEventListener("keydown", (e) => {
    if (!keys[e.key] || (e.ctrlKey && e.key !== "Enter") || e.altKey) return;
    e.preventDefault();
    keys[e.key](e);
  }, { signal });
  p.over.addEventListener("blur", () => setHover(s, null, p), { signal });
}
