// Events that were tagged while the video played: where the key was pressed, to learn from what is moved afterwards.

import { reaction } from "./prefs.js";

export class Tagged {
  constructor() {
    /** @type {Map<string, {playhead: number, rate: number, moved: boolean}>} */
    this.byId = new Map();
  }

  /** @param {string} id of the event @param {number} playhead seconds @param {number} rate */
  add(id, playhead, rate) { this.byId.set(id, { playhead, rate, moved: false }); }

  /** The event was moved. @param {string} id */
  move(id) {
    const tag = this.byId.get(id);
    if (tag) tag.moved = true;
  }

  /** @param {string} local @param {string} real */
  rename(local, real) {
    const tag = this.byId.get(local);
    if (tag) this.byId.delete(local) && this.byId.set(real, tag);
  }

  /** Learn from those that have been moved since. @param {import("./events.js").EventTable} table */
  learn(table) {
    for (const [id, { playhead, rate, moved }] of this.byId) {
      const event = table.get(id);
      if (!event || !moved) continue;
      reaction.set(reaction.now.learn({ playhead, rate, time: event.time_s }));
      this.byId.delete(id);
    }
  }
}
