// Follows what is played or stepped through, and tells which stretches are reviewed by it.

import { lengthOf, merged, reviewedParts, Seen, without } from "./intervals.js";
import { prefs, timings } from "./prefs.js";

const SHORTEST_S = 0.8;
const FLUSH_S = 10;

export class Watching {
  /**
   * @param {import("./model.js").ReviewModel} model
   * @param {(from: number, to: number) => void} onReviewed
   */
  constructor(model, onReviewed) {
    this.model = model;
    this.onReviewed = onReviewed;
    this.seen = new Seen();
    this.flushedAt = 0;
  }

  /** A frame is on screen. @param {number} frame */
  shown(frame) {
    const frames = this.model.frames.peek();
    const from = frames.timeOf(frame);
    const longest = Math.max(0.3, (8 / frames.fps) * this.model.rate.peek());
    this.seen.show(from, from + frames.lengthOf(frame), longest);
    const now = performance.now() / 1000;
    timings.now.act(now);
    if (now - this.flushedAt > FLUSH_S) this.flush();
  }

  jump() { this.seen.jump(); }

  /** Somebody said that these are not reviewed: they are again when they are seen anew. @param {readonly import("./types.js").Stretch[]} stretches */
  forget(stretches) { this.seen.stretches = without(this.seen.stretches, stretches); }

  /** Tell what became reviewed since the last time. */
  flush() {
    this.flushedAt = performance.now() / 1000;
    if (!prefs().marks || this.model.isLoading.peek()) return;
    const undecided = this.model.undecided.map((event) => event.time_s);
    const decided = this.model.decided.map((event) => event.time_s);
    const parts = reviewedParts(this.seen.stretches, undecided, decided);
    const fresh = without(parts, this.model.reviewed.peek()).filter(({ from, to }) => to - from >= SHORTEST_S);
    if (!fresh.length) return;
    this.model.reviewed.value = merged([...this.model.reviewed.peek(), ...fresh]);
    timings.update((own) => own.review(lengthOf(fresh)));
    for (const { from, to } of fresh) this.onReviewed(Math.ceil(from * 1000) / 1000, Math.floor(to * 1000) / 1000);
  }
}
