// The longest sequences: what a team did in a row, event by event.

import { clock } from "../core/format.js";
import { html } from "../core/html.js";
import { placeOf } from "../review/place.js";
import { halfName } from "./figures.js";
import { Bar, Key } from "./series.js";

const MOST_RUNS = 12;

/**
 * @param {object} props
 * @param {import("./types.js").Statistics} props.statistics
 * @param {readonly import("./types.js").Series[]} props.series
 */
export function Sequences({ statistics, series }) {
  const { longest_sequences: found, halves, video_id: videoId } = statistics;
  const [longest] = found;
  const isWithTeams = series.length > 1;
  return html`<div class="table-scroll" role="region" aria-label="Longest sequences" tabindex="0"><table class="figures grid sequences">
    <caption class="unseen">The longest sequences</caption>
    <thead><tr><th scope="col">In the video</th>${halves.length > 0 && html`<th scope="col">Half</th>`}
      ${isWithTeams && html`<th scope="col">Team</th>`}<th scope="col" class="number">Seconds</th><th scope="col" class="number">Passes</th>
      <th scope="col" class="number">Events</th><td></td><th scope="col">What happened</th></tr></thead>
    <tbody>${found.map((one) => {
      const own = series.find(({ team }) => team === one.team) ?? series[0];
      return html`<tr key=${one.event_ids[0]}>
        <th scope="row"><a href=${placeOf(videoId, one.from_s, one.event_ids[0])}>${clock(one.from_s)}</a></th>
        ${halves.length > 0 && html`<td class="nowrap">${halfName(one.half, halves.length)}</td>`}
        ${isWithTeams && html`<td class="nowrap"><${Key} series=${own} /> ${one.team}</td>`}
        <td class="number">${(one.to_s - one.from_s).toFixed(1)}</td><td class="number">${one.passes}</td><td class="number">${one.count}</td>
        <td class="bar-cell"><${Bar} series=${own} share=${one.count / longest.count} /></td>
        <td class="chain">${runsOf(one.types)}</td></tr>`;
    })}</tbody></table></div>`;
}

/** Say equal types in a row once, and not all of many. @param {readonly string[]} types */
export function runsOf(types) {
  /** @type {{type: string, count: number}[]} */
  const runs = [];
  for (const type of types) {
    const last = runs[runs.length - 1];
    if (last?.type === type) last.count += 1;
    else runs.push({ type, count: 1 });
  }
  const shown = runs.length > MOST_RUNS + 1 ? runs.slice(0, MOST_RUNS) : runs;
  const left = runs.slice(shown.length).reduce((sum, { count }) => sum + count, 0);
  const words = shown.map(({ type, count }) => (count > 1 ? `${count} × ${type}` : type)).join(" → ");
  return left ? `${words} → ${left} more` : words;
}
