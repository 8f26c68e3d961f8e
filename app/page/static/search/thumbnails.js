// Stills of videos: which part of which picture shows a time.

import { accessHeaders } from "../core/access.js";
import { addressOf } from "../core/address.js";

const CUE = /(?:(\d+):)?(\d+):(\d+\.\d+) --> (?:(\d+):)?(\d+):(\d+\.\d+)[^\n]*\n([^\n#]+)#xywh=(\d+),(\d+),(\d+),(\d+)/g;

/**
 * @typedef {object} Still
 * @property {number} until seconds
 * @property {string} image address of the sheet
 * @property {number} x
 * @property {number} y
 * @property {number} width
 * @property {number} height
 */

/** @type {Map<string, Promise<Still[]>>} */
const known = new Map();

/**
 * Find the still of a time.
 *
 * @param {string} videoId
 * @param {number} time seconds
 * @returns {Promise<Still | null>} null: there is none
 */
export async function stillAt(videoId, time) {
  if (!known.has(videoId)) known.set(videoId, load(videoId));
  const stills = await known.get(videoId) ?? [];
  return stills.find((still) => time < still.until) ?? stills.at(-1) ?? null;
}

/** @param {string} videoId */
async function load(videoId) {
  const path = `/videos/${videoId}/thumbnails.vtt`;
  try {
    const answer = await fetch(addressOf(path), { headers: accessHeaders() });
    return answer.ok ? stillsOf(await answer.text(), path) : [];
  } catch {
    known.delete(videoId); // The next look may be luckier.
    return [];
  }
}

/**
 * Read WebVTT whose cues name parts of a picture.
 *
 * @param {string} text
 * @param {string} path of the file itself
 * @returns {Still[]}
 */
export function stillsOf(text, path) {
  return [...text.matchAll(CUE)].map((found) => {
    const [hours, minutes, seconds] = found.slice(4, 7);
    const [x, y, width, height] = found.slice(8, 12).map(Number);
    const image = new URL(found[7], new URL(path, "http://here")).pathname;
    return { until: Number(hours ?? 0) * 3600 + Number(minutes) * 60 + Number(seconds), image, x, y, width, height };
  });
}
