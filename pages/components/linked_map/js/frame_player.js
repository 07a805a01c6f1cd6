// Frames: states of the same studies, played here; the app is not told.
const WALK = 500, EACH = 700; // Milliseconds of a transition, and from one frame to the next.

function buildFrames(s) {
  const bar = el("div", "lm-frames"), n = s.nodes;
  n.play = button("Play", "Play the frames", () => (s.playing ? pause(s) : play(s)));
  n.range = el("input");
  Object.assign(n.range, { type: "range", min: 0, step: "any" });
  n.range.setAttribute("aria-label", "Frame");
  n.moment = el("b");
  n.note = el("span", "lm-faint");
  bar.append(n.play, n.range, n.moment, n.note);
  n.range.addEventListener("input", () => { halt(s); setFrame(s, n.range.valueAsNumber); stir(s); });
  n.range.addEventListener("change", () => goTo(s, Math.round(s.at)));
  n.range.addEventListener("keydown", (e) => {
    const last = s.data.frames.length - 1, now = Math.round(s.at);
    const to = { ArrowRight: now + 1, ArrowUp: now + 1, ArrowLeft: now - 1, ArrowDown: now - 1, Home: 0, End: last }[e.key];
    if (to === undefined) return;
    e.preventDefault();
    halt(s);
    goTo(s, clamp(to, 0, last));
  });
  return (n.frames = bar);
}

// All panels at a position between frames: 1.5 is half-way from the second to the third.
function setFrame(s, at) {
  const last = s.data.frames.length - 1, from = Math.min(Math.floor(at), last), resting = Number.isInteger(at);
  s.at = at;
  for (const p of s.panels) {
    const [a, b] = [p.frames[from], p.frames[resting ? from : from + 1]];
    Object.assign(p, { a, b, t: at - from, stale: true, grid: resting ? p.grid : null });
    if (resting) buildGrid(s, p);
  }
  tellFrame(s);
}
function tellFrame(s) {
  const { nodes: n, data, at } = s, { name, note } = data.frames[Math.round(at)];
  n.frames.hidden = data.frames.length < 2;
  n.range.max = data.frames.length - 1;
  n.range.value = at;
  n.range.setAttribute("aria-valuetext", name);
  n.moment.textContent = name;
  n.note.textContent = note;
  s.root.dataset.frame = Number.isInteger(at) ? at : at.toFixed(2);
}
function goTo(s, to, then) {
  const from = s.at;
  setHover(s, null, s.panels[0]);
  hideCard(s.pin);
  animate(s, "points", WALK, (t) => { setFrame(s, t === 1 ? to : clamp(from + (to - from) * t, 0, s.data.frames.length - 1)); if (t === 1) then?.(); });
}
function play(s) {
  s.playing = true;
  tellPlaying(s);
  if (s.at >= s.data.frames.length - 1) { setFrame(s, 0); draw(s); }
  const next = () => {
    if (!s.playing) return;
    if (s.at >= s.data.frames.length - 1) return pause(s);
    goTo(s, Math.floor(s.at) + 1, () => (s.wait = setTimeout(next, EACH - (still.matches ? 0 : WALK))));
  };
  next();
}
function halt(s) {
  s.playing = false;
  clearTimeout(s.wait);
  s.motion.delete("points");
  tellPlaying(s);
}
function pause(s) {
  halt(s);
  if (s.data && !Number.isInteger(s.at)) goTo(s, Math.round(s.at));
}
function tellPlaying(s) {
  const word = s.playing ? "Pause" : "Play";
  s.nodes.play.textContent = word;
  s.nodes.play.setAttribute("aria-label", `${word} the frames`);
  s.nodes.play.title = `${word} the frames`;
}
// The position in new data: the end if it was at the end (a running training adds frames), else unchanged.
function frameFor(s, old, data) {
  const last = data.frames.length - 1, before = old ? old.frames.length - 1 : 0;
  if (before < 1) return clamp(data.frame, 0, last);
  return s.at >= before ? last : Math.min(Math.round(s.at), last);
}
