// Charts of the dial: axes that stay, densities and a cursor that follow the slider. In SVG, so that words and
// colours are those of the page.
const EDGE = { left: 44, right: 10, top: 8, bottom: 38 };

function svg(tag, attributes, text) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text !== undefined) node.textContent = text;
  return node;
}
const same = (v) => v;
const short = (v) => String(+v.toFixed(2)).replace("-", "\u2212");

// Round numbers from low to high, 1, 2 or 5 times a power of ten apart.
function even(low, high) {
  const rough = (high - low) / 5, power = 10 ** Math.floor(Math.log10(rough)), size = [1, 2, 5, 10].map((v) => v * power).find((v) => v >= rough);
  const from = Math.ceil(low / size - 1e-9), to = Math.floor(high / size + 1e-9);
  return Array.from({ length: to - from + 1 }, (_, k) => (from + k) * size);
}

// An empty chart: x and y are { low, high, title, at: [ticks], bend }.
function frame(chart, x, y) {
  const { node } = chart, w = node.clientWidth, h = node.clientHeight;
  const bend = y.bend ?? same, inner = [w - EDGE.left - EDGE.right, h - EDGE.top - EDGE.bottom];
  chart.x = (v) => EDGE.left + ((v - x.low) / (x.high - x.low)) * inner[0];
  chart.y = (v) => EDGE.top + (1 - (bend(v) - bend(y.low)) / (bend(y.high) - bend(y.low))) * inner[1];
  const lines = svg("g", { class: "gd-lines" }), words = svg("g", { class: "gd-words" }), [left, right, top, bottom] = [chart.x(x.low), chart.x(x.high), chart.y(y.high), chart.y(y.low)];
  for (const v of x.at) {
    lines.append(svg("path", { d: `M${chart.x(v)} ${bottom}v4` }));
    words.append(svg("text", { x: chart.x(v), y: bottom + 17, "text-anchor": v === x.high ? "end" : "middle" }, short(v)));
  }
  for (const v of y.at) {
    lines.append(svg("path", { d: `M${left} ${chart.y(v)}H${right}` }));
    words.append(svg("text", { x: left - 6, y: chart.y(v) + 4, "text-anchor": "end" }, short(v)));
  }
  words.append(
    svg("text", { x: (left + right) / 2, y: h - 4, "text-anchor": "middle" }, x.title),
    svg("text", { x: 0, y: 0, "text-anchor": "middle", transform: `translate(11 ${(top + bottom) / 2}) rotate(-90)` }, y.title),
  );
  node.setAttribute("viewBox", `0 0 ${w} ${h}`);
  node.replaceChildren(lines, words);
}

const rounded = (v) => (v < 10 ? +v.toPrecision(1) : Math.floor(v));

// Square roots make room for low densities beside the high one of a narrow cone; no bar is ever cut.
function buildDensities(s) {
  const { densities, bins } = s.data, chart = s.densities;
  const high = 1.05 * densities.reduce((top, density) => density.values.reduce((a, b) => Math.max(a, b), top), 0);
  frame(chart, { low: -1, high: 1, title: "cosine (1 = same direction)", at: [-1, -0.5, 0, 0.5, 1] },
    { low: 0, high, title: "density (square-root axis)", at: [0, 1, 2, 3, 4, 5].map((k) => rounded((k / 5) ** 2 * high)), bend: Math.sqrt });
  chart.paths = densities.map((density) => svg("path", { class: "gd-density", fill: density.colour, stroke: density.colour }));
  chart.node.append(...chart.paths);
  chart.edges = Array.from({ length: bins + 1 }, (_, b) => chart.x(-1 + (2 * b) / bins).toFixed(1));
}
function moveDensities({ data, densities: chart, place }) {
  const floor = chart.y(0).toFixed(1);
  chart.paths.forEach((path, k) => {
    const from = place * data.bins, own = data.densities[k].values.subarray(from, from + data.bins);
    let d = `M${chart.edges[0]} ${floor}`;
    own.forEach((v, b) => (d += `V${v ? chart.y(v).toFixed(1) : floor}H${chart.edges[b + 1]}`));
    path.setAttribute("d", `${d}V${floor}`);
  });
}

function buildCurves(s) {
  const { curves, strengths } = s.data, chart = s.curves, all = curves.flatMap((c) => c.values), last = strengths.at(-1);
  const low = Math.min(0, ...all), high = Math.max(0.1, 1.05 * Math.max(...all));
  frame(chart, { low: 0, high: last, title: "strength (0 = as is, 1 = closed)", at: even(0, last) }, { low, high, title: "value", at: even(low, high) });
  const lines = curves.map((c) => svg("path", {
    class: "gd-curve", stroke: c.colour, "stroke-dasharray": c.dash,
    d: c.values.map((v, k) => `${k ? "L" : "M"}${chart.x(strengths[k]).toFixed(1)} ${chart.y(v).toFixed(1)}`).join(""),
  }));
  chart.cursor = svg("path", { class: "gd-cursor" });
  chart.dots = curves.map((c) => svg("circle", { class: "gd-dot", r: 4, fill: c.colour }));
  chart.node.append(chart.cursor, ...lines, ...chart.dots);
  chart.rise = `V${chart.y(low)}`;
}
function moveCurves({ data, curves: chart, place }) {
  const x = chart.x(data.strengths[place]);
  chart.cursor.setAttribute("d", `M${x} ${EDGE.top}${chart.rise}`);
  chart.dots.forEach((dot, k) => {
    dot.setAttribute("cx", x);
    dot.setAttribute("cy", chart.y(data.curves[k].values[place]));
  });
}
