// Around the maps: legend, tools, footer.
const ICONS = {
  lasso: "M8 2.5c3.6 0 6.3 1.8 6.3 4.2S11.6 11 8 11 1.7 9.2 1.7 6.7 4.4 2.5 8 2.5M5.2 10.7c-1.3 1-.8 2.6.6 3",
  less: "M3 8h10", more: "M3 8h10M8 3v10", whole: "M2 6V2h4M10 2h4v4M14 10v4h-4M6 14H2v-4",
  near: "M8 1v3.5M8 11.5V15M1 8h3.5M11.5 8H15M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 1 0 0-5.6",
  link: "M6.3 9.7l3.4-3.4M7.2 4.7l1.6-1.6a2.9 2.9 0 0 1 4.1 4.1l-1.6 1.6M8.8 11.3l-1.6 1.6a2.9 2.9 0 0 1-4.1-4.1l1.6-1.6",
  density: "M8 6.5a1.5 1.5 0 1 0 0 3 1.5 1.5 0 1 0 0-3M8 4a4 4 0 1 0 0 8 4 4 0 1 0 0-8M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 1 0 0-13",
  names: "M3 4.5V3h10v1.5M8 3v10M6 13h4", save: "M8 2v8M4.5 6.8 8 10.3l3.5-3.5M2.5 13.5h11",
};
function button(text, title, act) {
  const node = el("button", "", text);
  node.type = "button";
  node.title = title;
  node.setAttribute("aria-label", title);
  node.addEventListener("click", () => act(node));
  return node;
}
function tool(icon, title, act) {
  const node = button("", title, act), mark = glyph("circle", "none"), path = mark.firstChild;
  mark.setAttribute("viewBox", "0 0 16 16");
  path.setAttribute("d", ICONS[icon]);
  path.setAttribute("stroke", "currentColor");
  node.append(mark);
  return node;
}
function toggleTool(icon, title, pressed, act) {
  const node = tool(icon, title, () => act(node.getAttribute("aria-pressed") !== "true", node));
  press(node, pressed);
  return node;
}
const press = (node, pressed) => node.setAttribute("aria-pressed", String(pressed));

function buildTools(s) {
  const tools = el("div", "lm-tools"), n = s.nodes;
  tools.setAttribute("role", "toolbar");
  tools.setAttribute("aria-label", "Map tools");
  n.lasso = toggleTool("lasso", "Draw around studies to select them", false, (on, node) => {
    s.lassoing = on;
    press(node, on);
    for (const p of s.panels) p.over.classList.toggle("lm-cross", on);
  });
  n.link = toggleTool("link", "Linked zoom: both maps move together", true, (on, node) => { press(node, on); link(s, on); });
  n.density = toggleTool("density", "Shade where many points lie", false, (on) => { s.density = on; draw(s); });
  n.names = toggleTool("names", "Write the names of regions on the map", true, (on, node) => { press(node, on); s.naming = on; draw(s); });
  n.near = tool("near", "Zoom to the selection", () => zoomToSelection(s));
  tools.append(
    n.lasso, tool("less", "Zoom out", () => zoomBy(s, 1 / 1.6)), tool("more", "Zoom in", () => zoomBy(s, 1.6)),
    tool("whole", "Show the whole map", () => resetView(s)), n.near, n.link, n.density, n.names,
    tool("save", "Download the maps as a picture", () => download(s)),
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
    rows === mostLines(s) && `Lines of ${rows.toLocaleString("en")} studies only, a fair sample.`,
  ].filter(Boolean).join(" ");
}
// A message over the maps while there is nothing to show, or after an error.
function say(s, text, retry) {
  s.nodes.word.hidden = !text;
  s.nodes.word.replaceChildren(el("span", "", text), ...(retry ? [button("Retry", "Load the points again", retry)] : []));
}
