// The hits that a reel takes: the first ones, as far as clips are made of them at once. No elements.

import { MAX_OF_SEVERAL, MAX_VIDEOS } from "../clips/wanted.js";

/**
 * @typedef {import("../clips/wanted.js").CutEvent} CutEvent
 *
 * @typedef {object} TakenHit
 * @property {{id: string}} video
 * @property {readonly {id: string, type: string, time_s: number}[]} events
 */

export class Taken {
  /** @type {CutEvent[]} */
  events = [];
  /** @type {Set<string>} */
  #videos = new Set();
  #hits = 0;

  /**
   * Take a hit; false: it would be too much, and so would those that follow.
   *
   * @param {TakenHit} hit
   */
  add({ video, events }) {
    if (this.events.length + events.length > MAX_OF_SEVERAL) return false;
    if (!this.#videos.has(video.id) && this.#videos.size >= MAX_VIDEOS) return false;
    this.#videos.add(video.id);
    this.#hits += 1;
    const together = events.length > 1 ? { hit: this.#hits } : {};
    for (const { id, type, time_s } of events) this.events.push({ video_id: video.id, id, type, time_s, ...together });
    return true;
  }
}
