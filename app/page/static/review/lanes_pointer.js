// What the mouse does on the lanes: select, seek, drag an event, pan, zoom.
//
// All of it goes by keys, too: nudges and the frame's field move an event, plus and minus
// zoom, page keys pan.

import { signal } from "@preact/signals";
import { move } from "./commands.js";
import { hit } from "./lanes.js";
import { panned, timeAt, zoomed } from "./scale.js";

/**
 * @typedef {import("./review.js").Review} Review
 *
 * @typedef {object} Grip
 * @property {number} x
 * @property {import("./types.js").Stretch} stretch
 * @property {string | null} id the event under the pointer
 * @property {boolean} isAxis
 * @property {boolean} isMoved
 */

export const AXIS_PX = 20;
const TALLEST_PX = 30, LOWEST_PX = 16, USUAL_PX = 190;
const DRAG_PX = 4;

/** How high a lane is. @param {number} count of lanes */
export function laneHeight(count) {
  return Math.max(LOWEST_PX, Math.min(TALLEST_PX, Math.floor(USUAL_PX / Math.max(1, count))));
}

export class LanePointer {
  /** @param {Review} review */
  constructor(review) {
    this.review = review;
    /** @type {import("@preact/signals").Signal<{id: string, time: number} | null>} */
    this.dragged = signal(null);
    /** @type {Grip | null} */
    this.grip = null;
    this.width = 1;
  }

  get model() { return this.review.model; }

  /** @param {HTMLCanvasElement} canvas @returns {() => void} ends it */
  listen(canvas) {
    const leaving = new AbortController();
    /**
     * @template {keyof HTMLElementEventMap} T
     * @param {T} type
     * @param {(event: HTMLElementEventMap[T]) => void} does
     */
    const on = (type, does) => canvas.addEventListener(type, (event) => {
      this.width = Math.max(1, canvas.clientWidth);
      does(event);
    }, { signal: leaving.signal, passive: false });
    on("pointerdown", (event) => {
      if (event.button !== 0) return;
      canvas.setPointerCapture(event.pointerId);
      this.press(event);
    });
    on("pointermove", (event) => {
      if (this.grip) this.drag(event.offsetX);
      else canvas.style.cursor = this.idAt(event.offsetX, event.offsetY) ? "pointer" : "";
    });
    on("pointerup", (event) => this.release(event));
    on("pointercancel", () => this.cancel());
    on("keydown", (event) => { if (event.key === "Escape") this.cancel(); });
    on("wheel", (event) => this.turn(event));
    return () => leaving.abort();
  }

  /** @param {number} x */
  timeAt(x) {
    const time = timeAt(x, this.model.stretch.peek(), this.width);
    return Math.min(this.model.duration.peek(), Math.max(0, time));
  }

  /** @param {number} x @param {number} y @returns {string | null} */
  idAt(x, y) {
    const lanes = this.model.lanes.peek();
    const lane = lanes[Math.floor((y - AXIS_PX) / laneHeight(lanes.length))];
    return lane ? hit(lane, x, this.model.stretch.peek(), this.width) : null;
  }

  /** @param {PointerEvent} event */
  press({ offsetX: x, offsetY: y }) {
    const isAxis = y < AXIS_PX;
    this.grip = { x, stretch: this.model.stretch.peek(), id: isAxis ? null : this.idAt(x, y), isAxis, isMoved: false };
    if (isAxis) this.review.playback.seekTime(this.timeAt(x));
  }

  /** @param {number} x */
  drag(x) {
    const { grip, model } = this;
    if (!grip) return;
    if (Math.abs(x - grip.x) > DRAG_PX) grip.isMoved = true;
    if (!grip.isMoved) return;
    if (grip.isAxis) {
      this.review.playback.seekTime(this.timeAt(x));
    } else if (grip.id) {
      const frame = model.frames.peek().frameAt(this.timeAt(x));
      model.selectedId.value = grip.id;
      this.dragged.value = { id: grip.id, time: model.frames.peek().timeOf(frame) };
      this.review.playback.pause();
      this.review.playback.seek(frame);
    } else if (model.zoom.peek()) {
      this.review.holdView();
      const span = grip.stretch.to - grip.stretch.from;
      model.zoom.value = panned(grip.stretch, ((grip.x - x) / this.width) * span, model.duration.peek());
    }
  }

  /** @param {PointerEvent} event */
  release({ offsetX: x }) {
    const { grip, model } = this;
    const moved = this.dragged.peek();
    this.cancel();
    if (!grip || grip.isAxis) return;
    const event = model.table.peek().get(grip.id);
    if (grip.isMoved) {
      if (event && moved) move(this.review, event, model.frames.peek().frameAt(moved.time + 1e-6));
    } else if (event) this.review.select(event, { plays: false });
    else this.review.playback.seekTime(this.timeAt(x));
  }

  cancel() {
    this.grip = null;
    this.dragged.value = null;
  }

  /** @param {WheelEvent} event */
  turn(event) {
    const { model } = this;
    const { deltaX, deltaY, shiftKey } = event;
    if (event.ctrlKey) return; // the browser's own zoom
    const isSideways = shiftKey || Math.abs(deltaX) > Math.abs(deltaY);
    event.preventDefault();
    const duration = model.duration.peek();
    const stretch = model.stretch.peek();
    if (isSideways) {
      this.pan((deltaX || deltaY) / this.width);
      return;
    }
    const next = zoomed(stretch, Math.exp(Math.sign(deltaY) * 0.25), this.timeAt(event.offsetX), duration);
    model.zoom.value = next.to - next.from >= duration ? null : next;
  }

  /** @param {number} share of what is shown */
  pan(share) {
    const { model } = this;
    if (!model.zoom.peek()) return;
    this.review.holdView();
    const stretch = model.stretch.peek();
    model.zoom.value = panned(stretch, share * (stretch.to - stretch.from), model.duration.peek());
  }
}
