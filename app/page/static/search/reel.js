// Plays hits one after another: from the very frame where one begins to where it ends.

import { computed, signal } from "@preact/signals";
import { call } from "../core/api.js";
import { Problem } from "../core/problem.js";
import { framesOf, guessedFrames } from "../review/frames.js";
import { Playback } from "../review/playback.js";

/**
 * @typedef {import("./store.js").Hit} Hit
 * @typedef {{video: any, frames: import("../review/frames.js").FrameTimes}} Facts
 */

export class Reel {
  /**
   * @param {object} source
   * @param {() => readonly Hit[]} source.hits
   * @param {() => {lead: number, lag: number}} source.margins seconds
   * @param {() => Promise<void>} source.more asks for hits beyond the last
   */
  constructor({ hits, margins, more }) {
    this.hits = hits;
    this.margins = margins;
    this.more = more;
    /** The hit that is played, -1: none. */
    this.index = signal(-1);
    /** @type {import("@preact/signals").Signal<any>} the video that is shown */
    this.video = signal(null);
    this.frames = signal(guessedFrames({}));
    this.frame = signal(0);
    this.isPlaying = signal(false);
    this.rate = signal(1);
    this.time = computed(() => this.frames.value.timeOf(this.frame.value));
    const model = /** @type {any} */ (this);
    this.playback = new Playback(model, { onShown: (frame) => this.shown(frame) });
    /** The frame where the hit begins, and whether it is played once that is shown. */
    this.start = 0;
    this.isWaiting = false;
    /** Whether the hit is being played and has not come to its end. */
    this.isRunning = false;
    this.until = Infinity;
    /** @type {Map<string, Promise<Facts>>} */
    this.known = new Map();
    this.asked = 0;
  }

  /** A player has the file of `video`. @param {HTMLVideoElement} player */
  attach(player) {
    this.playback.attach(player);
    player.addEventListener("ended", () => this.ended(), { signal: this.playback.leaving.signal });
    if (this.index.peek() >= 0) this.playback.seek(this.start);
  }

  close() {
    this.asked += 1;
    this.playback.detach();
  }

  /** Forget the hit: others were found. */
  reset() {
    this.asked += 1;
    this.playback.pause();
    this.isWaiting = this.isRunning = false;
    this.until = Infinity;
    this.index.value = -1;
  }

  get hit() { return this.hits()[this.index.value] ?? null; }

  /**
   * Show a hit from its first frame on.
   *
   * @param {number} index
   * @param {{plays?: boolean}} [options]
   */
  async show(index, { plays = true } = {}) {
    const hit = this.hits()[index];
    if (!hit) return;
    const asked = ++this.asked;
    this.playback.pause();
    this.isWaiting = this.isRunning = false;
    this.index.value = index;
    const facts = await this.factsOf(hit.video.id);
    if (asked !== this.asked) return;
    const { lead, lag } = this.margins();
    this.start = facts.frames.frameAt(Math.max(0, hit.from_s - lead));
    this.until = facts.frames.frameAt(hit.to_s + lag);
    this.isWaiting = plays;
    if (this.video.peek()?.id === hit.video.id) {
      this.playback.seek(this.start);
      return;
    }
    this.playback.detach(); // `attach` goes on when the player has the other file.
    this.frames.value = facts.frames;
    this.frame.value = this.start;
    this.video.value = facts.video;
  }

  /** @param {1 | -1} step */
  async go(step) {
    const index = this.index.peek() + step;
    const { asked } = this;
    if (index >= this.hits().length) await this.more();
    if (asked !== this.asked) return; // Another hit was chosen, or something else is looked for.
    if (index >= 0 && index < this.hits().length) await this.show(index);
  }

  toggle() {
    if (this.index.peek() < 0) return this.show(0);
    if (this.isPlaying.peek() || this.isWaiting) {
      this.isWaiting = this.isRunning = false;
      this.playback.pause();
      return undefined;
    }
    if (this.frame.peek() >= this.until) return this.show(this.index.peek());
    this.isRunning = true;
    this.playback.play();
    return undefined;
  }

  /** A frame is on screen. @param {number} frame */
  shown(frame) {
    if (this.playback.target !== null) return;
    if (this.isWaiting) {
      this.isWaiting = false;
      this.isRunning = true;
      this.playback.play();
    } else if (frame >= this.until) {
      this.ended();
    }
  }

  /** The hit has been played to its end: the next one follows. */
  ended() {
    if (!this.isRunning) return;
    this.isRunning = false;
    this.playback.pause();
    this.go(1).catch(() => {});
  }

  /** @param {string} videoId */
  factsOf(videoId) {
    const found = this.known.get(videoId);
    if (found) return found;
    const asked = this.read(videoId);
    this.known.set(videoId, asked);
    asked.catch(() => this.known.delete(videoId));
    return asked;
  }

  /** @param {string} videoId @returns {Promise<Facts>} */
  async read(videoId) {
    const video = await call(`/videos/${videoId}`);
    try {
      return { video, frames: framesOf(await call(`/videos/${videoId}/frames`)) };
    } catch (error) {
      if (!(error instanceof Problem) || ![404, 409].includes(error.status)) throw error;
      return { video, frames: guessedFrames(video) };
    }
  }
}
