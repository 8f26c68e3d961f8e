// A chart of lines as SVG; the same figures as a table below it.

import { html } from "../core/html.js";
import { shadesOf } from "../statistics/colours.js";
import { lookOf } from "../statistics/series.js";
import { useWidth } from "../statistics/width.js";
import { ticksOf, wordsOf } from "./curves.js";

/** @typedef {import("./curves.js").Line} Line */

const HEIGHT = 190, LEFT = 44, RIGHT = 12, TOP = 10, BOTTOM = 34;
/** The second cue beside colour. */
const DASHES = ["", "7 3", "2 3", "9 3 2 3", "4 4", "1 4"];
const MOST_ROWS = 60;

/**
 * @param {object} props
 * @param {string} props.title
 * @param {string} props.xName
 * @param {readonly Line[]} props.lines none: the chart is not drawn
 * @param {[number, number]} [props.range] of y; else from 0 to the highest value
 * @param {(x: number) => string} [props.xWritten]
 * @param {(y: number) => string} [props.yWritten]
 * @param {string} props.empty words for no lines
 * @param {string} [props.hint]
 */
export function LineChart({ title, xName, lines, range, xWritten = plain, yWritten = short, empty, hint = "" }) {
  const [place, width] = useWidth();
  return html`<section class="card teach-chart" aria-label=${title}>
    <div class="section-title"><h2>${title}</h2>${hint && html`<p class="hint">${hint}</p>`}</div>
    <div ref=${place}>${lines.length
      ? html`<${Drawn} title=${title} xName=${xName} lines=${lines} range=${range} width=${width} xWritten=${xWritten} yWritten=${yWritten} />`
      : html`<p class="hint">${empty}</p>`}</div>
    ${lines.length > 0 && html`<${Names} lines=${lines} />
      <${Table} title=${title} xName=${xName} lines=${lines} xWritten=${xWritten} yWritten=${yWritten} />`}
  </section>`;
}

/** @param {any} props as those of LineChart, and its width */
function Drawn({ title, xName, lines, range, width, xWritten, yWritten }) {
  const all = /** @type {Line[]} */ (lines).flatMap(({ points }) => points);
  const xs = all.map(({ x }) => x), ends = [Math.min(...xs), Math.max(...xs)];
  const xTicks = ticksOf(ends[0], ends[1], Math.max(2, Math.floor(width / 120))).filter((tick) => tick >= ends[0] && tick <= ends[1]);
  const yTicks = range ? ticksOf(range[0], range[1]) : ticksOf(Math.min(0, ...all.map(({ y }) => y)), Math.max(...all.map(({ y }) => y), 1e-6));
  const x = scale(ends, LEFT, width - RIGHT), y = scale(yTicks, HEIGHT - BOTTOM, TOP);
  return html`<svg class="chart" viewBox=${`0 0 ${width} ${HEIGHT}`} role="img"
      aria-label=${`${title} over ${xName}. ${wordsOf(lines, yWritten)} The table below has all figures.`}><g aria-hidden="true">
    ${yTicks.map((tick) => html`<g key=${tick}><line class="grid-line" x1=${LEFT} x2=${width - RIGHT} y1=${y(tick)} y2=${y(tick)} />
      <text class="y-tick" x=${LEFT - 6} y=${y(tick) + 4}>${yWritten(tick)}</text></g>`)}
    ${xTicks.map((tick) => html`<text key=${tick} class="middle" x=${x(tick)} y=${HEIGHT - BOTTOM + 15}>${xWritten(tick)}</text>`)}
    <text class="axis-name" x=${(LEFT + width - RIGHT) / 2} y=${HEIGHT - 3}>${xName}</text>
    ${lines.map((/** @type {Line} */ { name, look, points }) => html`<g key=${name} class="series" style=${lookOf(coloured(look))}>
      <polyline class="curve" stroke-dasharray=${DASHES[look % DASHES.length]} points=${points.map((one) => `${x(one.x).toFixed(1)},${y(one.y).toFixed(1)}`).join(" ")} />
      ${points.length < 16 && points.map((one, at) => html`<circle key=${at} class="dot" cx=${x(one.x)} cy=${y(one.y)} r="3" />`)}
    </g>`)}
  </g></svg>`;
}

/** What each line is. @param {{lines: readonly Line[]}} props */
function Names({ lines }) {
  if (lines.length < 2) return null;
  return html`<ul class="legend" role="list">${lines.map(({ name, look }) => html`<li key=${name}>
    <svg class="series key" style=${lookOf(coloured(look))} width="26" height="10" aria-hidden="true">
      <line class="curve" x1="1" x2="25" y1="5" y2="5" stroke-dasharray=${DASHES[look % DASHES.length]} /></svg> ${name}</li>`)}</ul>`;
}

/** @param {any} props as those of LineChart */
function Table({ title, xName, lines, xWritten, yWritten }) {
  const rows = tableOf(lines);
  return html`<details class="figures-table"><summary>These figures as a table</summary>
    <div class="table-scroll" role="region" aria-label=${`${title}: figures`} tabindex="0"><table class="figures grid">
      <caption class="unseen">${title}</caption>
      <thead><tr><th scope="col">${xName}</th>${lines.map((/** @type {Line} */ { name }) => html`<th key=${name} scope="col" class="number">${name}</th>`)}</tr></thead>
      <tbody>${rows.map(([x, ...values]) => html`<tr key=${x}><th scope="row">${xWritten(x)}</th>
        ${values.map((value, index) => html`<td key=${index} class="number">${value === null ? "–" : yWritten(value)}</td>`)}</tr>`)}</tbody>
    </table></div></details>`;
}

/**
 * @param {readonly Line[]} lines
 * @returns {[number, ...(number | null)[]][]} x, then y of each line; at most some sixty rows
 */
export function tableOf(lines) {
  const xs = [...new Set(lines.flatMap(({ points }) => points.map(({ x }) => x)))].sort((one, other) => one - other);
  const step = Math.ceil(xs.length / MOST_ROWS);
  const shown = xs.filter((_, index) => index % step === 0 || index === xs.length - 1);
  return shown.map((x) => [x, ...lines.map(({ points }) => points.find((one) => one.x === x)?.y ?? null)]);
}

/** @param {number} index */
function coloured(index) {
  return /** @type {any} */ ({ shades: shadesOf(null, index) });
}

/** @param {readonly number[]} ticks @param {number} from pixels @param {number} to */
function scale(ticks, from, to) {
  const low = ticks[0], span = ticks[ticks.length - 1] - low || 1;
  return (/** @type {number} */ value) => from + ((value - low) / span) * (to - from);
}

/** @param {number} value */
function plain(value) {
  return String(value);
}

/** @param {number} value */
function short(value) {
  return Number(value.toPrecision(3)).toString();
}
