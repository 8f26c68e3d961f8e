// The hits: what each is, with a still of it; one press plays it.

import { useEffect, useRef, useState } from "preact/hooks";
import { addressOf } from "../core/address.js";
import { clock } from "../core/format.js";
import { html } from "../core/html.js";
import { attempt } from "../core/notices.js";
import { cursor, hits, isLoading, more, pending, problem } from "./store.js";
import { stillAt } from "./thumbnails.js";

/** @typedef {import("./store.js").Hit} Hit */

/** @param {{reel: import("./reel.js").Reel}} props */
export function Results({ reel }) {
  const index = reel.index.value;
  const list = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    list.current?.children[index]?.scrollIntoView({ block: "nearest" });
  }, [index]);
  return html`
    <p id="search-count" class="hint" role="status">${countWords()}</p>
    ${problem.value && html`<p class="notice">${problem.value}</p>`}
    ${pending.value > 0 && html`<p class="notice">${pending.value === 1 ? "1 match has" : `${pending.value} matches have`}
      changed and is searched as before; search again in a moment.</p>`}
    ${hits.value.length === 0 && !isLoading.value && !problem.value && !cursor.value
      && html`<p class="empty">Nothing is found. Take out a filter, or look for another type.</p>`}
    <ol id="hits" class="hits" ref=${list} aria-label="Hits">
      ${hits.value.map((hit, one) => html`<${HitRow} key=${keyOf(hit)} hit=${hit} isPlayed=${one === index}
        onPlay=${() => attempt(() => reel.show(one))} />`)}
    </ol>
    ${isLoading.value && html`<p class="hint">Searching…</p>`}
    ${cursor.value && !isLoading.value && html`<button id="more-hits" type="button" class="quiet" onClick=${() => attempt(more)}>More hits</button>`}`;
}

/** @param {{hit: Hit, isPlayed: boolean, onPlay: () => void}} props */
function HitRow({ hit, isPlayed, onPlay }) {
  const { video, events } = hit;
  const [first] = events;
  const last = events[events.length - 1];
  const title = video.title || video.filename || video.id;
  const time = events.length > 1 ? `${clock(hit.from_s, 1)} – ${clock(hit.to_s, 1)}` : clock(hit.from_s, 1);
  const types = events.map((event) => event.type).join(" → ");
  const who = [first.team_name ?? first.team, first.attributes.player && `player ${first.attributes.player}`].filter(Boolean).join(", ");
  const match = [video.competition, video.date].filter(Boolean).join(" · ");
  return html`
    <li class=${isPlayed ? "is-played" : ""}>
      <button type="button" class="hit" aria-current=${isPlayed ? "true" : undefined} onClick=${(/** @type {MouseEvent} */ event) => {
        // After a click of the mouse the keys are the player's, not the button's.
        if (event.detail > 0) /** @type {HTMLElement} */ (event.currentTarget).blur();
        onPlay();
      }}>
        <${Still} hit=${hit} />
        <span class="about">
          <span class="hit-types"><strong>${types}</strong>
            <span class=${`badge state-${last.state}`}>${last.state === "suggested" && last.score !== null ? last.score.toFixed(2) : last.state}</span></span>
          <span class="hit-match">${title}</span>
          <small><span class="mono">${time}</span>${who && ` · ${who}`}${match && ` · ${match}`}</small>
        </span>
      </button>
      <a class="button small" href=${`#/videos/${video.id}?event=${first.id}&t=${first.time_s}`}
        aria-label=${`Review ${first.type} at ${clock(first.time_s)} of ${title}`}>Review</a>
    </li>`;
}

/** Its place has a fixed size, so nothing moves when the picture comes. @param {{hit: Hit}} props */
function Still({ hit }) {
  const [still, setStill] = useState(/** @type {import("./thumbnails.js").Still | null} */ (null));
  const { video, events } = hit;
  const time = events[events.length - 1].time_s;
  useEffect(() => {
    let isGone = false;
    if (video.has_thumbnails) stillAt(video.id, time).then((found) => { if (!isGone) setStill(found); });
    return () => { isGone = true; };
  }, [video.id, time]);
  const scale = still ? 96 / still.width : 1;
  return html`<span class="still" aria-hidden="true">${still && html`<span style=${{
    width: `${still.width}px`, height: `${still.height}px`, transform: `scale(${scale})`,
    backgroundImage: `url("${addressOf(still.image)}")`, backgroundPosition: `-${still.x}px -${still.y}px`,
  }}></span>`}</span>`;
}

function countWords() {
  const count = hits.value.length;
  if (isLoading.value || problem.value || !count) return "";
  return cursor.value ? `the first ${count} hits` : `${count} ${count === 1 ? "hit" : "hits"}`;
}

/** @param {Hit} hit */
function keyOf(hit) { return `${hit.video.id} ${hit.events.map((event) => event.id).join(" ")}`; }
