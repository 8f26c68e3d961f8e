// One task again and again: never twice at once, slower while it fails, not at all in
// a hidden tab.

const FIRST_RETRY_MS = 2000, LONGEST_RETRY_MS = 30000;

export class Poll {
  /**
   * @param {() => Promise<number>} task returns how long to rest, in ms
   * @param {{onFailure: (error: any, rest: number) => void}} options rest: until the next try
   */
  constructor(task, { onFailure }) {
    this.task = task;
    this.onFailure = onFailure;
    this.failures = 0;
    this.timer = 0;
    this.isStopped = false;
    /** @type {Promise<void> | null} */
    this.current = null;
    /** @type {Promise<void> | null} */
    this.next = null;
    this.onVisibility = () => {
      clearTimeout(this.timer);
      if (!document.hidden) this.now();
    };
    this.onOnline = () => {
      this.now();
    };
    document.addEventListener("visibilitychange", this.onVisibility);
    addEventListener("online", this.onOnline);
  }

  /**
   * Run at once, or once more after the run that is under way; kept when the task has
   * run from its beginning to its end.
   *
   * @returns {Promise<void>}
   */
  now() {
    if (this.isStopped) return Promise.resolve();
    if (this.current) {
      this.next ??= this.current.then(() => {
        this.next = null;
        return this.now();
      });
      return this.next;
    }
    clearTimeout(this.timer);
    this.current = this.run().finally(() => {
      this.current = null;
    });
    return this.current;
  }

  stop() {
    this.isStopped = true;
    clearTimeout(this.timer);
    document.removeEventListener("visibilitychange", this.onVisibility);
    removeEventListener("online", this.onOnline);
  }

  async run() {
    let rest;
    try {
      rest = await this.task();
      this.failures = 0;
    } catch (error) {
      rest = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.failures);
      this.failures += 1;
      if (!this.isStopped) this.onFailure(error, rest);
    }
    if (!document.hidden && !this.isStopped) this.timer = setTimeout(() => this.now(), rest);
  }
}
