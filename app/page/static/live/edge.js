// Where the live edge is, and whether the playhead is there. No calls, no elements.

/** @typedef {import("./types.js").Stretch} Stretch */

const SPARE_S = 1;
const SHOWN_S = 60;
const FUTURE = 0.04; // of what the lanes show, right of the edge

/**
 * Where to send the player for the latest picture. A segment comes whole, so the player stays
 * one behind the end, or it would halt until the next one.
 *
 * @param {number} end of the recording, in seconds
 * @param {number} longest of its segments, in seconds
 */
export function edgeOf(end, longest) { return Math.max(0, end - longest - SPARE_S); }

/**
 * Whether a time counts as live: what is played on from the edge does so between two segments.
 *
 * @param {number} time
 * @param {number} end of the recording
 * @param {number} longest of its segments
 */
export function isAtEdge(time, end, longest) { return end - time <= 2 * longest + 2 * SPARE_S; }

/**
 * What the lanes show while they follow the edge: as much as before, its end near the right.
 *
 * @param {Stretch | null} shown null: the whole stream
 * @param {number} edge what the model has seen, in seconds
 * @returns {Stretch | null} null: the whole stream
 */
export function stretchAtEdge(shown, edge) {
  if (!shown && edge <= SHOWN_S) return null;
  const span = shown ? shown.to - shown.from : SHOWN_S;
  const to = edge + span * FUTURE;
  return { from: Math.max(0, to - span), to: Math.max(to, span) };
}

/**
 * How far a time is behind, for people.
 *
 * @param {number} behind seconds
 */
export function behindWords(behind) {
  const whole = Math.max(0, Math.round(behind));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  return minutes < 60 ? `${minutes} min ${whole % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
