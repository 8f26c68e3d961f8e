// How late a person presses a key after what they see, learnt from their own nudges.

export const STORED_AT = "touchline_reaction";
const MOST = 50;
const LEAST = 5;
const LONGEST_S = 2;

export class Reaction {
  /** @param {{set?: number | null, samples?: number[]}} [stored] */
  constructor({ set = null, samples = [] } = {}) {
    /** What the person chose, in seconds; null: what was learnt. */
    this.set = set;
    this.samples = samples.slice(-MOST);
  }

  /** The median of what was learnt; null while too little is known. */
  get learnt() {
    if (this.samples.length < LEAST) return null;
    const sorted = [...this.samples].sort((a, b) => a - b);
    const half = sorted.length >> 1;
    return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
  }

  get seconds() { return this.set ?? this.learnt ?? 0; }

  /**
   * Where something happened, for a key pressed while the video played. At twice the
   * speed the video has gone twice as far.
   *
   * @param {number} time the playhead's
   * @param {number} rate
   */
  back(time, rate) { return time - this.seconds * rate; }

  /**
   * Learn from an event that was tagged while the video played and moved since.
   *
   * @param {{playhead: number, rate: number, time: number}} tagged times of the playhead
   *   when the key was pressed and of the event now
   */
  learn({ playhead, rate, time }) {
    const sample = (playhead - time) / rate;
    if (!(Math.abs(sample) <= LONGEST_S)) return this;
    return new Reaction({ set: this.set, samples: [...this.samples, sample] });
  }

  /** @param {number | null} seconds */
  setTo(seconds) { return new Reaction({ set: seconds, samples: this.samples }); }

  toJSON() { return { set: this.set, samples: this.samples }; }
}

/** @param {Pick<Storage, "getItem">} storage */
export function loadReaction(storage) {
  try {
    const stored = JSON.parse(storage.getItem(STORED_AT) ?? "{}");
    const samples = Array.isArray(stored.samples) ? stored.samples.filter(Number.isFinite) : [];
    return new Reaction({ set: Number.isFinite(stored.set) ? stored.set : null, samples });
  } catch {
    return new Reaction();
  }
}
