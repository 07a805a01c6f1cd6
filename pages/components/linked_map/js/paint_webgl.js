// The WebGL renderer: one context for all panels. Coordinates, colours and order have separate buffers, so a
// selection uploads only the order and a transition nothing. Shapes are signed distances, sharp at any size.
const POINT = `
precision highp float;
attribute vec2 from, to;
attribute vec4 ink;
uniform vec2 scale, shift;
uniform float share, size, spread;
varying vec3 colour;
varying float shape;
void main() {
  if (to.x > 65534.5) { gl_Position = vec4(2.0, 2.0, 0.0, 1.0); return; }
  vec2 place = mix(from.x > 65534.5 ? to : from, to, share) / 32767.0 - 1.0;
  gl_Position = vec4(place * scale + shift, 0.0, 1.0);
  gl_PointSize = size * spread;
  colour = ink.rgb / 255.0;
  shape = ink.a;
}`;
const SHAPE = `
precision highp float;
uniform vec3 back;
uniform vec4 flood;
uniform float alpha, size, spread, edge;
varying vec3 colour;
varying float shape;
float away(vec2 q) {
  if (shape < 0.5) return max(abs(q.x) * 0.873 - q.y * 0.487 - 0.594, q.y - 0.86);
  if (shape < 1.5) return abs(q.x) * 0.775 + abs(q.y) * 0.632 - 0.822;
  if (shape < 2.5) return length(q) - 0.98;
  return max(abs(q.x), abs(q.y)) - 0.88;
}
void main() {
  vec2 q = (gl_PointCoord * 2.0 - 1.0) * spread;
  float far = away(q) * size * 0.5, whole = clamp(0.5 + edge - far, 0.0, 1.0);
  if (whole <= 0.0) discard;
  vec3 seen = mix(back, mix(colour, flood.rgb, flood.a), clamp(0.5 - edge - far, 0.0, 1.0));
  gl_FragColor = vec4(seen, 1.0) * whole * alpha;
}`;
const SPREAD = 1.5; // Half the side of a point's square, in radii: the shapes' tips and edges fit in.

function makePainter(s) {
  const canvas = document.createElement("canvas");
  const gl = canvas.getContext("webgl", { alpha: true, antialias: false, depth: false, premultipliedAlpha: true });
  if (!gl) return stampPainter("this browser offers none");
  const device = createRegl({ gl, extensions: ["OES_element_index_uint"], pixelRatio: 1 });
  const command = device({
    vert: POINT, frag: SHAPE, primitive: "points", depth: { enable: false },
    blend: { enable: true, func: { src: "one", dst: "one minus src alpha" } },
    viewport: (_, { width, height }) => ({ x: 0, y: 0, width, height }),
    attributes: {
      from: { buffer: device.prop("a"), size: 2, type: "uint16" }, to: { buffer: device.prop("b"), size: 2, type: "uint16" },
      ink: { buffer: device.prop("ink"), size: 4, type: "uint8" },
    },
    uniforms: Object.fromEntries(["scale", "shift", "share", "size", "spread", "back", "flood", "alpha", "edge"].map((name) => [name, device.prop(name)])),
    elements: device.prop("order"), offset: device.prop("offset"), count: device.prop("count"),
  });
  const pixel = new Uint8Array(4), kept = new WeakMap(); // The arrays on the GPU and their buffers, by panel.
  const painter = {
    name: "webgl", reason: "", tried: false,
    paint(s, p, share) {
      paintPoints(s, p, share, { canvas, device, command, kept });
      if (!painter.tried && gl.getError() && !gl.isContextLost()) giveUp(s, "the graphics driver refused to draw");
      painter.tried = true;
      // While the user moves the view, wait for the GPU, so that frames cannot queue and their cost is known.
      if (share < 1 || s.moving) gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel);
    },
    forget: (p) => Object.values(kept.get(p)?.buffers ?? {}).forEach((buffer) => buffer?.destroy()), drop: () => device.destroy(),
  };
  canvas.addEventListener("webglcontextlost", () => s.painter === painter && replacePainter(s));
  return painter;
}
function giveUp(s, reason) {
  s.painter = stampPainter(reason);
  tellPainter(s);
  draw(s);
}
// After a lost context: try once with a new one, then use the canvas.
function replacePainter(s) {
  s.losses = (s.losses ?? 0) + 1;
  if (s.losses > 2) return giveUp(s, "the graphics card was lost");
  s.painter = makePainter(s);
  tellPainter(s);
  draw(s);
}

function upload(device, kept, p) {
  if (!kept.has(p)) kept.set(p, { arrays: {}, buffers: {} });
  const { arrays, buffers } = kept.get(p);
  for (const name of ["a", "b", "ink", "order"]) {
    if (arrays[name] === p[name]) continue;
    arrays[name] = p[name];
    buffers[name]?.destroy();
    buffers[name] = name === "order" ? device.elements({ data: p.order, type: "uint32" }) : device.buffer(p[name]);
  }
  return buffers;
}
function paintPoints(s, p, share, { canvas, device, command, kept }) {
  if (!p.order.length) return;
  const { width, height } = p.canvas, f = project(s, p), d = s.dpr, r = markerRadius(s, p), alphas = loudness(s, p);
  if (canvas.width < width || canvas.height < height) {
    canvas.width = Math.max(canvas.width, width);
    canvas.height = Math.max(canvas.height, height);
  }
  device.poll();
  device.clear({ color: [0, 0, 0, 0] });
  const unit = (css) => rgb(css).map((v) => v / 255), size = 2 * r * d;
  const common = {
    ...upload(device, kept, p), width, height, share: p.t, spread: SPREAD, back: unit(s.theme.back), edge: 0.45 * d * Math.min(1, r / 2.5),
    scale: [(2 * f.a) / p.w, (2 * f.a) / p.h], shift: [(2 * f.x) / p.w - 1, 1 - (2 * f.y) / p.h],
  };
  const layer = (level, more) => {
    const offset = p.starts[level], all = p.starts[level + 1] - offset;
    const count = level === RINGED ? all : Math.ceil(all * share);
    if (count) command({ ...common, offset, count, size, alpha: alphas[level], flood: [0, 0, 0, 0], ...more });
  };
  for (const level of [GHOST, DIM, FULL]) layer(level);
  layer(RINGED, { size: size * 1.55, flood: [...unit(s.theme.text), 1] });
  layer(RINGED, { size: size * 1.1 });
  p.ctx.drawImage(canvas, 0, canvas.height - height, width, height, 0, 0, p.w, p.h);
}
