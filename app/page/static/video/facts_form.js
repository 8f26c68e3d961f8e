// What a form of match facts holds, and what it sends; no document.

import { clock, parseClock } from "../core/format.js";

/**
 * @typedef {object} TeamFields
 * @property {string} name
 * @property {string | null} colour
 * @property {string} side empty: none
 *
 * @typedef {object} HalfFields Times as a person writes them.
 * @property {string} start
 * @property {string} end
 * @property {string} clockStart
 *
 * @typedef {object} Fields
 * @property {string} title
 * @property {string} date
 * @property {string} competition
 * @property {TeamFields[]} teams always two
 * @property {HalfFields[]} halves
 */

/**
 * @param {import("./types.js").Video} video
 * @returns {Fields}
 */
export function fieldsOf(video) {
  const teams = (video.teams ?? []).map(({ name, colour, side }) => ({ name, colour: colour ?? null, side: side ?? "" }));
  while (teams.length < 2) teams.push({ name: "", colour: null, side: "" });
  return {
    title: video.title ?? "",
    date: video.date ?? "",
    competition: video.competition ?? "",
    teams,
    halves: (video.halves ?? []).map(({ start_s, end_s, clock_start_s }) => ({
      start: timeText(start_s), end: timeText(end_s), clockStart: timeText(clock_start_s),
    })),
  };
}

/**
 * @param {Fields} fields
 * @returns {{changes: Record<string, unknown>} | {problem: string}} problem: what to mend
 */
export function changesOf(fields) {
  const teams = fields.teams.filter(({ name }) => name.trim());
  if (fields.teams.some(({ name, side }) => !name.trim() && side)) return { problem: "Name the team that has a side." };
  /** @type {Record<string, number | null>[]} */
  const halves = [];
  for (const [index, half] of fields.halves.entries()) {
    const start = parseClock(half.start);
    const end = half.end.trim() ? parseClock(half.end) : null;
    const clockStart = half.clockStart.trim() ? parseClock(half.clockStart) : null;
    const isBad = start === null || (half.end.trim() && end === null) || (half.clockStart.trim() && clockStart === null);
    if (isBad) return { problem: `Half ${index + 1}: write times as minutes:seconds, such as 46:30.` };
    halves.push({ start_s: start, end_s: end, clock_start_s: clockStart });
  }
  return {
    changes: {
      title: fields.title.trim() || null,
      date: fields.date || null,
      competition: fields.competition.trim() || null,
      teams: teams.length ? teams.map(({ name, colour, side }) => ({ name: name.trim(), colour, side: side || null })) : null,
      halves: halves.length ? halves : null,
    },
  };
}

/** A time as a form shows it: no shorter than it takes to read the same back. @param {number | null | undefined} seconds */
export function timeText(seconds) {
  if (seconds === null || seconds === undefined) return "";
  const texts = [0, 2, 3].map((decimals) => clock(seconds, decimals));
  return texts.find((text) => Math.abs((parseClock(text) ?? Infinity) - seconds) < 1e-6) ?? clock(seconds, 6);
}
