// What went wrong, in words for the user: an answer of the API, or none.

/**
 * @typedef {object} ProblemBody The body of application/problem+json; more by kind.
 * @property {string} [type]
 * @property {string} [title]
 * @property {string} [detail]
 */

export class Problem extends Error {
  /**
   * @param {number} status HTTP status; 0: no answer came
   * @param {(ProblemBody & Record<string, any>) | null} body
   */
  constructor(status, body) {
    super(body?.detail ?? body?.title ?? `The server answered ${status}.`);
    this.name = "Problem";
    this.status = status;
    /** The kind: the last part of the problem's type. */
    this.slug = body?.type?.split("/").pop();
    this.body = body;
  }

  /** Whether the server is away, so that the same call may work later. */
  get isAway() {
    return this.status === 0 || this.status >= 500;
  }
}

/** @param {Response} answer */
export async function problemOf(answer) {
  try {
    return new Problem(answer.status, await answer.json());
  } catch {
    return new Problem(answer.status, null);
  }
}
