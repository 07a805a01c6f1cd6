// The frame around the maps: legend, tools, foot.
function button(text, title, act) {
  const node = el("button", "", text);
  node.type = "button";
  node.title = title;
  node.setAttribute("aria-label", title);
  node.addEventListener("click", () => act(node));
  return node;
}
function toggleButton(text, title, pressed, act) {
  const node = button(text, title, () => act(node.getAttribute("aria-pressed") !== "true", node));
  press(node, pressed);
  return node;
}
const press = (node, pressed) => node.setAttribute("aria-pressed", String(pressed));

function buildTools(s) {
  const tools = el("div", "lm-tools"), n = s.nodes;
  tools.setAttribute("role", "toolbar");
  tools.setAttribute("aria-label", "Map tools");
  n.lasso = toggleButton("Lasso", "Draw around studies to select them", false, (on, node) => {
    s.lassoing = on;
    press(node, on);
    for (const p of s.panels) p.over.classList.toggle("lm-cross", on);
  });
  n.link = toggleButton("Linked", "Linked zoom: both maps move together", true, (on, node) => { press(node, on); link(s, on); });
  n.density = toggleButton("Density", "Shade where many points lie", false, (on) => { s.density = on; draw(s); });
  n.names = toggleButton("Names", "Write the names of regions on the map", true, (on, node) => { press(node, on); s.naming = on; draw(s); });
  n.near = button("To selection", "Zoom to the selection", () => zoomToSelection(s));
  tools.append(
    n.lasso, button("\u2212", "Zoom out", () => zoomBy(s, 1 / 1.6)), button("+", "Zoom in", () => zoomBy(s, 1.6)),
    button("Reset", "Show the whole map", () => resetView(s)), n.near, n.link, n.density, n.names,
    button("PNG", "Download the maps as a picture", () => download(s)),
  );
  return tools;
}
function buildFoot(s) {
  const foot = el("div", "lm-foot"), n = s.nodes;
  n.state = el("span", "lm-state");
  n.count = el("span");
  n.state.append(n.count, button("Clear", "Clear the selection", () => clearSelection(s)));
  n.hint = el("span", "lm-faint", "Scroll to zoom, drag to move, click a study, Shift-drag to select many. Keys: \u2190 \u2192 Enter Esc");
  n.about = el("span", "lm-faint");
  foot.append(n.hint, n.about, n.state);
  return foot;
}
function tellPainter(s) {
  const { data, nodes, painter } = s, rows = data?.lines === "none" ? 0 : s.panels[0]?.base ? lined(s, s.panels[0]).length : 0;
  s.root.dataset.painter = painter.name;
  nodes.about.textContent = [
    painter.reason && `Drawn without WebGL: ${painter.reason}.`,
    rows === MOST_LINES && `Lines of ${MOST_LINES.toLocaleString("en")} studies only, a fair sample.`,
  ].filter(Boolean).join(" ");
}
// A word over the maps while there is nothing to show, or when something went wrong.
function say(s, text, retry) {
  s.nodes.word.hidden = !text;
  s.nodes.word.replaceChildren(el("span", "", text), ...(retry ? [button("Retry", "Load the points again", retry)] : []));
}
