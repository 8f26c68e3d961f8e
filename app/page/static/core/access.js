// Who asks: a session that was opened with a key, and the name of who reviews.
//
// The key itself is kept nowhere. The session's cookie is one that no script can read; with
// every change its CSRF token is sent, which only a page of this service can ask for.

import { signal } from "@preact/signals";
import { addressOf } from "./address.js";
import { persisted } from "./persisted.js";
import { Problem, problemOf } from "./problem.js";

// Where earlier releases kept the key.
const EARLIER = "touchline_key";

/**
 * @typedef {object} Session
 * @property {string} name of the key; "local": none is asked for
 * @property {string[]} scopes
 * @property {string | null} csrf_token null: no session, this machine alone may come in
 */

export const reviewer = persisted("touchline_reviewer", "");

/** @type {import("@preact/signals").Signal<Session | null>} null: not known, or a key is needed */
export const session = signal(null);

/** Ask who this browser is; without an answer it stays unknown. */
export async function loadSession() {
  await takeEarlierKey();
  try {
    session.value = await ask("GET");
  } catch {
    session.value = null;
  }
}

/**
 * @param {string} key
 * @throws {Problem}
 */
export async function signIn(key) {
  session.value = await ask("POST", { key });
}

export async function signOut() {
  try {
    await ask("DELETE");
  } catch (error) {
    // Another tab has signed in anew, so our token is not that of the session any more.
    if (!(error instanceof Problem) || error.slug !== "cross-site-refused") throw error;
    await loadSession();
    await ask("DELETE");
  }
  session.value = null;
}

/** @returns {Record<string, string>} headers that say who asks */
export function accessHeaders() {
  /** @type {Record<string, string>} */
  const headers = {};
  if (session.value?.csrf_token) headers["x-csrf-token"] = session.value.csrf_token;
  if (reviewer.value) headers["touchline-author"] = encodeURIComponent(reviewer.value);
  return headers;
}

/**
 * @param {string} method
 * @param {unknown} [json]
 */
async function ask(method, json) {
  /** @type {Response} */
  let answer;
  try {
    const body = json === undefined ? undefined : JSON.stringify(json);
    answer = await fetch(addressOf("/session"), { method, body, headers: { ...accessHeaders(), "content-type": "application/json" } });
  } catch {
    throw new Problem(0, { detail: "The server cannot be reached." });
  }
  if (!answer.ok) throw await problemOf(answer);
  return answer.status === 204 ? null : await answer.json();
}

/** Sign in once with the key that an earlier release kept, and keep it no longer. */
async function takeEarlierKey() {
  try {
    const key = localStorage.getItem(EARLIER);
    if (key === null) return;
    localStorage.removeItem(EARLIER);
    document.cookie = `${EARLIER}=; path=/videos; max-age=0; samesite=strict`;
    if (key) await signIn(key);
  } catch {
    // No storage, or the key is not valid any more: it is asked for.
  }
}
