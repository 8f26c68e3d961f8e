// The whole match in one row: where events are, what is reviewed, what the lanes show.

import { useEffect, useRef } from "preact/hooks";
import { html } from "../core/html.js";
import { drawGaps } from "../live/drawing.js";
import { keepDrawn } from "./canvas.js";
import { useReview } from "./context.js";
import { lengthOf } from "./intervals.js";
import { densityOf } from "./lanes.js";
import { fitted } from "./scale.js";
import { timecode } from "./timecode.js";

/** @typedef {import("./model.js").ReviewModel} ReviewModel */

const BAND_PX = 5;

export function Minimap() {
  const review = useReview();
  const { model } = review;
  const place = useRef(/** @type {HTMLCanvasElement | null} */ (null));
  useEffect(() => keepDrawn(/** @type {HTMLCanvasElement} */ (place.current), () => draw(model)), []);
  const reviewed = Math.round((lengthOf(model.reviewed.value) / model.duration.value) * 100);

  /** @param {PointerEvent & {currentTarget: HTMLCanvasElement}} event */
  const go = (event) => {
    const share = Math.min(1, Math.max(0, event.offsetX / event.currentTarget.clientWidth));
    const time = share * model.duration.peek();
    const zoom = model.zoom.peek();
    if (zoom) {
      const span = zoom.to - zoom.from;
      model.zoom.value = fitted({ from: time - span / 2, to: time + span / 2 }, model.duration.peek());
    }
    review.playback.seekTime(time);
  };
  return html`<canvas ref=${place} class="minimap" tabindex="0" role="slider" data-is="minimap"
    aria-label=${`Place in the match; ${reviewed} % of it is reviewed`} aria-valuemin="0"
    aria-valuemax=${Math.round(model.duration.value)} aria-valuenow=${Math.round(model.time.value)}
    aria-valuetext=${timecode(model.time.value, 0)}
    onPointerDown=${(/** @type {any} */ event) => {
      event.currentTarget.setPointerCapture(event.pointerId);
      go(event);
    }}
    onPointerMove=${(/** @type {any} */ event) => { if (event.buttons & 1) go(event); }}></canvas>`;
}

/** @param {ReviewModel} model */
function draw(model) {
  const events = model.events.value;
  const duration = model.duration.value;
  const reviewed = model.reviewed.value;
  const zoom = model.zoom.value;
  const time = model.time.value;
  const halves = model.halves.value ?? [];
  const gaps = model.stream.value?.gaps ?? [];

  /** @type {ReturnType<Parameters<typeof keepDrawn>[1]>} */
  return (pen, width, height, theme) => {
    const columns = Math.max(10, Math.floor(width / 3));
    const { counts, open } = densityCached(events, duration, columns);
    const most = Math.max(1, ...counts);
    const room = height - BAND_PX - 2;
    const step = width / columns;
    for (let column = 0; column < columns; column += 1) {
      if (!counts[column]) continue;
      const high = Math.max(2, (counts[column] / most) * room);
      const part = (open[column] / counts[column]) * high;
      pen.fillStyle = theme.strong;
      pen.fillRect(column * step, room - high, step - 1, part);
      pen.fillStyle = theme.main;
      pen.fillRect(column * step, room - high + part, step - 1, high - part);
    }
    pen.fillStyle = theme.line;
    pen.fillRect(0, height - BAND_PX, width, BAND_PX);
    pen.fillStyle = theme.main;
    for (const { from, to } of reviewed) {
      pen.fillRect((from / duration) * width, height - BAND_PX, Math.max(1, ((to - from) / duration) * width), BAND_PX);
    }
    drawGaps(pen, gaps, { stretch: { from: 0, to: duration }, width, height: height - BAND_PX, theme });
    pen.fillStyle = theme.soft;
    for (const { start_s: start } of halves) pen.fillRect((start / duration) * width, 0, 1, height);
    if (zoom) {
      pen.strokeStyle = theme.ink;
      pen.lineWidth = 1.5;
      pen.strokeRect((zoom.from / duration) * width + 0.75, 0.75, Math.max(4, ((zoom.to - zoom.from) / duration) * width) - 1.5, height - 1.5);
    }
    pen.fillStyle = theme.ink;
    pen.fillRect((time / duration) * width - 0.75, 0, 1.5, height);
  };
}

/** @type {{events: unknown, columns: number, duration: number, density: ReturnType<typeof densityOf>} | null} */
let last = null;

/** @param {readonly import("./types.js").ReviewEvent[]} events @param {number} duration @param {number} columns */
function densityCached(events, duration, columns) {
  if (last?.events !== events || last.columns !== columns || last.duration !== duration) {
    last = { events, columns, duration, density: densityOf(events, duration, columns) };
  }
  return last.density;
}
