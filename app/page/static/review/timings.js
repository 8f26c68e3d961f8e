// How long decisions take, if a person wants that measured. Nothing leaves the browser.

export const STORED_AT = "touchline_timings";
const IDLE_S = 30;
const MOST = 500;

/** Minutes of work for a minute of video by hand, until a person says otherwise. */
export const BY_HAND = 3;

/**
 * @typedef {object} StoredTimings
 * @property {boolean} isOn
 * @property {number} byHand minutes of work for a minute of video labelled from nothing
 * @property {number} activeS seconds at work
 * @property {number} reviewedS seconds of video reviewed in that time
 * @property {number} decisions
 * @property {number[]} lastS seconds of the latest decisions
 */

/** @returns {StoredTimings} */
export function noTimings() {
  return { isOn: false, byHand: BY_HAND, activeS: 0, reviewedS: 0, decisions: 0, lastS: [] };
}

export class Timings {
  /** @param {Partial<StoredTimings>} [stored] */
  constructor(stored = {}) {
    this.stored = { ...noTimings(), ...stored };
    /** @type {number | null} */
    this.lastAct = null;
    /** @type {number | null} */
    this.lastDecision = null;
  }

  get isOn() { return this.stored.isOn; }

  /** A key, a click or a shown frame at `now` seconds: time since the last one was work. */
  act(/** @type {number} */ now) {
    if (!this.isOn) return;
    if (this.lastAct !== null) this.stored.activeS += Math.max(0, Math.min(now - this.lastAct, IDLE_S));
    this.lastAct = now;
  }

  /** A decision was made. */
  decide(/** @type {number} */ now) {
    if (!this.isOn) return;
    this.act(now);
    const took = this.lastDecision === null ? null : now - this.lastDecision;
    this.lastDecision = now;
    this.stored.decisions += 1;
    if (took !== null && took <= IDLE_S) this.stored.lastS = [...this.stored.lastS, took].slice(-MOST);
  }

  /** So much video was reviewed. */
  review(/** @type {number} */ seconds) { if (this.isOn) this.stored.reviewedS += seconds; }

  /** The median time from one decision to the next; null: not known yet. */
  get perDecision() {
    const sorted = [...this.stored.lastS].sort((a, b) => a - b);
    return sorted.length ? sorted[sorted.length >> 1] : null;
  }

  /** Minutes that were saved against labelling by hand; below 0 where it took longer. */
  get savedMin() {
    const { reviewedS, byHand, activeS } = this.stored;
    return (reviewedS * byHand - activeS) / 60;
  }
}

/** @param {Pick<Storage, "getItem">} storage */
export function loadTimings(storage) {
  try { return new Timings(JSON.parse(storage.getItem(STORED_AT) ?? "{}")); } catch { return new Timings(); }
}

/**
 * @param {Pick<Storage, "setItem">} storage
 * @param {Timings} timings
 */
export function saveTimings(storage, timings) {
  storage.setItem(STORED_AT, JSON.stringify(timings.stored));
}
