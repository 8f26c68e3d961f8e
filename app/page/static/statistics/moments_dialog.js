// The events behind a figure, each leading to its moment in the review.

import { useEffect, useState } from "preact/hooks";
import { pagesOf } from "../core/api.js";
import { clock, counted } from "../core/format.js";
import { html } from "../core/html.js";
import { tell } from "../core/notices.js";
import { placeOf } from "../review/place.js";
import { Dialog } from "../ui/dialog.js";
import { halfName } from "./figures.js";
import { chosen, momentsOf } from "./moments.js";
import { CONFIRMED } from "./options.js";

const PAGE = "1000", AT_FIRST = 300;

/**
 * @param {object} props
 * @param {import("../video/types.js").Video} props.video
 * @param {import("./types.js").Statistics} props.statistics
 * @param {import("./figures.js").Wanted} props.wanted
 * @param {URLSearchParams} props.query how the figures are made
 * @param {() => void} props.onClose
 */
export function MomentsDialog({ video, statistics, wanted, query, onClose }) {
  const [found, setFound] = useState(/** @type {import("./moments.js").Moment[] | null} */ (null));
  const [isWhole, setWhole] = useState(false);
  const { halves } = statistics;
  useEffect(() => {
    const leaving = new AbortController();
    const read = async () => {
      if (wanted.shots) {
        setFound(chosen(statistics.passes_before_shots.map((one) => ({ ...one, id: one.event_id })), wanted, halves));
        return;
      }
      const asked = new URLSearchParams({ limit: PAGE });
      if (wanted.type !== undefined) asked.set("type", wanted.type);
      if (query.get("confirmed")) for (const state of CONFIRMED) asked.append("state", state);
      /** @type {any[]} */
      const events = [];
      for await (const page of pagesOf(`/videos/${video.id}/events`, asked, { signal: leaving.signal })) events.push(...page);
      const facts = { halves, teams: video.teams ?? [], changesEnds: Boolean(query.get("ends")) };
      setFound(chosen(momentsOf(events, facts), wanted, halves));
    };
    read().catch(tell);
    return () => leaving.abort();
  }, []);
  const shown = isWhole ? found : found?.slice(0, AT_FIRST);
  return html`<${Dialog} id="moments" title=${titleOf(wanted, halves.length)} onClose=${onClose}>
    ${!found && html`<p class="hint">Loading…</p>`}
    ${found && html`<p class="hint" data-is="moments-count">${counted(found.length, "event")}; a time leads to the moment in the review.</p>
      <ol class="moments" role="list">${shown?.map((one) => html`<li key=${one.id}>
        <a class="mono" href=${placeOf(video.id, one.time_s, one.id)}>${clock(one.time_s, 1)}</a>
        <span>${one.type}${"passes" in one && html` <span class="hint">${counted(/** @type {any} */ (one).passes, "pass").replace(/passs$/, "passes")} before</span>`}</span>${one.team && html`<span class="hint">${one.team}</span>`}</li>`)}</ol>
      ${shown && shown.length < found.length && html`<button type="button" onClick=${() => setWhole(true)}>Show all ${found.length}</button>`}`}
  <//>`;
}

/**
 * @param {import("./figures.js").Wanted} wanted
 * @param {number} halves how many there are
 */
function titleOf({ type, team, half, from, to, shots }, halves) {
  const words = [shots ? "Shots" : type ?? "All types"];
  if (team !== undefined) words.push(team ?? "team not known");
  if (half !== undefined) words.push(halfName(half, halves));
  if (from !== undefined && to !== undefined) words.push(`${clock(from)}–${clock(to)} of the video`);
  return words.join(" · ");
}
