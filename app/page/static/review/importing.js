// What is asked of the API when a file of events is imported; no elements.

import { withQuery } from "../core/address.js";

/**
 * @typedef {object} Wishes
 * @property {Readonly<Record<string, string>>} rename types of the file, and what they are here
 * @property {Readonly<Record<string, string>>} answers to what the file leaves open, by parameter
 * @property {string} offset seconds that are added, as typed
 *
 * @typedef {object} ImportReport
 * @property {string} format
 * @property {Record<string, number>} counts
 * @property {Record<string, number>} added
 * @property {number} added_count
 * @property {number} duplicate_count
 * @property {{type: string, count: number, suggestion: string | null}[]} unknown_types
 * @property {string[]} known_types
 * @property {number} problem_count
 * @property {{where: string, detail: string}[]} problems
 * @property {string[]} notes
 * @property {number | null} first_s
 * @property {number | null} last_s
 */

export const NO_WISHES = Object.freeze({ rename: {}, answers: {}, offset: "0" });
const MAX_OFFSET_S = 1e7;

/**
 * Make the address, or say what is wrong.
 *
 * @param {string} path of the video
 * @param {Wishes} wishes
 * @param {{isPreview?: boolean, skipsBad?: boolean}} [how]
 * @returns {{problem: string} | {address: string}}
 */
export function importAddress(path, { rename, answers, offset }, { isPreview = false, skipsBad = false } = {}) {
  const offset_s = Number(offset.trim().replace(",", "."));
  if (offset.trim() === "" || !(Math.abs(offset_s) <= MAX_OFFSET_S)) return { problem: "The offset is a number of seconds, such as -1.5." };
  const asked = new URLSearchParams();
  for (const [name, value] of Object.entries(answers)) if (value.trim()) asked.set(name, value.trim());
  for (const [old, now] of Object.entries(rename)) if (now) asked.append("rename", `${old}=${now}`);
  if (offset_s) asked.set("offset_s", String(offset_s));
  if (isPreview) asked.set("preview", "true");
  if (skipsBad) asked.set("skip_bad", "true");
  return { address: withQuery(`${path}/events:import`, asked) };
}

/**
 * What is left out, if nothing else is said, in words; none: all is taken over.
 *
 * @param {ImportReport} report
 */
export function leftOut(report) {
  const unknown = report.unknown_types.reduce((sum, { count }) => sum + count, 0);
  return unknown + report.problem_count;
}

/**
 * The rows of the preview, the most first.
 *
 * @param {ImportReport} report
 * @returns {{type: string, count: number, added: number, isKnown: boolean}[]}
 */
export function rowsOf(report) {
  const unknown = new Set(report.unknown_types.map(({ type }) => type));
  return Object.entries(report.counts)
    .map(([type, count]) => ({ type, count, added: report.added[type] ?? 0, isKnown: !unknown.has(type) }))
    .sort((a, b) => b.count - a.count || a.type.localeCompare(b.type));
}
