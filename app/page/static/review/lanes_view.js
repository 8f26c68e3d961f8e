// The lanes: names of the types on the left, marks on a canvas, playhead above it.

import { useEffect, useRef, useState } from "preact/hooks";
import { effect } from "@preact/signals";
import { html } from "../core/html.js";
import { tell } from "../core/notices.js";
import { keepDrawn } from "./canvas.js";
import { addOrSet, zoom } from "./commands.js";
import { ActionButton, giveBackFocus, useReview } from "./context.js";
import { Icon } from "./icons.js";
import { drawLanes } from "./lanes_drawing.js";
import { AXIS_PX, LanePointer, laneHeight } from "./lanes_pointer.js";
import { Minimap } from "./minimap.js";
import { prefs } from "./prefs.js";
import { xOf } from "./scale.js";
import { timecode } from "./timecode.js";

const CURVES_MS = 150;

export function Lanes() {
  const { model } = useReview();
  return html`
    <div class="lane-tools" role="group" aria-label="What the lanes show">
      <${ActionButton} action="tag" className="small-tool" isPressed=${model.isTagging.value}>Tag<//>
      <${ActionButton} action="ghosts" className="small-tool" isPressed=${prefs().ghosts}>Ghosts<//>
      <${ActionButton} action="curves" className="small-tool" isPressed=${prefs().curves} isOff=${Boolean(model.stream.value?.isFollowed)}>Curves<//>
      <${ActionButton} action="reviewed" className="small-tool">Mark reviewed<//>
      <span class="spring"></span>
      <span class="hint stretch-text">${timecode(model.stretch.value.from, 0)} – ${timecode(model.stretch.value.to, 0)}</span>
      <${ActionButton} action="zoom-out" icon="minus" />
      <${ActionButton} action="zoom-in" icon="plus" />
      <${ActionButton} action="zoom-all" icon="fit" />
    </div>
    <${Minimap} />
    <div class="lanes">
      <${LaneNames} />
      <${LaneCanvas} />
    </div>`;
}

/** The types: each can be hidden, and added at the playhead. */
function LaneNames() {
  const review = useReview();
  const { model } = review;
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const event of model.events.value) {
    if (!event.is_ghost && event.state !== "rejected") counts.set(event.type, (counts.get(event.type) ?? 0) + 1);
  }
  /** @param {string} name */
  const toggle = (name) => {
    const hidden = new Set(model.hidden.peek());
    if (!hidden.delete(name)) hidden.add(name);
    model.hidden.value = hidden;
  };
  const types = model.types.value;
  const isHidden = (/** @type {string} */ name) => model.hidden.value.has(name);
  const shown = model.lanes.value.length;
  return html`<ul class="lane-names" aria-label="Types of events" style=${{ "--lane": `${laneHeight(shown)}px` }}>
    ${types.filter(({ name }) => !isHidden(name)).map(laneName)}
    ${types.filter(({ name }) => isHidden(name)).map(laneName)}
  </ul>`;

  /** @param {import("./types.js").EventType} type */
  function laneName({ name, key, colour }) {
    return html`<li key=${name} style=${{ "--tone": colour }} data-hidden=${isHidden(name)}>
      <button type="button" class="lane-name" aria-pressed=${!isHidden(name)} title=${`Show or hide ${name}`}
        onClick=${(/** @type {MouseEvent} */ event) => { giveBackFocus(event); toggle(name); }}>
        <span class="swatch"></span><span class="text">${name}</span><small>${counts.get(name) ?? 0}</small></button>
      <button type="button" class="lane-add" title=${`Add ${name} at the playhead${key ? ` (${key})` : ""}`}
        aria-label=${`${key ? `${key}: ` : ""}add ${name} at the playhead, or make the event there a ${name}`}
        onClick=${(/** @type {MouseEvent} */ event) => { giveBackFocus(event); addOrSet(review, name); }}>
        ${key ?? html`<${Icon} name="plus" />`}</button>
    </li>`;
  }
}

function LaneCanvas() {
  const review = useReview();
  const { model, loader } = review;
  const place = useRef(/** @type {HTMLCanvasElement | null} */ (null));
  const head = useRef(/** @type {HTMLDivElement | null} */ (null));
  const [pointer] = useState(() => new LanePointer(review));
  useEffect(() => {
    const canvas = /** @type {HTMLCanvasElement} */ (place.current);
    const stopDrawing = keepDrawn(canvas, () => drawLanes(model, pointer.dragged.value));
    const stopPointer = pointer.listen(canvas);
    const stopHead = effect(() => {
      const { value: stretch } = model.stretch;
      const x = xOf(model.time.value, stretch, canvas.clientWidth);
      const line = head.current;
      if (!line) return;
      line.style.transform = `translateX(${x.toFixed(1)}px)`;
      line.hidden = x < 0 || x > canvas.clientWidth + 1;
    });
    return () => {
      stopDrawing();
      stopPointer();
      stopHead();
    };
  }, []);
  useEffect(() => {
    let timer = 0;
    const stop = effect(() => {
      if (!prefs().curves) return;
      model.stretch.value;
      model.modelTypes.value;
      clearTimeout(timer);
      timer = setTimeout(() => loader.readCurves().catch(tell), CURVES_MS);
    });
    return () => {
      clearTimeout(timer);
      stop();
    };
  }, []);
  const shown = model.lanes.value.length;
  const height = AXIS_PX + shown * laneHeight(shown);
  return html`<div class="lane-canvas" style=${{ height: `${height}px` }}>
    <canvas ref=${place} tabindex="0" role="application" data-is="lanes"
      aria-label="Events in lanes by type. Keys: plus and minus zoom, N and P go from event to event, brackets move one."
      onKeyDown=${(/** @type {KeyboardEvent} */ event) => onLaneKey(event)}></canvas>
    <div class="playhead" ref=${head}></div>
  </div>`;

  /** Page keys pan what is shown. @param {KeyboardEvent} event */
  function onLaneKey(event) {
    const step = { PageDown: 1, PageUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    if (!model.zoom.peek()) zoom(review, 0.5);
    pointer.pan(step * 0.8);
  }
}
