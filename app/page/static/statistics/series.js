// What tells series apart in every chart: a colour, and a pattern as the second cue.

import { html } from "../core/html.js";
import { NOBODY } from "./colours.js";

/** @typedef {import("./types.js").Series} Series */

const KINDS = 4, STEP = 7, WIDE = 1300, HIGH = 96;

/** @param {Series} series what gives an element its colour; statistics.css has the class `series` */
export function lookOf({ shades }) {
  return { "--light": shades.light, "--dark": shades.dark };
}

/**
 * The lines that shapes are filled with; once on a page. Lines and not SVG patterns, which
 * browsers print as pictures of many kilobytes each.
 */
export function Hatches() {
  return html`<svg class="hatches" width="0" height="0" aria-hidden="true">
    ${[1, 2, 3].map((kind) => html`<path key=${kind} id=${`hatch-${kind}`} d=${hatch(kind)} />`)}</svg>`;
}

/** @param {number} kind 1: rising, 2: falling, 3: level */
function hatch(kind) {
  if (kind === 3) return Array.from({ length: HIGH / 4 }, (_, row) => `M0 ${row * 4 + 2}h${WIDE}`).join("");
  const count = Math.ceil((WIDE + HIGH) / STEP);
  return Array.from({ length: count }, (_, index) => {
    const x = index * STEP;
    return kind === 1 ? `M${x} 0l${-HIGH} ${HIGH}` : `M${x - HIGH} 0l${HIGH} ${HIGH}`;
  }).join("");
}

/**
 * A rectangle in the colour and the pattern of a series.
 *
 * @param {object} props
 * @param {Series} props.series
 * @param {number | string} [props.x]
 * @param {number | string} [props.y]
 * @param {number | string} props.width
 * @param {number} props.height
 * @param {boolean} [props.hasSpot] it has a spot in its middle
 */
export function Shape({ series, x = 0, y = 0, width, height, hasSpot = false }) {
  const kind = series.index === NOBODY ? 3 : series.index % KINDS;
  return html`<svg x=${x} y=${y} width=${width} height=${height}>
      <rect class=${kind ? "tint" : "solid"} width="100%" height="100%" />
      ${kind > 0 && html`<use href=${`#hatch-${kind}`} class="lines" />`}
      ${hasSpot && html`<circle class="spot" cx="50%" cy="50%" r=${height / 4} />`}
    </svg><rect class="shape" x=${x} y=${y} width=${width} height=${height} />`;
}

/** How a series looks, before its name. @param {{series: Series}} props */
export function Key({ series }) {
  return html`<svg class="series key" style=${lookOf(series)} width="14" height="14" aria-hidden="true">
    <${Shape} series=${series} x="1" y="1" width="12" height=${12} /></svg>`;
}

/** @param {{series: readonly Series[]}} props */
export function Legend({ series }) {
  if (series.length < 2) return null;
  return html`<ul class="legend" role="list">${series.map((one) => html`
    <li key=${one.index}><${Key} series=${one} /> ${one.name}</li>`)}</ul>`;
}

/**
 * One bar in a cell of a table, as long as its share; the number beside it says the same.
 *
 * @param {object} props
 * @param {Series} props.series
 * @param {number} props.share 0 to 1
 * @param {boolean} [props.isMirrored] it grows to the left
 */
export function Bar({ series, share, isMirrored = false }) {
  const width = share > 0 ? Math.max(0.6, Math.min(1, share) * 100) : 0;
  return html`<svg class="series bar-line" style=${lookOf(series)} aria-hidden="true">
    ${width > 0 && html`<${Shape} series=${series} x=${isMirrored ? `${100 - width}%` : "0"} y="1" width=${`${width}%`} height=${12} />`}</svg>`;
}
