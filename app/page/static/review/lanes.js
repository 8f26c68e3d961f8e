// Events in lanes, one a type: found by binary search, drawn as one path a kind of mark.
//
// Only what is in view is looked at, and marks that fall on the same pixel are drawn once,
// so that a frame costs the same for twenty events and for twenty thousand.

import { bisect } from "./frames.js";
import { timeAt, xOf } from "./scale.js";

/**
 * @typedef {import("./types.js").ReviewEvent} ReviewEvent
 * @typedef {import("./types.js").Stretch} Stretch
 *
 * @typedef {object} Lane
 * @property {string} type
 * @property {Float64Array} times sorted
 * @property {Uint8Array} kinds one of KIND for each
 * @property {string[]} ids
 *
 * @typedef {object} LaneColours
 * @property {string} ink
 * @property {string} line
 * @property {string} soft
 * @property {string} ground
 * @property {Record<string, string>} types
 */

export const KIND = { ghost: 0, rejected: 1, suggested: 2, decided: 3, added: 4, provisional: 5 };
const ORDER = [KIND.ghost, KIND.rejected, KIND.provisional, KIND.suggested, KIND.decided, KIND.added];
const STRENGTH = [0.8, 0.8, 0.8, 1, 1, 0.9]; // how opaque each kind is drawn
const REACH_PX = 8;

/** @param {ReviewEvent} event */
export function kindOf(event) {
  if (event.state === "rejected") return KIND.rejected;
  if (event.state === "added") return KIND.added;
  if (event.state === "accepted" || event.state === "edited") return KIND.decided;
  if (event.is_ghost) return KIND.ghost;
  return event.is_provisional ? KIND.provisional : KIND.suggested;
}

/**
 * Sort events into lanes.
 *
 * @param {readonly ReviewEvent[]} events by time
 * @param {readonly string[]} types the lanes, from above
 * @returns {Lane[]}
 */
export function lanesOf(events, types) {
  /** @type {Map<string, ReviewEvent[]>} */
  const byType = new Map(types.map((type) => [type, []]));
  for (const event of events) byType.get(event.type)?.push(event);
  return [...byType].map(([type, own]) => ({
    type,
    times: Float64Array.from(own, (event) => event.time_s),
    kinds: Uint8Array.from(own, kindOf),
    ids: own.map((event) => event.id),
  }));
}

/**
 * Where the marks of one kind stand, left to right, each pixel once.
 *
 * @param {Lane} lane
 * @param {number} kind
 * @param {Stretch} stretch
 * @param {number} width
 * @returns {number[]}
 */
export function placesOf(lane, kind, stretch, width) {
  const margin = ((stretch.to - stretch.from) / width) * REACH_PX;
  const first = bisect(lane.times, stretch.from - margin);
  const places = [];
  let last = -Infinity;
  for (let index = first; index < lane.times.length; index += 1) {
    if (lane.times[index] > stretch.to + margin) break;
    if (lane.kinds[index] !== kind) continue;
    const x = Math.round(xOf(lane.times[index], stretch, width));
    if (x === last) continue;
    places.push(x);
    last = x;
  }
  return places;
}

/**
 * The event nearest to a place; what a person decided wins over what is faint.
 *
 * @param {Lane} lane
 * @param {number} x
 * @param {Stretch} stretch
 * @param {number} width
 * @returns {string | null} its id
 */
export function hit(lane, x, stretch, width) {
  const reach = ((stretch.to - stretch.from) / width) * REACH_PX;
  const time = timeAt(x, stretch, width);
  let best = null;
  let least = Infinity;
  for (let index = bisect(lane.times, time - reach - 1e-9); index < lane.times.length; index += 1) {
    if (lane.times[index] > time + reach) break;
    const faint = lane.kinds[index] <= KIND.rejected ? reach * 0.7 : 0;
    const distance = Math.abs(lane.times[index] - time) + faint;
    if (distance < least) [least, best] = [distance, lane.ids[index]];
  }
  return best;
}

/**
 * Draw one lane's marks between `top` and `top + height`.
 *
 * The shape tells the state as well as the strength of the colour does: a thin outline is
 * a ghost, a wide one is a suggestion of a live stream that is not for good yet, a cross was
 * rejected, a low bar is a suggestion, a high bar is decided, and one with a cap was added.
 *
 * @param {CanvasRenderingContext2D} pen
 * @param {Lane} lane
 * @param {{stretch: Stretch, width: number, top: number, height: number, colour: string}} place
 */
export function drawMarks(pen, lane, { stretch, width, top, height, colour }) {
  const middle = Math.round(top + height / 2);
  const half = Math.max(3, Math.round(height / 2) - 2);
  pen.fillStyle = pen.strokeStyle = colour;
  for (const kind of ORDER) {
    const places = placesOf(lane, kind, stretch, width);
    if (!places.length) continue;
    pen.globalAlpha = STRENGTH[kind];
    if (kind === KIND.rejected) drawCrosses(pen, places, middle);
    else for (const x of places) drawBar(pen, kind, x, middle, half);
  }
  pen.globalAlpha = 1;
}

/**
 * Whole pixels and no paths: thousands are drawn in a frame.
 *
 * @param {CanvasRenderingContext2D} pen
 * @param {number} kind
 * @param {number} x
 * @param {number} middle
 * @param {number} half the lane's half height
 */
function drawBar(pen, kind, x, middle, half) {
  const small = Math.max(2, Math.round(half * 0.55));
  if (kind === KIND.ghost) {
    pen.fillRect(x - 2, middle - small, 1, 2 * small);
    pen.fillRect(x + 1, middle - small, 1, 2 * small);
    pen.fillRect(x - 1, middle - small, 2, 1);
    pen.fillRect(x - 1, middle + small - 1, 2, 1);
  } else if (kind === KIND.provisional) {
    for (const [left, top, wide, high] of [[-4, -small, 2, 2 * small], [2, -small, 2, 2 * small], [-2, -small, 4, 2], [-2, small - 2, 4, 2]]) {
      pen.fillRect(x + left, middle + top, wide, high);
    }
  } else if (kind === KIND.suggested) {
    pen.fillRect(x - 2, middle - small, 4, 2 * small);
  } else {
    pen.fillRect(x - 2, middle - half, 5, 2 * half);
    if (kind === KIND.added) pen.fillRect(x - 5, middle - half, 11, 3);
  }
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {readonly number[]} places
 * @param {number} middle
 */
function drawCrosses(pen, places, middle) {
  pen.lineWidth = 1.5;
  pen.beginPath();
  for (const x of places) {
    pen.moveTo(x - 3, middle - 3);
    pen.lineTo(x + 3, middle + 3);
    pen.moveTo(x + 3, middle - 3);
    pen.lineTo(x - 3, middle + 3);
  }
  pen.stroke();
}

/**
 * How many events lie in each of `columns` equal parts of the video.
 *
 * @param {readonly ReviewEvent[]} events
 * @param {number} duration
 * @param {number} columns
 */
export function densityOf(events, duration, columns) {
  const counts = new Uint32Array(columns);
  const open = new Uint32Array(columns);
  for (const event of events) {
    if (event.is_ghost || event.state === "rejected") continue;
    const column = Math.min(columns - 1, Math.max(0, Math.floor((event.time_s / duration) * columns)));
    counts[column] += 1;
    if (event.state === "suggested") open[column] += 1;
  }
  return { counts, open };
}
