// The figures of two matches face to face, with their differences.

import { html } from "../core/html.js";
import { listAddress } from "./moments.js";
import { written } from "./figures.js";
import { Bar, Key } from "./series.js";
import { Value } from "./tables.js";

/**
 * @typedef {import("./types.js").Figure} Figure
 * @typedef {import("./types.js").Series} Series
 */

const ALIKE = 0.02; // of the longer match
const NAMES = /** @type {Record<string, string>} */ ({
  minutes: "Minutes of play", shots: "Shots in sequences", mean_passes_before_shot: "Passes before a shot, mean",
  longest_sequence: "Longest sequence, events",
});

/** Whether counts of two matches can be compared as they are. @param {readonly Figure[]} figures */
export function isLengthAlike(figures) {
  const minutes = figures.find(({ statistic }) => statistic === "minutes");
  const [one, other] = [minutes?.this ?? 0, minutes?.other ?? 0];
  return Math.abs(one - other) <= ALIKE * Math.max(one, other);
}

/**
 * Choose the figures of a table: counts in all or a minute, and what is neither.
 *
 * @param {readonly Figure[]} figures
 * @param {boolean} isPerMinute
 * @returns {(Figure & {name: string, places: number, wanted?: import("./figures.js").Wanted})[]}
 */
export function rowsOf(figures, isPerMinute) {
  const shown = isPerMinute ? "events_per_minute" : "events";
  const minutes = figures.find(({ statistic }) => statistic === "minutes");
  return figures.filter(({ statistic }) => statistic === shown || statistic in NAMES).map((one) => {
    const isShots = one.statistic === "shots";
    const figure = isShots && isPerMinute ? perMinute(one, minutes) : one;
    /** @type {import("./figures.js").Wanted | undefined} */
    const wanted = isShots ? { shots: true } : one.statistic === "events" ? {} : one.statistic === shown ? { played: true } : undefined;
    return {
      ...figure,
      name: NAMES[one.statistic] ?? one.type ?? "All events",
      places: isPerMinute && (isShots || one.statistic === shown) ? 2 : 1,
      wanted: wanted && { ...wanted, ...(one.type !== null && { type: one.type }) },
    };
  });
}

/**
 * Turn counts of two matches into counts a minute.
 *
 * @param {Figure} figure
 * @param {Figure | undefined} minutes
 * @returns {Figure}
 */
function perMinute(figure, minutes) {
  const [one, other] = /** @type {const} */ (["this", "other"]).map((which) => {
    const [value, length] = [figure[which], minutes?.[which]];
    return value === null || !length ? null : value / length;
  });
  return { ...figure, this: one, other, difference: one === null || other === null ? null : one - other };
}

/**
 * @param {object} props
 * @param {readonly Figure[]} props.figures
 * @param {readonly Series[]} props.series of the first match, and of the second
 * @param {boolean} props.isPerMinute
 * @param {(import("../video/types.js").Video | null)[]} props.videos
 */
export function CompareTable({ figures, series, isPerMinute, videos }) {
  const [one, other] = series;
  const rows = rowsOf(figures, isPerMinute);
  /** @param {number} index @returns {import("./tables.js").AddressOf} */
  const leadsTo = (index) => (wanted) => {
    const { team } = series[index];
    return listAddress(`/videos/${videos[index]?.id}/statistics`, new URLSearchParams(), { ...wanted, ...(team && { team }) });
  };
  return html`<div class="table-scroll" role="region" aria-label="Figures of both matches" tabindex="0"><table class="figures facing compared">
    <caption class="unseen">Figures of both matches</caption>
    <thead><tr><th scope="col" class="of-series" colspan="2"><${Key} series=${one} /> ${one.name}</th><th scope="col"><span class="unseen">Figure</span></th>
      <th scope="col" class="of-series" colspan="2"><${Key} series=${other} /> ${other.name}</th><th scope="col" class="number">Difference</th></tr></thead>
    <tbody>${rows.map((row) => {
      const most = Math.max(row.this ?? 0, row.other ?? 0);
      return html`<tr key=${`${row.statistic} ${row.type}`}>
        <td class="number"><${Value} value=${row.this} places=${row.places} wanted=${row.wanted} addressOf=${leadsTo(0)}
          label=${`${row.name}, ${one.name}`} /></td>
        <td class="bar-cell"><${Bar} series=${one} share=${most ? (row.this ?? 0) / most : 0} isMirrored /></td>
        <th scope="row">${row.name}</th>
        <td class="bar-cell"><${Bar} series=${other} share=${most ? (row.other ?? 0) / most : 0} /></td>
        <td class="number"><${Value} value=${row.other} places=${row.places} wanted=${row.wanted} addressOf=${leadsTo(1)}
          label=${`${row.name}, ${other.name}`} /></td>
        <td class="number difference">${signed(row.difference, row.places)}</td></tr>`;
    })}</tbody></table></div>`;
}

/**
 * What the first match has more, with its sign.
 *
 * @param {number | null} value
 * @param {number} places
 */
export function signed(value, places) {
  const words = written(value === null ? null : Math.abs(value), places);
  if (!value || Number(words) === 0) return words;
  return `${value > 0 ? "+" : "−"}${words}`;
}
