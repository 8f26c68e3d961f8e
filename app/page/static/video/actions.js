// What a user does with a whole video.

import { call, download, request } from "../core/api.js";
import { titleOf } from "./words.js";

/** @typedef {import("./types.js").Video} Video */

/**
 * @param {Video} video
 * @param {string} [model] a name of GET /models; none: the default
 */
export async function analyse(video, model) {
  await call(`/videos/${video.id}/jobs`, { method: "POST", json: model ? { model } : undefined });
}

/** @param {Video} video */
export async function cancel(video) {
  await call(`/jobs/${video.job.id}/cancel`, { method: "POST" });
}

/** @param {Video} video */
export async function remove(video) {
  await call(`/videos/${video.id}`, { method: "DELETE" });
}

/**
 * Change title and match facts; refused (412) when somebody else changed them meanwhile.
 *
 * @param {Video} video as it was seen
 * @param {Record<string, unknown>} changes what is left out stays, null clears
 * @returns {Promise<Video>} as it is now
 */
export async function changeFacts(video, changes) {
  const ifMatch = video.facts_version === undefined ? undefined : `"${video.facts_version}"`;
  return (await request(`/videos/${video.id}`, { method: "PATCH", json: changes, ifMatch })).body;
}

/**
 * Save the events as a file of the user's.
 *
 * @param {Video} video
 * @param {string} format as GET /videos/{id}/events takes it: csv, soccernet ...
 * @param {string} ending of the file's name
 * @param {URLSearchParams} [query] which events: type, min_score ...
 */
export async function downloadEvents(video, format, ending, query = new URLSearchParams()) {
  const asked = new URLSearchParams(query);
  asked.set("format", format);
  await download(`/videos/${video.id}/events?${asked}`, `${titleOf(video)}.${ending}`);
}
