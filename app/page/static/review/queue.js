// Decisions on their way to the service: kept until it has them, sent in order.
//
// What cannot be sent stays in the browser's storage and outlives a reload. One is sent
// at a time, for a later one may need what an earlier one made (an added event's id).

/** @typedef {import("./types.js").ReviewEvent} ReviewEvent */

/**
 * @typedef {object} Decision What waits to be sent.
 * @property {string} key names it; the service sees the same one when it is sent again
 * @property {"add" | "change" | "undo" | "redo" | "reviewed"} does
 * @property {string} [eventId] a local one (`new-...`) until an added event has its own
 * @property {number} [version] the version of the event that the person saw
 * @property {Record<string, unknown>} [body]
 * @property {ReviewEvent | null} [before] the event as it was shown, to take it back
 * @property {boolean} [isRetry] whether it was sent and no answer came
 *
 * @typedef {object} Answer
 * @property {Record<string, string>} [ids] local ids that have a real one now
 *
 * @typedef {"sent" | "later" | "refused"} Fate
 */

export class UnsentQueue {
  /**
   * @param {object} parts
   * @param {Pick<Storage, "getItem" | "setItem" | "removeItem">} parts.storage
   * @param {string} parts.at the storage's key
   * @param {(decision: Decision) => Promise<Answer | void>} parts.send
   * @param {(error: unknown) => boolean} parts.isTransient whether sending again may help
   * @param {(decision: Decision, error: unknown) => void} parts.onRefused
   * @param {() => void} [parts.onChange]
   * @param {(error: unknown) => void} [parts.onWaiting] it could not be sent, and is sent again later
   */
  constructor({ storage, at, send, isTransient, onRefused, onChange = () => {}, onWaiting = () => {} }) {
    this.storage = storage;
    this.at = at;
    this.send = send;
    this.isTransient = isTransient;
    this.onRefused = onRefused;
    this.onChange = onChange;
    this.onWaiting = onWaiting;
    /** @type {Decision[]} */
    this.waiting = this.stored();
    /** @type {Promise<void> | null} */
    this.sending = null;
    this.isOnline = true;
    this.isStopped = false;
  }

  /** @returns {Decision[]} */
  stored() {
    try {
      const found = JSON.parse(this.storage.getItem(this.at) ?? "[]");
      return Array.isArray(found) ? found : [];
    } catch {
      return [];
    }
  }

  get length() { return this.waiting.length; }

  /** @param {Decision} decision */
  add(decision) {
    this.waiting.push(decision);
    this.keep();
    return this.flush();
  }

  /**
   * Take the latest decision on an event back, if it was not sent yet.
   *
   * @returns {Decision | null}
   */
  takeBack() {
    const at = this.waiting.findLastIndex(({ does }) => does !== "reviewed");
    const last = this.waiting[at];
    if (!last || (last.does !== "add" && last.does !== "change")) return null;
    if (last.isRetry || (at === 0 && this.sending !== null)) return null;
    this.waiting.splice(at, 1);
    this.keep();
    return last;
  }

  /** Send what waits, in order, until all is sent or the service is away. */
  flush() {
    this.sending ??= this.sendAll().finally(() => { this.sending = null; });
    return this.sending;
  }

  async sendAll() {
    while (this.waiting.length && !this.isStopped) {
      const next = this.waiting[0];
      try {
        const answer = await this.send(next);
        this.isOnline = true;
        this.waiting.shift();
        for (const [local, real] of Object.entries(answer?.ids ?? {})) this.rename(local, real);
      } catch (error) {
        if (this.isStopped) return; // Whoever opens the page next sends it again and sees why.
        if (this.isTransient(error)) {
          next.isRetry = true;
          this.isOnline = false;
          this.keep();
          this.onWaiting(error);
          return;
        }
        this.isOnline = true;
        this.waiting.shift();
        this.onRefused(next, error);
      }
      this.keep(next);
    }
  }

  /**
   * @param {string} local
   * @param {string} real
   */
  rename(local, real) {
    for (const decision of this.waiting) {
      if (decision.eventId !== local) continue;
      decision.eventId = real;
      if (decision.before) decision.before = { ...decision.before, id: real };
    }
  }

  /**
   * Forget what waits for an event, as its first change was refused.
   *
   * @param {string} eventId
   * @returns {Decision[]} what is forgotten
   */
  drop(eventId) {
    const dropped = this.waiting.filter((decision) => decision.eventId === eventId);
    this.waiting = this.waiting.filter((decision) => decision.eventId !== eventId);
    this.keep();
    return dropped;
  }

  /** Let later changes of an event rest on its newer version. */
  rebase(/** @type {string} */ eventId, /** @type {number} */ version) {
    for (const decision of this.waiting) {
      if (decision.eventId !== eventId) continue;
      decision.version = version;
      if (decision.before) decision.before = { ...decision.before, version };
    }
  }

  /**
   * Write down what waits.
   *
   * @param {Decision} [settled] what has just come to its end
   */
  keep(settled) {
    // What a stopped queue left may be another's by now, with more of its own.
    const left = this.isStopped ? this.stored().filter(({ key }) => key !== settled?.key) : this.waiting;
    if (left.length) this.storage.setItem(this.at, JSON.stringify(left));
    else this.storage.removeItem(this.at);
    this.onChange();
  }

  stop() { this.isStopped = true; }
}
