// What the Live view knows: the streams, and the models that can follow one.

import { signal } from "@preact/signals";
import { call } from "../core/api.js";
import { tell } from "../core/notices.js";
import { Poll } from "../core/poll.js";
import { isOpen } from "./words.js";

/** @typedef {import("./types.js").LiveStream} LiveStream */

const BUSY_MS = 1000, CALM_MS = 10000;

/** The newest first; null: not known yet. @type {import("@preact/signals").Signal<LiveStream[] | null>} */
export const streams = signal(null);
/** @type {import("@preact/signals").Signal<{name: string, look_ahead_s?: number | null}[]>} */
export const models = signal([]);

/** @type {Poll | null} */
let poll = null;

/** Keep the list up to date until the view is left. */
export function watch() {
  const own = new Poll(async () => {
    streams.value = (await call("/live?limit=50")).items;
    return streams.peek()?.some(isOpen) ? BUSY_MS : CALM_MS;
  }, { onFailure: tell });
  poll = own;
  own.now();
  call("/models").then(({ items }) => {
    models.value = items.filter((/** @type {any} */ one) => !one.problem && typeof one.look_ahead_s === "number");
  }, tell);
  return () => {
    own.stop();
    if (poll === own) poll = null;
  };
}

/** Ask again at once, after something was done. */
export async function refresh() { await poll?.now(); }

/**
 * Begin a stream.
 *
 * @param {Record<string, unknown>} wanted as `POST /live` takes it
 * @param {import("../core/idempotent.js").IdempotentPost} post the same one makes the stream once, also if its answer was lost
 * @returns {Promise<string>} the id of its video
 */
export async function begin(wanted, post) {
  const video = await post.send("/live", wanted);
  await refresh();
  return video.id;
}
