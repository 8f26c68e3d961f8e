// Figures of a match in rows and sums; knows nothing of how they are shown.

import { clock } from "../core/format.js";
import { NOBODY, shadesOf } from "./colours.js";

/**
 * @typedef {import("./types.js").Count} Count
 * @typedef {import("./types.js").Series} Series
 * @typedef {import("./types.js").Statistics} Statistics
 * @typedef {import("./types.js").Bin} Bin
 * @typedef {import("./types.js").Sequence} Sequence
 *
 * @typedef {object} Wanted Which events are meant; what is left out is not asked for.
 * @property {string} [type]
 * @property {string | null} [team] null: not known
 * @property {number | null} [half] null: outside the halves, or they are not known
 * @property {number} [from] seconds of the video, included
 * @property {number} [to] not included
 * @property {boolean} [played] within the halves
 * @property {boolean} [shots] those whose passes before them are counted
 */

/**
 * Tell whose figures are to stand side by side: of the teams, and of nobody.
 *
 * @param {Pick<Statistics, "teams" | "counts">} statistics
 * @param {readonly import("../video/types.js").Team[]} [facts] of the match, for colours
 * @returns {Series[]} one of everybody where no event has a team
 */
export function seriesOf({ teams, counts }, facts = []) {
  if (!counts.some(({ team }) => team !== null)) {
    return [{ team: undefined, name: "All events", index: 0, shades: shadesOf(null, 0) }];
  }
  /** @type {Series[]} */
  const series = teams.map((team, index) => {
    const colour = facts.find(({ name }) => name === team)?.colour;
    return { team, name: team, index, shades: shadesOf(colour, index) };
  });
  if (counts.some(({ team }) => team === null)) {
    series.push({ team: null, name: "Team not known", index: NOBODY, shades: shadesOf(null, NOBODY) });
  }
  return series;
}

/**
 * @param {readonly Count[]} counts
 * @param {Wanted} wanted
 */
export function sumOf(counts, { type, team, half }) {
  return counts.reduce((sum, one) => {
    const isMeant = (type === undefined || one.type === type)
      && (team === undefined || one.team === team) && (half === undefined || one.half === half);
    return isMeant ? sum + one.count : sum;
  }, 0);
}

/**
 * @param {number | null} half
 * @param {number} count how many halves there are
 */
export function halfName(half, count) {
  if (half === null) return count ? "Outside the halves" : "Whole video";
  if (count === 2) return half === 1 ? "1st half" : "2nd half";
  return count === 1 ? "The half" : `Period ${half}`;
}

/** The minutes of a bin: of the match clock, else of the video. @param {Bin} bin */
export function binName({ from_s, to_s, clock_from_s }) {
  const start = clock_from_s ?? from_s;
  const end = start + to_s - from_s;
  if (start % 60 || end % 60) return `${clock(start)}–${clock(end)}`;
  return `${start / 60}–${end / 60} min`;
}

/**
 * Say a figure as people read it.
 *
 * @param {number | null | undefined} value
 * @param {number} [places]
 */
export function written(value, places = 1) {
  if (value === null || value === undefined) return "–";
  return Number.isInteger(value) ? String(value) : value.toFixed(places);
}

/**
 * What a match comes to in a few lines.
 *
 * @param {Statistics} statistics
 * @param {readonly Series[]} series
 * @returns {{name: string, values: (number | null)[], wanted?: Wanted, starts?: (Sequence | undefined)[], places?: number}[]}
 */
export function headlines(statistics, series) {
  const [whole] = statistics.tempo;
  const shots = series.map(({ team }) => statistics.passes_before_shots.filter((one) => team === undefined || one.team === team));
  const perMinute = series.map(({ team }) => {
    if (team === undefined) return whole.per_minute;
    if (team === null) return null;
    return whole.teams.find((one) => one.team === team)?.per_minute ?? 0;
  });
  const longest = series.map(({ team }) => statistics.longest_of_teams.find((one) => team === undefined || one.team === team));
  return [
    { name: "Events", values: series.map(({ team }) => sumOf(statistics.counts, { team })), wanted: {} },
    { name: "Events a minute of play", values: perMinute, wanted: { played: true }, places: 2 },
    { name: "Shots in sequences", values: shots.map((found) => found.length), wanted: { shots: true } },
    {
      name: "Passes before a shot, mean",
      values: shots.map((found) => mean(found.map(({ passes }) => passes))),
      wanted: { shots: true },
    },
    { name: "Longest sequence, events", values: longest.map((one) => one?.count ?? null), starts: longest },
  ];
}

/** @param {number[]} values */
function mean(values) {
  return values.length ? values.reduce((sum, one) => sum + one, 0) / values.length : null;
}
