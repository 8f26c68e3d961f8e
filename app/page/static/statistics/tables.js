// Figures as tables whose cells hold bars: a chart that a screen reader reads as it is.

import { html } from "../core/html.js";
import { placeOf } from "../review/place.js";
import { halfName, sumOf, written } from "./figures.js";
import { Bar, Key } from "./series.js";

/**
 * @typedef {import("./types.js").Series} Series
 * @typedef {import("./figures.js").Wanted} Wanted
 * @typedef {(wanted: Wanted) => string} AddressOf
 *
 * @typedef {object} Row
 * @property {string} name
 * @property {(number | null)[]} values one a series
 * @property {Wanted} [wanted] which events they count
 * @property {(import("./types.js").Sequence | undefined)[]} [starts] the sequences that they measure
 * @property {number} [places]
 */

/**
 * A figure that leads to what it counts.
 *
 * @param {object} props
 * @param {number | null} props.value
 * @param {Wanted} [props.wanted]
 * @param {AddressOf} props.addressOf
 * @param {string} [props.href] where it leads to, if that is no list of events
 * @param {number} [props.places]
 * @param {string} [props.label] read aloud in place of the number alone
 */
export function Value({ value, wanted, addressOf, href, places = 1, label }) {
  const words = written(value, places);
  const address = href ?? (wanted && value ? addressOf(wanted) : null);
  if (!address) return html`<span class="value">${words}</span>`;
  return html`<a class="value" href=${address} aria-label=${label ? `${words}: ${label}` : undefined}>${words}</a>`;
}

/**
 * Two teams face to face, or each series in a column of its own.
 *
 * @param {object} props
 * @param {string} props.caption
 * @param {readonly Row[]} props.rows
 * @param {readonly Series[]} props.series
 * @param {AddressOf} props.addressOf
 * @param {string} [props.videoId] of sequences
 * @param {boolean} [props.isShared] bars of all rows have one scale
 */
export function BarTable({ caption, rows, series, addressOf, videoId = "", isShared = false }) {
  const known = series.filter(({ team }) => team !== null);
  const isFacing = known.length === 2;
  const hasBars = isShared || known.length > 1;
  const most = Math.max(0, ...rows.flatMap(({ values }) => values.map((value) => value ?? 0)));
  /** @param {Row} row @param {number} index */
  const cells = (row, index) => {
    const one = series[index], value = row.values[index];
    const top = isShared ? most : Math.max(0, ...row.values.map((each) => each ?? 0));
    const wanted = row.wanted && { ...row.wanted, ...(one.team !== undefined && { team: one.team }) };
    const start = row.starts?.[index];
    const href = start && placeOf(videoId, start.from_s, start.event_ids[0]);
    const number = html`<td class="number"><${Value} value=${value} wanted=${wanted} href=${href} addressOf=${addressOf} places=${row.places}
      label=${`${row.name}, ${one.name}`} /></td>`;
    const isMirrored = isFacing && index === 0;
    const bar = html`<td class="bar-cell"><${Bar} series=${one} share=${top ? (value ?? 0) / top : 0} isMirrored=${isMirrored} /></td>`;
    return isMirrored ? [number, bar] : isFacing && index === 1 ? [bar, number] : hasBars && index < known.length ? [number, bar] : [number];
  };
  return html`<div class="table-scroll"><table class=${`figures ${isFacing ? "facing" : ""}`}>
    <caption class="unseen">${caption}</caption>
    <thead><tr>
      ${!isFacing && html`<th scope="col"><span class="unseen">Figure</span></th>`}
      ${series.map((one, index) => html`
        ${isFacing && index === 1 && html`<th scope="col"><span class="unseen">Figure</span></th>`}
        <th key=${one.index} scope="col" class="of-series" colspan=${hasBars && index < known.length ? 2 : 1}>
          ${series.length > 1 && html`<${Key} series=${one} /> `}${one.name}</th>`)}
    </tr></thead>
    <tbody>${rows.map((row) => html`<tr key=${row.name}>
      ${!isFacing && html`<th scope="row">${row.name}</th>`}
      ${series.map((_, index) => html`
        ${isFacing && index === 1 && html`<th scope="row">${row.name}</th>`}
        ${cells(row, index)}`)}
    </tr>`)}</tbody>
  </table></div>`;
}

/**
 * Counts by type, half and team.
 *
 * @param {object} props
 * @param {import("./types.js").Statistics} props.statistics
 * @param {readonly Series[]} props.series
 * @param {AddressOf} props.addressOf
 */
export function HalvesTable({ statistics, series, addressOf }) {
  const { counts, halves, types } = statistics;
  /** @type {(number | null)[]} */
  const columns = halves.map(({ half }) => half);
  if (counts.some(({ half }) => half === null)) columns.push(null);
  if (columns.length < 2) return null;
  return html`<div class="table-scroll" role="region" aria-label="Events by half" tabindex="0"><table class="figures grid">
    <caption class="unseen">Events by type, half and team</caption>
    <thead>
      <tr><td rowspan=${series.length > 1 ? 2 : 1}></td>${columns.map((half) => html`
        <th key=${half} scope="colgroup" colspan=${series.length}>${halfName(half, halves.length)}</th>`)}</tr>
      ${series.length > 1 && html`<tr>${columns.map((half) => series.map((one) => html`
        <th key=${`${half} ${one.index}`} scope="col"><${Key} series=${one} /> ${one.name}</th>`))}</tr>`}
    </thead>
    <tbody>
      ${types.map((type) => html`<tr key=${type}><th scope="row">${type}</th>
        ${columns.map((half) => series.map(({ team, index, name }) => html`<td key=${`${half} ${index}`} class="number">
          <${Value} value=${sumOf(counts, { type, team, half })} addressOf=${addressOf}
            wanted=${{ type, half, ...(team !== undefined && { team }) }} label=${`${type}, ${name}, ${halfName(half, halves.length)}`} /></td>`))}
      </tr>`)}
      <tr class="sum"><th scope="row">All types</th>
        ${columns.map((half) => series.map(({ team, index, name }) => html`<td key=${`${half} ${index}`} class="number">
          <${Value} value=${sumOf(counts, { team, half })} addressOf=${addressOf}
            wanted=${{ half, ...(team !== undefined && { team }) }} label=${`All types, ${name}, ${halfName(half, halves.length)}`} /></td>`))}</tr>
    </tbody>
  </table></div>`;
}
