// Files that are one match: sent one by one, and made one video when all have come.

import { signal } from "@preact/signals";
import { IdempotentPost } from "../core/idempotent.js";
import { refreshSoon } from "../library/store.js";
import { newKey } from "../review/sending.js";

/**
 * @typedef {"halves" | "consecutive"} PartsKind
 * @typedef {import("./transfer.js").Transfer} Transfer
 * @typedef {import("./transfer.js").Fields} Fields
 */

export const MOST_PARTS = 20;
/* What a part is sent with: no model looks at it, nobody is told of it. */
export const PART_FIELDS = { title: "", model: "none", callback_url: "" };

/** @type {import("@preact/signals").Signal<MatchParts[]>} */
export const matches = signal([]);

export class MatchParts {
  /**
   * @param {Transfer[]} transfers in the order of play
   * @param {PartsKind} kind
   * @param {Fields} fields of the match
   */
  constructor(transfers, kind, fields) {
    this.id = newKey(); // of its row on the page
    this.post = new IdempotentPost();
    this.transfers = transfers;
    this.kind = kind;
    this.fields = fields;
    /** @type {import("@preact/signals").Signal<"sending" | "joining" | "failed" | "done">} */
    this.state = signal("sending");
    this.problem = signal("");
  }

  /** Ask for the video once all parts are there; the parts go when it is made. */
  async goOn() {
    if (!["sending", "failed"].includes(this.state.value) || !this.transfers.every((one) => one.isOver)) return;
    this.state.value = "joining";
    const given = Object.fromEntries(Object.entries(this.fields).filter(([, value]) => value));
    const videos = this.transfers.map((one) => one.videoId.value);
    try {
      await this.post.send("/videos", { videos, parts: this.kind, keep_originals: false, ...given });
    } catch (error) {
      this.problem.value = /** @type {Error} */ (error).message;
      this.state.value = "failed";
      return;
    }
    this.state.value = "done";
    leave(this);
    await refreshSoon();
  }
}

/** @param {MatchParts} match */
export function leave(match) {
  matches.value = matches.value.filter((one) => one !== match);
}

/**
 * Guess how files belong together: `1_match.mp4` and `2_match.mp4` are halves.
 *
 * @param {string[]} names
 * @returns {PartsKind}
 */
export function kindOf(names) {
  const isHalves = names.length === 2 && names.every((name, index) => new RegExp(`^${index + 1}[_ -]`).test(name));
  return isHalves ? "halves" : "consecutive";
}

/** Put chapters of a camera (GX010042, GX020042) and halves in their order. @param {File[]} files */
export function inOrder(files) {
  return [...files].sort((one, other) => one.name.localeCompare(other.name, undefined, { numeric: true }));
}
