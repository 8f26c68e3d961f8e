// Sets of stretches of a video: what was seen, what was reviewed.

import { bisect } from "./frames.js";

/** @typedef {import("./types.js").Stretch} Stretch */

/**
 * Merge stretches that touch or overlap, earliest first.
 *
 * @param {readonly Stretch[]} stretches
 * @param {number} [gap] seconds that may lie between two that become one
 * @returns {Stretch[]}
 */
export function merged(stretches, gap = 0) {
  const sorted = stretches.filter(({ from, to }) => to > from).sort((a, b) => a.from - b.from);
  /** @type {Stretch[]} */
  const kept = [];
  for (const { from, to } of sorted) {
    const last = kept.at(-1);
    if (last && from <= last.to + gap) last.to = Math.max(last.to, to);
    else kept.push({ from, to });
  }
  return kept;
}

/**
 * What lies in the first and in none of the others.
 *
 * @param {readonly Stretch[]} stretches
 * @param {readonly Stretch[]} others
 */
export function without(stretches, others) {
  const holes = merged(others);
  /** @type {Stretch[]} */
  const left = [];
  let first = 0;
  for (const { from, to } of merged(stretches)) {
    while (first < holes.length && holes[first].to <= from) first += 1;
    let start = from;
    for (let index = first; index < holes.length && holes[index].from < to; index += 1) {
      if (holes[index].from > start) left.push({ from: start, to: holes[index].from });
      start = holes[index].to;
    }
    if (start < to) left.push({ from: start, to });
  }
  return left;
}

/** Seconds in all. @param {readonly Stretch[]} stretches */
export function lengthOf(stretches) {
  return merged(stretches).reduce((sum, { from, to }) => sum + to - from, 0);
}

/**
 * @param {readonly Stretch[]} stretches
 * @param {number} time
 */
export function covers(stretches, time) {
  return stretches.some(({ from, to }) => from <= time && time <= to);
}

/**
 * Which parts of what was seen are reviewed: all suggestions in them are decided.
 *
 * A seen stretch with an undecided suggestion is cut there. A part that ends at such a cut
 * counts as far as its last decision on that side: who only watches decides nothing.
 *
 * @param {readonly Stretch[]} seen
 * @param {readonly number[]} undecided times of undecided suggestions, sorted
 * @param {readonly number[]} decided times of decided events, sorted
 * @returns {Stretch[]}
 */
export function reviewedParts(seen, undecided, decided) {
  return merged(seen).flatMap(({ from, to }) => {
    const cuts = between(undecided, from, to);
    const ends = [from, ...cuts, to];
    return ends.slice(1).flatMap((end, index) => {
      const begin = ends[index];
      const isCutBefore = index > 0;
      const isCutAfter = index < cuts.length;
      const inside = between(decided, begin, end);
      if ((isCutBefore || isCutAfter) && !inside.length) return [];
      const part = {
        from: isCutBefore ? inside[0] : begin,
        to: isCutAfter ? inside[inside.length - 1] : end,
      };
      return part.to > part.from ? [part] : [];
    });
  });
}

/**
 * The sorted numbers from one to another, both included.
 *
 * @param {readonly number[]} sorted
 * @param {number} from
 * @param {number} to
 */
function between(sorted, from, to) {
  let first = bisect(sorted, from);
  while (first > 0 && sorted[first - 1] === from) first -= 1;
  return sorted.slice(first, bisect(sorted, to));
}

/** Notes what was played or stepped through, from the frames that were shown. */
export class Seen {
  constructor() {
    /** @type {Stretch[]} */
    this.stretches = [];
    /** @type {number | null} */
    this.last = null;
  }

  /**
   * A frame was shown. What lies between it and the one before was seen if it is a short
   * step forward or back; a jump begins anew.
   *
   * @param {number} from when the frame begins
   * @param {number} to when it ends
   * @param {number} longest the longest step that counts, in seconds
   */
  show(from, to, longest) {
    const isStep = this.last !== null && Math.abs(from - this.last) <= longest;
    const start = isStep && this.last !== null ? Math.min(this.last, from) : from;
    const end = isStep && this.last !== null ? Math.max(this.last, to) : to;
    this.last = from;
    const running = this.stretches.find((one) => one.from <= end && start <= one.to);
    if (running && running.from <= start && end <= running.to) return;
    this.stretches = merged([...this.stretches, { from: start, to: end }], 1e-3);
  }

  /** The next frame is no step from the last one. */
  jump() { this.last = null; }
}
