// The selected studies: one mark per row, sent to the app as a list, or as bits when there are many.
const LISTED = 2000; // More selected rows than this are sent as bits.

function chosen(s) {
  const rows = [];
  s.picked.forEach((one, i) => one && rows.push(i));
  return rows;
}
function select(s, marks) {
  s.picked = marks;
  s.count = marks.reduce((sum, one) => sum + one, 0);
  // Millions of levels and a slow frame: show the card of a click first, if its text arrives soon.
  if (s.panels.some((p) => p.crowd)) Promise.race([wordsOf(s, Math.max(0, s.pin.row)), new Promise((done) => setTimeout(done, 300))]).then(() => requestAnimationFrame(() => setTimeout(() => s.gone || refresh(s, 60), 30)));
  else refresh(s, s.share < 1 ? 60 : 0); // A slow frame must not delay the card of a click.
  const up = s.count > LISTED ? { count: s.count, bits: toBase64(packBits(marks)) } : chosen(s), text = JSON.stringify(up);
  if (s.sent !== text) s.send("selected", up);
  s.sent = text;
}
const clearSelection = (s) => select(s, new Uint8Array(s.data.n));
function toggle(s, row, add) {
  const marks = add ? s.picked.slice() : new Uint8Array(s.data.n);
  marks[row] = add ? 1 - marks[row] : 1;
  select(s, marks);
}
