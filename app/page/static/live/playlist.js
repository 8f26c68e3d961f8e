// The HLS playlist of a recording as the service writes it (docs/live.md), and which of its
// pieces a player needs next. No calls, no elements.

/**
 * @typedef {import("./types.js").Playlist} Playlist
 * @typedef {import("./types.js").Segment} Segment
 * @typedef {import("./types.js").Stretch} Stretch
 */

const LEAST_HOLE_S = 0.05;
const USUAL_S = 4;

/**
 * Read a playlist whose every file is a fragmented MP4 that is complete by itself.
 *
 * @param {string} text
 * @param {number | null} beganAt wall clock at 0 s, in ms since 1970: with it the wall clock of a
 *   segment tells where it lies; null: the lengths before it do
 * @returns {Playlist}
 */
export function readPlaylist(text, beganAt) {
  /** @type {Segment[]} */
  const segments = [];
  /** @type {Stretch[]} */
  const holes = [];
  let [at, length, isHole, isOver] = [0, 0, false, false];
  for (const line of text.split("\n").map((one) => one.trim())) {
    if (line.startsWith("#EXTINF:")) length = Number.parseFloat(line.slice(8)) || 0;
    else if (line === "#EXT-X-GAP") isHole = true;
    else if (line === "#EXT-X-ENDLIST") isOver = true;
    else if (line.startsWith("#EXT-X-PROGRAM-DATE-TIME:") && beganAt !== null) {
      const wall = Date.parse(line.slice(25));
      if (!Number.isNaN(wall)) at = Math.max(0, (wall - beganAt) / 1000);
    } else if (line && !line.startsWith("#")) {
      if (!isHole) segments.push({ url: line, from: at, to: at + length });
      at += length;
      isHole = false;
    }
  }
  let before = 0;
  for (const { from, to } of segments) {
    if (from - before > LEAST_HOLE_S) holes.push({ from: before, to: from });
    before = to;
  }
  const longest = Math.max(0, ...segments.map(({ from, to }) => to - from)) || USUAL_S;
  return { segments, holes, end: before, longest, isOver };
}

/**
 * The segment to load next, so that the player can go on from a time; undefined: none.
 *
 * @param {Playlist} playlist
 * @param {ReadonlySet<string>} loaded urls
 * @param {number} time where the player stands or wants to go, in seconds
 * @param {number} ahead how many seconds after it are to be there
 */
export function nextWanted({ segments }, loaded, time, ahead) {
  return segments.find(({ url, from, to }) => !loaded.has(url) && to > time && from < time + ahead);
}

/**
 * The hole that a time lies in.
 *
 * @param {readonly Stretch[]} holes
 * @param {number} time
 */
export function holeAt(holes, time) { return holes.find(({ from, to }) => time >= from && time < to); }

/**
 * The nearest time that has a picture.
 *
 * @param {readonly Stretch[]} holes
 * @param {number} time
 * @param {{isBack: boolean, frame: number}} how isBack: before the hole rather than after it;
 *   frame: how long one is shown, in seconds
 */
export function besideHole(holes, time, { isBack, frame }) {
  const hole = holeAt(holes, time);
  if (!hole) return time;
  return isBack && hole.from > 0 ? Math.max(0, hole.from - frame) : hole.to + frame / 2;
}
