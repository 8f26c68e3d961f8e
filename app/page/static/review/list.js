// The events as a list beside the player: only the rows in view exist, and it follows the
// playhead until somebody scrolls.

import { useEffect, useRef, useState } from "preact/hooks";
import { effect } from "@preact/signals";
import { html } from "../core/html.js";
import { counted } from "../core/format.js";
import { STATES, hintOf, stateOf, useReview } from "./context.js";
import { nameOfTeam, placeAt, teamOf } from "./events.js";
import { prefs, setPrefs } from "./prefs.js";
import { timecode } from "./timecode.js";

/** @typedef {import("./types.js").ReviewEvent} ReviewEvent */

const ROW_PX = 30;
const SPARE = 6;
const HANDS_OFF_MS = 3000;

/** @type {Record<string, string>} */
const FILTERS = { all: "All", open: "To decide", decided: "Decided", unsent: "Unsent" };

/** @type {Record<string, (event: ReviewEvent) => boolean>} */
const PASSES = {
  all: () => true,
  open: (event) => event.state === "suggested",
  decided: (event) => event.state !== "suggested",
  unsent: (event) => Boolean(event.unsent),
};

export function EventList() {
  const { model } = useReview();
  const [filter, setFilter] = useState("all");
  const shown = model.visible.value.filter(PASSES[filter]);
  const ghosts = shown.filter((event) => stateOf(event) === "ghost").length;
  return html`<div class="list-panel">
    <div class="list-tools">
      <p role="status" data-is="events-title">${counted(shown.length - ghosts, "event")}${ghosts > 0 && html`<small>, ${counted(ghosts, "ghost")}</small>`}</p>
      <label class="check"><input type="checkbox" checked=${prefs().rejected}
        onChange=${(/** @type {any} */ event) => setPrefs({ rejected: event.currentTarget.checked })} /> Rejected</label>
      <label><span class="unseen">Show</span><select class="small" value=${filter}
        onChange=${(/** @type {any} */ event) => setFilter(event.currentTarget.value)}>
        ${Object.entries(FILTERS).map(([name, words]) => html`<option key=${name} value=${name}>${words}</option>`)}</select></label>
    </div>
    <${Rows} events=${shown} />
    ${!shown.length && html`<p class="hint empty">${model.isLoading.value ? "Loading…" : emptyWords(filter)}</p>`}
  </div>`;
}

/** @param {string} filter */
function emptyWords(filter) {
  if (filter === "open") return "Nothing is left to decide.";
  return "No events. Play the video and press the key of a type to add one.";
}

/** @param {{events: ReviewEvent[]}} props */
function Rows({ events }) {
  const review = useReview();
  const { model } = review;
  const place = useRef(/** @type {HTMLDivElement | null} */ (null));
  const touched = useRef(0);
  const now = useRef(events);
  now.current = events;
  const [view, setView] = useState({ top: 0, height: 600 });
  useEffect(() => follow(review, place, now, touched), []);
  useEffect(() => {
    const box = /** @type {HTMLDivElement} */ (place.current);
    const measure = () => setView({ top: box.scrollTop, height: box.clientHeight });
    const resizes = new ResizeObserver(measure);
    resizes.observe(box);
    return () => resizes.disconnect();
  }, []);
  const first = Math.max(0, Math.floor(view.top / ROW_PX) - SPARE);
  const last = Math.min(events.length, Math.ceil((view.top + view.height) / ROW_PX) + SPARE);
  const selected = model.selectedId.value;
  const isShown = events.slice(first, last).some((event) => event.id === selected);
  const onScroll = (/** @type {any} */ event) => setView({ top: event.currentTarget.scrollTop, height: event.currentTarget.clientHeight });
  return html`<div class="rows" ref=${place} role="listbox" tabindex="0" aria-label="Events" data-is="events"
      aria-activedescendant=${isShown ? `event-${selected}` : undefined}
      onScroll=${onScroll} onWheel=${() => { touched.current = Date.now(); }}
      onPointerDown=${() => { touched.current = Date.now(); }}>
    <div class="rows-space" role="presentation" style=${{ height: `${events.length * ROW_PX}px` }}>
      ${events.slice(first, last).map((event, index) => html`<${Row} key=${event.id} event=${event}
        at=${first + index} count=${events.length} isSelected=${event.id === selected} isTicked=${model.ticked.value.has(event.id)} colour=${model.colours.value[event.type]} />`)}
    </div>
  </div>`;
}

/** @param {{event: ReviewEvent, at: number, count: number, isSelected: boolean, isTicked: boolean, colour: string}} props */
function Row({ event, at, count, isSelected, isTicked, colour }) {
  const review = useReview();
  const state = stateOf(event);
  const score = event.score === null ? "" : event.score.toFixed(2);
  return html`<div role="option" id=${`event-${event.id}`} class=${`event-row ${state}`} aria-selected=${isSelected} aria-checked=${isTicked}
      aria-setsize=${count} aria-posinset=${at + 1} data-frame=${event.frame} data-state=${state}
      style=${{ transform: `translateY(${at * ROW_PX}px)`, "--tone": colour }} onClick=${() => review.select(event, { plays: false })}>
    <span class="tick" title=${hintOf("tick")} onClick=${(/** @type {MouseEvent} */ press) => {
      press.stopPropagation();
      review.model.tick(event.id);
    }}></span>
    <span class="mono">${timecode(event.time_s, 2)}</span>
    <span class="type"><span class="swatch"></span>${event.type}</span>
    <span class="team">${nameOfTeam(teamOf(event), review.model.video.value?.teams)}</span>
    <span class="score mono">${score}</span>
    <span class=${`state ${state}`} title=${STATES[state] + (event.unsent ? ", unsent" : "")}>
      <span class="unseen">${STATES[state]}${event.unsent && ", unsent"}</span>${event.unsent && html`<span class="dot" aria-hidden="true"></span>`}</span>
  </div>`;
}

/**
 * Keep the selected row in view, or while the video plays the row at the playhead.
 *
 * @param {import("./review.js").Review} review
 * @param {{current: HTMLDivElement | null}} place
 * @param {{current: ReviewEvent[]}} now
 * @param {{current: number}} touched when somebody scrolled last
 */
function follow({ model }, place, now, touched) {
  /** @param {number} at */
  const show = (at) => {
    const box = place.current;
    if (!box || at < 0) return;
    const top = at * ROW_PX;
    const { scrollTop, clientHeight } = box;
    if (top < scrollTop + ROW_PX || top > scrollTop + clientHeight - 2 * ROW_PX) box.scrollTop = top - clientHeight / 2;
  };
  const stopSelected = effect(() => {
    const id = model.selectedId.value;
    if (id && Date.now() - touched.current > 300) requestAnimationFrame(() => show(now.current.findIndex((event) => event.id === id)));
  });
  const stopTime = effect(() => {
    const time = model.time.value;
    if (model.isPlaying.peek() && Date.now() - touched.current > HANDS_OFF_MS) show(placeAt(now.current, time));
  });
  return () => {
    stopSelected();
    stopTime();
  };
}
