// Which view the address asks for. A new view is a line here and one in app.js.

import { signal } from "@preact/signals";

const ID = "([0-9a-f-]+)";

/** The first that fits; what fits none is the library. */
const PLACES = /** @type {const} */ ({
  video: new RegExp(`^/videos/${ID}$`),
  statistics: new RegExp(`^/videos/${ID}/statistics$`),
  compare: /^\/compare$/,
  live: /^\/live$/,
  clips: /^\/clips$/,
  search: /^\/search$/,
  teach: /^\/teach$/,
  "teach-training": new RegExp(`^/teach/trainings/${ID}$`),
  "teach-comparison": new RegExp(`^/teach/comparisons/${ID}$`),
  "teach-model": /^\/teach\/models\/([^/]+)$/,
  types: /^\/types$/,
  settings: /^\/settings$/,
});

/**
 * @typedef {object} Route
 * @property {"library" | keyof typeof PLACES} name
 * @property {string} id of the video, training, comparison or model; empty for views that are of none
 * @property {URLSearchParams} query what follows ? inside the hash
 */

export const route = signal(read());

addEventListener("hashchange", () => {
  route.value = read();
});

/** @param {string} path such as "/videos/ID" */
export function goTo(path) {
  location.hash = `#${path}`;
}

/** @returns {Route} */
function read() {
  const [path, query] = location.hash.replace(/^#/, "").split("?");
  const names = /** @type {(keyof typeof PLACES)[]} */ (Object.keys(PLACES));
  const name = names.find((one) => PLACES[one].test(path)) ?? "library";
  const id = name === "library" ? "" : path.match(PLACES[name])?.[1] ?? "";
  return { name, id: decoded(id), query: new URLSearchParams(query) };
}

/** @param {string} part of an address that a person may have mistyped */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
