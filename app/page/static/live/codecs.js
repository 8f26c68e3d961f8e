// What a fragmented MP4 holds, as browsers want it named before they play it.
//
// Source: ISO/IEC 14496-12 (boxes), 14496-15 Annex E (avc1, hvc1), RFC 6381.

const HOLDERS = ["moov", "trak", "mdia", "minf", "stbl"];
const ENTRY_BYTES = { video: 78, sound: 28 }; // of a sample entry before the boxes in it

/**
 * Give the type for `MediaSource.addSourceBuffer`; null: nothing in it is known.
 *
 * @param {ArrayBuffer} data that begins with `ftyp` and `moov`
 */
export function mimeOf(data) {
  const codecs = entriesOf(new DataView(data), 0, data.byteLength);
  return codecs.length ? `video/mp4; codecs="${codecs.join(", ")}"` : null;
}

/**
 * @param {DataView} view
 * @param {number} start
 * @param {number} end
 * @returns {string[]}
 */
function entriesOf(view, start, end) {
  return boxesOf(view, start, end).flatMap(({ kind, from, to }) => {
    if (HOLDERS.includes(kind)) return entriesOf(view, from, to);
    if (kind === "stsd") return boxesOf(view, from + 8, to).flatMap((entry) => codecOf(view, entry) ?? []);
    return [];
  });
}

/**
 * @param {DataView} view
 * @param {Box} entry
 */
function codecOf(view, { kind, from, to }) {
  if (kind === "avc1" || kind === "avc3") return avcOf(view, kind, boxIn(view, from + ENTRY_BYTES.video, to, "avcC"));
  if (kind === "hvc1" || kind === "hev1") return hevcOf(view, kind, boxIn(view, from + ENTRY_BYTES.video, to, "hvcC"));
  if (kind === "mp4a") return soundOf(view, boxIn(view, from + ENTRY_BYTES.sound, to, "esds"));
  if (kind === "Opus") return "opus";
  return null;
}

/** @param {DataView} view @param {string} kind @param {Box | undefined} box profile, constraints and level follow the version */
function avcOf(view, kind, box) {
  if (!box) return null;
  const numbers = [1, 2, 3].map((place) => view.getUint8(box.from + place).toString(16).padStart(2, "0"));
  return `${kind}.${numbers.join("")}`;
}

/** @param {DataView} view @param {string} kind @param {Box | undefined} box */
function hevcOf(view, kind, box) {
  if (!box) return null;
  const first = view.getUint8(box.from + 1);
  const space = ["", "A", "B", "C"][first >> 6];
  let flags = 0; // in reverse order of bits
  for (let bit = 0; bit < 32; bit += 1) if (view.getUint32(box.from + 2) & (1 << bit)) flags |= 1 << (31 - bit);
  const constraints = Array.from({ length: 6 }, (_, place) => view.getUint8(box.from + 6 + place).toString(16));
  while (constraints.length && constraints.at(-1) === "0") constraints.pop();
  const tier = first & 0x20 ? "H" : "L";
  const level = view.getUint8(box.from + 12);
  return [`${kind}.${space}${first & 0x1f}`, (flags >>> 0).toString(16), `${tier}${level}`, ...constraints].join(".");
}

/** AAC, or MP3 where the descriptor says so. @param {DataView} view @param {Box | undefined} box */
function soundOf(view, box) {
  for (let at = (box?.from ?? 0) + 4; box && at + 6 < box.to; at += 1) {
    if (view.getUint8(at) !== 0x04) continue; // the decoder's configuration
    let from = at + 1;
    while (view.getUint8(from) & 0x80) from += 1;
    const type = view.getUint8(from + 1);
    if (type === 0x69 || type === 0x6b) return "mp4a.69";
    if (type === 0x40) return `mp4a.40.${objectOf(view, from + 14, box.to)}`;
  }
  return "mp4a.40.2";
}

/** The kind of AAC, from the descriptor after the decoder's configuration. @param {DataView} view @param {number} at @param {number} end */
function objectOf(view, at, end) {
  if (at + 2 >= end || view.getUint8(at) !== 0x05) return 2;
  let from = at + 1;
  while (view.getUint8(from) & 0x80) from += 1;
  return view.getUint8(from + 1) >> 3 || 2;
}

/**
 * @typedef {{kind: string, from: number, to: number}} Box from, to: of its content
 *
 * @param {DataView} view
 * @param {number} start
 * @param {number} end
 * @returns {Box[]}
 */
function boxesOf(view, start, end) {
  const found = [];
  for (let at = start; at + 8 <= end;) {
    const size = view.getUint32(at);
    const kind = String.fromCharCode(...[4, 5, 6, 7].map((place) => view.getUint8(at + place)));
    if (size < 8 || at + size > end) break;
    found.push({ kind, from: at + 8, to: at + size });
    at += size;
  }
  return found;
}

/** @param {DataView} view @param {number} from @param {number} to @param {string} kind */
function boxIn(view, from, to, kind) { return boxesOf(view, from, to).find((box) => box.kind === kind); }
