// How a match went: a row of columns for each team, a column for every five minutes.

import { html } from "../core/html.js";
import { binName, halfName, sumOf } from "./figures.js";
import { lookOf, Shape } from "./series.js";
import { Value } from "./tables.js";
import { useWidth } from "./width.js";

/**
 * @typedef {import("./types.js").Series} Series
 * @typedef {import("./types.js").Bin} Bin
 */

const ROW = 100, TOP = 40, GAP = 14, AXIS = 22, BETWEEN_HALVES = 16;

/**
 * @param {object} props
 * @param {import("./types.js").Statistics} props.statistics
 * @param {readonly Series[]} props.series
 * @param {string} [props.type] undefined: all types
 * @param {import("./tables.js").AddressOf} props.addressOf
 */
export function BinsChart({ statistics, series, type, addressOf }) {
  const { bins, halves } = statistics;
  const [place, width] = useWidth();
  const places = placesOf(bins, width);
  const values = series.map(({ team }) => bins.map(({ counts }) => sumOf(counts, { type, team })));
  const most = Math.max(1, ...values.flat());
  const height = TOP - 18 + series.length * (ROW + GAP) + AXIS;
  const isWide = places.every((one) => one.width >= 17);
  const words = series.map(({ name }, index) => `${name}: ${peakOf(values[index], bins)}`).join(" ");
  return html`<div ref=${place}><svg class="chart" viewBox=${`0 0 ${width} ${height}`} role="group"
      aria-label=${`Columns of ${type ?? "all events"} over time. ${words} The table below has all figures.`}><g aria-hidden="true">
    ${halves.length > 0 && halfBounds(bins, places).map(({ half, x, width: wide }) => html`
      <g key=${half}><rect class="half-ground" x=${x} y="0" width=${wide} height=${height - AXIS + 4} rx="4" />
        <text class="half-name" x=${x + 8} y="15">${halfName(half, halves.length)}</text></g>`)}
    ${series.map((one, index) => {
      const base = TOP + index * (ROW + GAP) + ROW - 16;
      return html`<g key=${one.index} class="series" style=${lookOf(one)}>
        ${series.length > 1 && html`<text class="series-name" x="8" y=${base - ROW + 28}>${one.name}</text>`}
        <line class="base" x1="0" x2=${width} y1=${base} y2=${base} />
        ${bins.map((bin, at) => html`<${Column} key=${at} bin=${bin} place=${places[at]} base=${base} series=${one}
          value=${values[index][at]} share=${values[index][at] / most} isTold=${isWide}
          href=${addressOf({ ...(type && { type }), ...(one.team !== undefined && { team: one.team }), ...boundsOf(bin) })} />`)}
      </g>`;
    })}
    ${bins.map((bin, index) => shouldTell(index, bins, places) && html`
      <text key=${index} class="tick" x=${places[index].x} y=${height - 6}>${tickOf(bin)}</text>`)}
  </g></svg></div>`;
}

/**
 * @param {object} props
 * @param {Bin} props.bin
 * @param {{x: number, width: number}} props.place
 * @param {number} props.base
 * @param {number} props.value
 * @param {number} props.share
 * @param {boolean} props.isTold whether there is room for the number
 * @param {Series} props.series
 * @param {string} props.href
 */
function Column({ bin, place, base, value, share, isTold, series, href }) {
  if (!value) return null;
  const height = Math.max(2, share * (ROW - 46));
  const inner = Math.max(1, Math.min(56, place.width * 0.76));
  const x = place.x + (place.width - inner) / 2;
  // The table has the same links; a stop of the Tab key at every column would be too many.
  return html`<a href=${href} tabindex="-1">
    <title>${`${binName(bin)}, ${series.name}: ${value}`}</title>
    <rect class="catch" x=${place.x} y=${base - ROW + 32} width=${place.width} height=${ROW - 32} />
    <${Shape} series=${series} x=${x} y=${base - height} width=${inner} height=${height} />
    ${isTold && html`<text class="told" x=${x + inner / 2} y=${base - height - 4}>${value}</text>`}
  </a>`;
}

