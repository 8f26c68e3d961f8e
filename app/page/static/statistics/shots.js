// The passes before each shot: a mark for each shot, in the column of its passes.

import { clock } from "../core/format.js";
import { html } from "../core/html.js";
import { placeOf } from "../review/place.js";
import { halfName } from "./figures.js";
import { Key, lookOf, Shape } from "./series.js";
import { useWidth } from "./width.js";

/**
 * @typedef {import("./types.js").Series} Series
 * @typedef {import("./types.js").Shot} Shot
 */

const WIDEST = 56, MARK = 15, TWO_MARKS = 36, MOST = 10, AXIS = 34;

/**
 * @param {object} props
 * @param {import("./types.js").Statistics} props.statistics
 * @param {readonly Series[]} props.series
 */
export function ShotsChart({ statistics, series }) {
  const shots = statistics.passes_before_shots;
  const [place, room] = useWidth();
  const last = Math.min(MOST, Math.max(5, ...shots.map(({ passes }) => passes)));
  const columns = Array.from({ length: last + 1 }, (_, passes) => shots
    .filter((one) => Math.min(one.passes, last) === passes)
    .sort((one, other) => placeIn(series, one) - placeIn(series, other) || one.time_s - other.time_s));
  const wide = Math.min(WIDEST, Math.floor(room / (last + 1)));
  const abreast = wide >= TWO_MARKS ? 2 : 1;
  const rows = Math.max(...columns.map((column) => Math.ceil(column.length / abreast)), 3);
  const width = (last + 1) * wide, base = rows * (MARK + 3) + 6;
  return html`<div ref=${place}><svg class="chart" viewBox=${`0 0 ${width} ${base + AXIS}`} role="group" style=${{ maxWidth: `${width}px` }}
      aria-label=${`${shots.length} shots by the passes before them. The table below has each.`}><g aria-hidden="true">
    <line class="base" x1="0" x2=${width} y1=${base} y2=${base} />
    ${columns.map((column, passes) => html`<g key=${passes}>
      ${column.map((shot, index) => html`<${Mark} key=${shot.event_id} videoId=${statistics.video_id} shot=${shot}
        series=${series[placeIn(series, shot)]} x=${passes * wide + wide / 2 + (abreast === 1 ? -MARK / 2 : index % 2 ? 1.5 : -MARK - 1.5)}
        y=${base - 4 - MARK - Math.floor(index / abreast) * (MARK + 3)} />`)}
      <text class="tick middle" x=${passes * wide + wide / 2} y=${base + 15}>${passes === MOST ? `${MOST}+` : passes}</text>
    </g>`)}
    <text class="axis-name" x=${width / 2} y=${base + 30}>passes before the shot${shots.some(isGoal) ? "; a spot: a goal" : ""}</text>
  </g></svg></div>`;
}

/** @param {{videoId: string, shot: Shot, series: Series, x: number, y: number}} props */
function Mark({ videoId, shot, series, x, y }) {
  return html`<a class="series" style=${lookOf(series)} href=${placeOf(videoId, shot.time_s, shot.event_id)} tabindex="-1">
    <title>${`${clock(shot.time_s)} ${shot.type}${shot.team ? `, ${shot.team}` : ""}: ${shot.passes}`}</title>
    <${Shape} series=${series} x=${x} y=${y} width=${MARK} height=${MARK} hasSpot=${isGoal(shot)} /></a>`;
}

/**
 * @param {object} props
 * @param {import("./types.js").Statistics} props.statistics
 * @param {readonly Series[]} props.series
 */
export function ShotsTable({ statistics, series }) {
  const { passes_before_shots: shots, halves, video_id: videoId } = statistics;
  const hasTeams = series.length > 1;
  return html`<details class="figures-table"><summary>Each shot as a table</summary>
    <div class="table-scroll"><table class="figures grid">
      <caption class="unseen">Shots with the passes before them</caption>
      <thead><tr><th scope="col">In the video</th>${halves.length > 0 && html`<th scope="col">Half</th>`}<th scope="col">Type</th>
        ${hasTeams && html`<th scope="col">Team</th>`}<th scope="col" class="number">Passes before</th></tr></thead>
      <tbody>${shots.map((shot) => html`<tr key=${shot.event_id}>
        <th scope="row"><a href=${placeOf(videoId, shot.time_s, shot.event_id)}>${clock(shot.time_s)}</a></th>
        ${halves.length > 0 && html`<td>${halfName(shot.half, halves.length)}</td>`}
        <td>${shot.type}</td>
        ${hasTeams && html`<td><${Key} series=${series[placeIn(series, shot)]} /> ${shot.team ?? "not known"}</td>`}
        <td class="number">${shot.passes}</td></tr>`)}</tbody>
    </table></div></details>`;
}

/** @param {Shot} shot */
function isGoal({ type }) {
  return type.toUpperCase() === "GOAL";
}

/** @param {readonly Series[]} series @param {{team: string | null}} one */
function placeIn(series, { team }) {
  return Math.max(0, series.findIndex((each) => each.team === team));
}
