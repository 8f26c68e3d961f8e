// The stretch of the video that the lanes show: zoom, pan, follow, ticks.

/** @typedef {import("./types.js").Stretch} Stretch */

export const SHORTEST_S = 1;
const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];

/**
 * Bring a stretch into the video.
 *
 * @param {Stretch} wanted
 * @param {number} duration
 * @returns {Stretch}
 */
export function fitted({ from, to }, duration) {
  const span = Math.min(Math.max(duration, SHORTEST_S), Math.max(SHORTEST_S, to - from));
  const start = Math.min(Math.max(0, from), Math.max(0, duration - span));
  return { from: start, to: start + span };
}

/**
 * Zoom about a time that stays where it is; a factor below 1 shows less.
 *
 * @param {Stretch} stretch
 * @param {number} factor
 * @param {number} at
 * @param {number} duration
 */
export function zoomed({ from, to }, factor, at, duration) {
  const span = to - from;
  const wide = Math.min(Math.max(duration, SHORTEST_S), Math.max(SHORTEST_S, span * factor));
  const start = at - ((at - from) * wide) / span;
  return fitted({ from: start, to: start + wide }, duration);
}

/**
 * @param {Stretch} stretch
 * @param {number} by seconds
 * @param {number} duration
 */
export function panned({ from, to }, by, duration) {
  return fitted({ from: from + by, to: to + by }, duration);
}

/**
 * Keep a time in view; the same object where it is well inside.
 *
 * @param {Stretch} stretch
 * @param {number} time
 * @param {number} duration
 */
export function following(stretch, time, duration) {
  const span = stretch.to - stretch.from;
  const isInside = time >= stretch.from + span * 0.02 && time <= stretch.to - span * 0.06;
  const isAtEdge = (time < stretch.from + span / 2 && stretch.from <= 0)
    || (time > stretch.to - span / 2 && stretch.to >= duration);
  if (isInside || (isAtEdge && time >= stretch.from && time <= stretch.to)) return stretch;
  return fitted({ from: time - span * 0.2, to: time + span * 0.8 }, duration);
}

/**
 * Times of the axis' lines, and how many places their text needs.
 *
 * @param {Stretch} stretch
 * @param {number} width pixels
 */
export function ticksOf({ from, to }, width) {
  const least = (to - from) / Math.max(2, width / 90);
  const step = STEPS.find((one) => one >= least) ?? 7200;
  const times = [];
  for (let index = Math.ceil(from / step - 1e-9); index * step <= to; index += 1) times.push(index * step);
  return { times, places: step < 1 ? 1 : 0 };
}

/**
 * @param {number} time
 * @param {Stretch} stretch
 * @param {number} width
 */
export function xOf(time, { from, to }, width) { return ((time - from) / (to - from)) * width; }

/**
 * @param {number} x
 * @param {Stretch} stretch
 * @param {number} width
 */
export function timeAt(x, { from, to }, width) { return from + (x / width) * (to - from); }
