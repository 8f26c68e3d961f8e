// How matches are called, each asked for once.

import { signal } from "@preact/signals";
import { call } from "../core/api.js";
import { titleOf } from "../video/words.js";

/** @type {import("@preact/signals").Signal<Record<string, string>>} */
const titles = signal({});
/** @type {Set<string>} */
const asked = new Set();

/** The title of a match; until it is known, a word in its place. @param {string} id */
export function titleOfVideo(id) {
  return titles.value[id] ?? "a match";
}

/** @param {Iterable<string>} ids */
export function learnTitles(ids) {
  for (const id of ids) {
    if (asked.has(id)) continue;
    asked.add(id);
    call(`/videos/${id}`).then((video) => {
      titles.value = { ...titles.peek(), [id]: titleOf(video) };
    }, () => {
      titles.value = { ...titles.peek(), [id]: "a match that is not here any more" };
    });
  }
}
