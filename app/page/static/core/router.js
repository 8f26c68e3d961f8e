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

let address = location.hash;
export const route = signal(read());

addEventListener("hashchange", follow);

/** Read the address, if it is another one by now. */
function follow() {
  if (location.hash === address) return;
  address = location.hash;
  route.value = read();
}

// Both read the address at once: `hashchange` comes later, and what a person changes until
// then would begin from the address before.

/** @param {string} path such as "/videos/ID" */
export function goTo(path) {
  location.hash = `#${path}`;
  follow();
}

/** Go there without a step of the browser's history. @param {string} path */
export function replaceBy(path) {
  location.replace(`#${path}`);
  follow();
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
