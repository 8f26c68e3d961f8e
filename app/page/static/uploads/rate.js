// How fast bytes go, over the last seconds: a pause or a resumed start does not count.

const WINDOW_MS = 8000;

export class Rate {
  constructor() {
    /** @type {{at: number, bytes: number}[]} */
    this.samples = [];
  }

  /**
   * @param {number} bytes sent so far, in all
   * @param {number} at in ms, of any clock that does not go back
   */
  note(bytes, at) {
    const last = this.samples.at(-1);
    if (last && bytes < last.bytes) this.samples = [];
    this.samples.push({ at, bytes });
    while (this.samples.length > 2 && this.samples[0].at < at - WINDOW_MS) this.samples.shift();
  }

  reset() {
    this.samples = [];
  }

  /** @returns {number | null} bytes a second; null: not known yet */
  get bytesPerS() {
    const first = this.samples[0], last = this.samples.at(-1);
    if (!first || !last || last.at - first.at < 500) return null;
    return ((last.bytes - first.bytes) / (last.at - first.at)) * 1000;
  }
}
