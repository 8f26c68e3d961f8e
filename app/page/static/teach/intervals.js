// Figures with their intervals as bars; the number beside each says the same.

import { html } from "../core/html.js";
import { shadesOf } from "../statistics/colours.js";
import { lookOf } from "../statistics/series.js";

/**
 * @typedef {import("./types.js").Estimate} Estimate
 * @typedef {{value: number, low: number, high: number}} Range
 */

const HEIGHT = 18;

/**
 * @param {object} props
 * @param {Estimate} props.estimate
 * @param {number} props.index of the model: its colour and its mark
 * @param {[number, number]} [props.scale] left and right end
 */
export function IntervalBar({ estimate, index, scale = [0, 1] }) {
  const range = rangeOf(estimate);
  const place = (/** @type {number} */ value) => `${placeIn(scale, value).toFixed(2)}%`;
  const middle = HEIGHT / 2;
  return html`<svg class="series interval" style=${lookOf(look(index))} width="100%" height=${HEIGHT} aria-hidden="true">
    <line class="base" x1="0" x2="100%" y1=${middle} y2=${middle} />
    ${scale[0] < 0 && html`<line class="zero" x1=${place(0)} x2=${place(0)} y1="0" y2=${HEIGHT} />`}
    ${range && html`<line class="whisker" x1=${place(range.low)} x2=${place(range.high)} y1=${middle} y2=${middle} />
      ${[range.low, range.high].map((end) => html`<line key=${end} class="whisker-end" x1=${place(end)} x2=${place(end)} y1=${middle - 4} y2=${middle + 4} />`)}
      <svg x=${place(range.value)} y=${middle} overflow="visible"><${Mark} index=${index} /></svg>`}
  </svg>`;
}

/** The mark of a model, beside its name. @param {{index: number}} props */
export function ModelKey({ index }) {
  return html`<svg class="series key" style=${lookOf(look(index))} width="14" height="14" aria-hidden="true">
    <svg x="7" y="7" overflow="visible"><${Mark} index=${index} /></svg></svg>`;
}

/** @param {{index: number}} props */
function Mark({ index }) {
  if (index === 0) return html`<circle class="solid" r="5" />`;
  if (index === 1) return html`<rect class="solid" x="-4.5" y="-4.5" width="9" height="9" />`;
  if (index === 2) return html`<path class="solid" d="M0 -6 5.5 4.5 -5.5 4.5z" />`;
  return html`<path class="solid" d="M0 -6.5 6.5 0 0 6.5 -6.5 0z" />`;
}

/** @param {number} index */
function look(index) {
  return /** @type {any} */ ({ shades: shadesOf(null, index) });
}

/**
 * Where a value lies, in percent of the width; what is outside stands at the end.
 *
 * @param {[number, number]} scale
 * @param {number} value
 */
export function placeIn([low, high], value) {
  return Math.min(100, Math.max(0, (100 * (value - low)) / (high - low)));
}

/**
 * One scale for differences, as far to the left as to the right.
 *
 * @param {readonly Estimate[]} estimates
 * @returns {[number, number]}
 */
export function scaleOf(estimates) {
  const most = Math.max(0.1, ...estimates.map(rangeOf).flatMap((one) => (one ? [Math.abs(one.low), Math.abs(one.high)] : [])));
  return [-most, most];
}

/** @param {Estimate} estimate @returns {Range | null} null: nothing is known */
function rangeOf({ value, low, high }) {
  return value === null ? null : { value, low: low ?? value, high: high ?? value };
}

/** @param {Estimate} estimate @returns {string} "0.62 (0.48 to 0.71)" */
export function rangeWords(estimate) {
  const range = rangeOf(estimate);
  return range ? `${range.value.toFixed(2)} (${range.low.toFixed(2)} to ${range.high.toFixed(2)})` : "–";
}

/** The same with a sign, as differences have one. @param {Estimate} estimate */
export function differenceWords(estimate) {
  const range = rangeOf(estimate);
  return range ? `${signed(range.value)} (${signed(range.low)} to ${signed(range.high)})` : "–";
}

/** @param {number} value */
function signed(value) {
  const words = Math.abs(value).toFixed(2);
  if (Number(words) === 0) return words;
  return `${value > 0 ? "+" : "−"}${words}`;
}
