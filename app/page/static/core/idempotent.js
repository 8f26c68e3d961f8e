// Requests that make something, and make it once: an answer that was lost is asked for again.

import { newKey } from "../review/sending.js";
import { call } from "./api.js";

/** Sends what is asked for with one `Idempotency-Key` until it is made; what is asked for next has another. */
export class IdempotentPost {
  constructor() {
    this.key = "";
    this.asked = "";
  }

  /**
   * @param {string} path
   * @param {unknown} json
   * @returns {Promise<any>} what was made, now or by an earlier request whose answer was lost
   * @throws {import("./problem.js").Problem}
   */
  send(path, json) {
    return this.#once(JSON.stringify([path, json]), path, { json });
  }

  /**
   * @param {string} path
   * @param {File} file
   * @returns {Promise<any>} as of `send`
   * @throws {import("./problem.js").Problem}
   */
  sendFile(path, file) {
    return this.#once(JSON.stringify([path, file.name, file.size, file.lastModified]), path, { file });
  }

  /** @param {string} asked tells it from other requests @param {string} path @param {{json?: unknown, file?: File}} body */
  async #once(asked, path, body) {
    if (asked !== this.asked) {
      this.asked = asked;
      this.key = newKey();
    }
    const made = await call(path, { method: "POST", ...body, headers: { "idempotency-key": this.key } });
    this.asked = "";
    return made;
  }
}
