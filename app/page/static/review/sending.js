// Small facts about sending decisions: keys, what may be tried again, what is the same.

import { Problem } from "../core/problem.js";
import { local, tab } from "../core/storage.js";

/** A name that no other request has. Pages that are not served by https have no randomUUID. */
export function newKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Whether sending the same again may work. @param {unknown} error */
export function isTransient(error) {
  if (!(error instanceof Problem)) return true;
  return error.isAway || error.slug === "idempotency-key-in-use" || error.status === 401 || error.status === 429 || error.status === 408;
}

/**
 * Where this tab keeps what is unsent. A tab keeps its place over a reload; what a closed
 * tab left is taken over, if no other tab holds it.
 *
 * @param {string} videoId
 * @returns {Promise<{place: string, release: () => void}>}
 */
export async function unsentPlace(videoId) {
  const prefix = `touchline_unsent/${videoId}/`;
  let place = tab.getItem(prefix) ?? prefix + newKey();
  let held = await hold(place);
  if (!held) { // A duplicated tab has a copy of the place.
    place = prefix + newKey();
    held = await hold(place);
  }
  tab.setItem(prefix, place);
  const left = local.names().filter((name) => name.startsWith(prefix) && name !== place);
  for (const name of left) {
    const taken = await hold(name);
    if (!taken) continue;
    local.setItem(place, JSON.stringify([...read(name), ...read(place)]));
    local.removeItem(name);
    taken();
  }
  return { place, release: held ?? (() => {}) };
}

/**
 * @param {string} name
 * @returns {any[]}
 */
function read(name) {
  try { return JSON.parse(local.getItem(name) ?? "[]"); } catch { return []; }
}

/**
 * Hold a name until it is released or the page is closed; null: another tab does.
 *
 * @param {string} name
 * @returns {Promise<(() => void) | null>}
 */
function hold(name) {
  if (!navigator.locks) return Promise.resolve(() => {});
  return new Promise((resolve) => {
    navigator.locks.request(name, { ifAvailable: true }, (lock) => {
      if (!lock) return resolve(null);
      return new Promise((done) => { resolve(() => done(undefined)); });
    }).catch(() => resolve(() => {}));
  });
}
