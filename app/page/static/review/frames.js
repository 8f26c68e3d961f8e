// Which frame is shown at which time.
//
// Times are the service's: seconds from the file's start. A player is sent to the middle
// of a frame, for at a frame's very beginning it may show the one before.

const USUAL_FPS = 25;

export class FrameTimes {
  /**
   * @param {object} facts
   * @param {number} facts.count frames in the video
   * @param {number} facts.fps frames a second, the mean of a variable rate
   * @param {ArrayLike<number> | null} [facts.times] begin of each frame; null: even
   * @param {number} [facts.start] begin of the first frame of an even rate
   * @param {boolean} [facts.isExact] whether the times are the file's own
   */
  constructor({ count, fps, times = null, start = 0, isExact = true }) {
    this.fps = fps > 0 ? fps : USUAL_FPS;
    this.times = times && times.length ? Float64Array.from(times) : null;
    this.count = Math.max(1, this.times ? this.times.length : Math.round(count));
    this.start = this.times ? this.times[0] : start;
    this.isExact = isExact;
  }

  get isVariable() { return this.times !== null; }

  /** The end of the last frame. */
  get end() { return this.timeOf(this.count - 1) + this.lengthOf(this.count - 1); }

  /** @param {number} frame */
  clamp(frame) { return Math.min(this.count - 1, Math.max(0, Math.round(frame))); }

  /** When a frame begins. @param {number} frame */
  timeOf(frame) {
    const index = this.clamp(frame);
    return this.times ? this.times[index] : this.start + index / this.fps;
  }

  /** How long a frame is shown. @param {number} frame */
  lengthOf(frame) {
    const index = this.clamp(frame);
    if (!this.times || index + 1 >= this.count) return 1 / this.fps;
    return Math.max(0, this.times[index + 1] - this.times[index]);
  }

  /** Where to send a player so that it shows a frame. @param {number} frame */
  middleOf(frame) {
    // After a long gap the middle could lie seconds later: the frame's begin is enough.
    return this.timeOf(frame) + Math.min(this.lengthOf(frame), 4 / this.fps) / 2;
  }

  /** The frame that is shown at a time. @param {number} time */
  frameAt(time) {
    if (!this.times) return this.clamp(Math.floor((time - this.start) * this.fps + 1e-6));
    return this.clamp(bisect(this.times, time + 1e-6) - 1);
  }

  /** The frame that begins nearest to a time, as a player tells it. @param {number} time */
  nearestTo(time) {
    const before = this.frameAt(time);
    const after = this.clamp(before + 1);
    return time - this.timeOf(before) <= this.timeOf(after) - time ? before : after;
  }
}

/**
 * How many of some sorted numbers are at most so large.
 *
 * @param {ArrayLike<number>} sorted
 * @param {number} value
 */
export function bisect(sorted, value) {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Read the answer of `GET /videos/{id}/frames`.
 *
 * @param {{count: number, fps: number, start_s?: number, is_exact?: boolean,
 *   times_s?: number[] | null}} answer
 */
export function framesOf(answer) {
  return new FrameTimes({
    count: answer.count,
    fps: answer.fps,
    start: answer.start_s ?? 0,
    times: answer.times_s ?? null,
    isExact: answer.is_exact ?? true,
  });
}

/**
 * What can be said without frame times.
 *
 * @param {{fps?: number | null, duration_s?: number | null}} facts
 */
export function guessedFrames({ fps, duration_s: duration }) {
  const rate = fps ?? USUAL_FPS;
  return new FrameTimes({ count: (duration ?? 1) * rate, fps: rate, isExact: false });
}
