// Pointer events on a panel: hover, click, drag, pinch, wheel and lasso.
function setHover(s, found, p, x, y) {
  const row = found?.row ?? -1;
  if (row !== s.hover.row || (found && found.kind !== s.hover.kind)) {
    s.hover = { row, kind: found?.kind ?? 0 };
    s.root.dataset.hover = row < 0 ? "" : row;
    draw(s, "over");
  }
  markRamp(s, p, row);
  if (row < 0 || row === s.pin.row) return hideCard(s.card);
  const room = s.root.getBoundingClientRect(), stage = p.over.getBoundingClientRect();
  showCard(s, s.card, p, x + stage.left - room.left, y + stage.top - room.top);
}

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
    // Fully zoomed out, the wheel scrolls the page again, but not within the same gesture.
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
