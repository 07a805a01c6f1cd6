// Columns: numbers over HTTP, cached by the browser; here only the few used last.
class Lost extends Error {} // The server no longer has the column; the next run of the page adds it again.
const KEPT = new Map();

function fetched(url) {
  if (!KEPT.has(url)) {
    const waiting = fetch(url, { credentials: "same-origin" }).then((answer) => {
      if (answer.status === 404) throw new Lost(url);
      if (!answer.ok) throw new Error(`${answer.status}`);
      return answer.arrayBuffer();
    });
    waiting.catch(() => KEPT.delete(url));
    KEPT.set(url, waiting);
    if (KEPT.size > 16) KEPT.delete(KEPT.keys().next().value);
  }
  return KEPT.get(url);
}
function unpackBits(bytes, count) {
  const bits = new Uint8Array(count);
  for (let i = 0; i < count; i++) bits[i] = (bytes[i >> 3] >> (7 - (i & 7))) & 1;
  return bits;
}
function packBits(bits) {
  const bytes = new Uint8Array((bits.length + 7) >> 3);
  for (let i = 0; i < bits.length; i++) if (bits[i]) bytes[i >> 3] |= 128 >> (i & 7);
  return bytes;
}
const fromBase64 = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
function toBase64(bytes) {
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(text);
}

async function bits(url, count) {
  return url ? unpackBits(new Uint8Array(await fetched(url)), count) : null;
}
async function values({ mode, url }) {
  if (!url) return null;
  return mode === "category" ? new Uint8Array(await fetched(url)) : new Float32Array(await fetched(url));
}
// Everything that the panels need: per panel { frames, values, grey }, and the rows to join by lines.
async function columns(data) {
  const panel = async ({ xy, grey, modalities }, index) => {
    const points = modalities.length * data.n;
    const [places, own, marks] = await Promise.all([fetched(xy), values(data.colours?.[index] ?? data.colour), bits(grey, points)]);
    const frames = data.frames.map((_, k) => new Uint16Array(places, 4 * k * points, 2 * points));
    return { frames, values: own, grey: marks };
  };
  const [worst, ...panels] = await Promise.all([bits(data.mask.worst, data.n), ...data.panels.map(panel)]);
  return { panels, worst };
}