/**
 * The same figures as a table.
 *
 * @param {object} props
 * @param {import("./types.js").Statistics} props.statistics
 * @param {readonly Series[]} props.series
 * @param {string} [props.type]
 * @param {import("./tables.js").AddressOf} props.addressOf
 */
export function BinsTable({ statistics, series, type, addressOf }) {
  const { bins, halves } = statistics;
  return html`<details class="figures-table"><summary>These figures as a table</summary>
    <div class="table-scroll"><table class="figures grid">
      <caption class="unseen">${type ?? "All events"} by time</caption>
      <thead><tr>${halves.length > 0 && html`<th scope="col">Half</th>`}<th scope="col">Time</th>
        ${series.map((one) => html`<th key=${one.index} scope="col" class="number">${one.name}</th>`)}</tr></thead>
      <tbody>${bins.map((bin, index) => html`<tr key=${index}>
        ${halves.length > 0 && html`<td>${halfName(bin.half, halves.length)}</td>`}<th scope="row">${binName(bin)}</th>
        ${series.map(({ team, index: key, name }) => html`<td key=${key} class="number"><${Value} addressOf=${addressOf}
          value=${sumOf(bin.counts, { type, team })} label=${`${binName(bin)}, ${name}`}
          wanted=${{ ...(type && { type }), ...(team !== undefined && { team }), ...boundsOf(bin) }} /></td>`)}
      </tr>`)}</tbody>
    </table></div></details>`;
}

/** @param {Bin} bin */
function boundsOf({ half, from_s: from, to_s: to }) {
  return { from, to, ...(half !== null && { half }) };
}

/** As wide as they last, with room between halves. @param {readonly Bin[]} bins @param {number} width of all */
function placesOf(bins, width) {
  const gaps = bins.filter(({ half }, index) => index > 0 && half !== bins[index - 1].half).length;
  const seconds = bins.reduce((sum, { from_s, to_s }) => sum + to_s - from_s, 0) || 1;
  const scale = (width - gaps * BETWEEN_HALVES) / seconds;
  let x = 0;
  return bins.map(({ half, from_s, to_s }, index) => {
    if (index > 0 && half !== bins[index - 1].half) x += BETWEEN_HALVES;
    const place = { x, width: (to_s - from_s) * scale };
    x += place.width;
    return place;
  });
}

/** @param {readonly Bin[]} bins @param {readonly {x: number, width: number}[]} places */
function halfBounds(bins, places) {
  const halves = [...new Set(bins.map(({ half }) => half))];
  return halves.map((half) => {
    const first = bins.findIndex((bin) => bin.half === half), last = bins.findLastIndex((bin) => bin.half === half);
    return { half, x: places[first].x, width: places[last].x + places[last].width - places[first].x };
  });
}

/**
 * Whether there is room for a tick: at most every 44 pixels, and at the start of a half.
 *
 * @param {number} index
 * @param {readonly Bin[]} bins
 * @param {readonly {x: number, width: number}[]} places
 */
function shouldTell(index, bins, places) {
  const first = bins.findIndex(({ half }) => half === bins[index].half);
  const step = Math.max(1, Math.ceil(44 / (places[first].width || 1)));
  return (index - first) % step === 0 && places[index].width > 8;
}

/** @param {Bin} bin */
function tickOf({ clock_from_s, from_s }) {
  return `${Math.floor((clock_from_s ?? from_s) / 60)}′`;
}

/** @param {readonly number[]} values @param {readonly Bin[]} bins */
function peakOf(values, bins) {
  const most = Math.max(...values, 0);
  return most ? `at most ${most}, in ${binName(bins[values.indexOf(most)])}.` : "none.";
}
