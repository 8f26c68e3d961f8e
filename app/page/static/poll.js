// One task again and again: never twice at once, slower while it fails, not at all in
// a hidden tab.

const FIRST_RETRY_MS = 2000, LONGEST_RETRY_MS = 30000;

export class Poll {
  // `task` is async and returns how long to rest; `onFailure` takes the problem and
  // the time until the next try.
  constructor(task, { onFailure }) {
    Object.assign(this, { task, onFailure });
    this.failures = 0;
    this.current = null;
    this.next = null;
    document.addEventListener("visibilitychange", () => {
      clearTimeout(this.timer);
      if (!document.hidden) this.now();
    });
    window.addEventListener("online", () => this.now());
  }

  // Run at once, or once more after the run that is under way; kept when the task has
  // run from its beginning to its end.
  now() {
    if (this.current) {
      this.next ??= this.current.then(() => { this.next = null; return this.now(); });
      return this.next;
    }
    clearTimeout(this.timer);
    this.current = this.run().finally(() => { this.current = null; });
    return this.current;
  }

  async run() {
    let rest;
    try {
      rest = await this.task();
      this.failures = 0;
    } catch (problem) {
      rest = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.failures);
      this.failures += 1;
      this.onFailure(problem, rest);
    }
    if (!document.hidden) this.timer = setTimeout(() => this.now(), rest);
  }
}
