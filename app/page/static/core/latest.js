// Answers that come in another order than they were asked for: the one that was asked for last counts.

export class Latest {
  /** @type {Map<string, number>} how often each was asked for */
  #asked = new Map();

  /**
   * Ask, and leave the answer if the same was asked for again meanwhile.
   *
   * @template T
   * @param {string} what
   * @param {() => Promise<T>} ask
   * @returns {Promise<T | undefined>} undefined: a later answer is on its way
   */
  async of(what, ask) {
    const number = (this.#asked.get(what) ?? 0) + 1;
    this.#asked.set(what, number);
    const found = await ask();
    return this.#asked.get(what) === number ? found : undefined;
  }
}
