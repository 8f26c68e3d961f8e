// Answers that come in another order than they were asked for: none takes the place of a newer one.

export class Latest {
  /** How often anything was asked for. */
  #asked = 0;
  /** @type {Map<string, number>} of each the newest that was answered */
  #answered = new Map();

  /**
   * Ask, and leave the answer if one that was asked for later has come before it.
   *
   * @template T
   * @param {string} what
   * @param {() => Promise<T>} ask
   * @returns {Promise<T | undefined>} undefined: a newer answer is there
   */
  async of(what, ask) {
    this.#asked += 1;
    const number = this.#asked;
    const found = await ask();
    if (number < (this.#answered.get(what) ?? 0)) return undefined;
    this.#answered.set(what, number);
    return found;
  }
}
