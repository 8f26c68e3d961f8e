// Calls of the API: JSON in, JSON out; a problem becomes an Error in words.

import { accessHeaders, loadSession } from "./access.js";
import { addressOf } from "./address.js";
import { Problem, problemOf } from "./problem.js";

const PATIENCE_MS = 30000;

/**
 * @typedef {object} CallOptions
 * @property {string} [method]
 * @property {unknown} [json] the body
 * @property {Blob} [file] the body, in place of `json`
 * @property {string} [ifMatch] the ETag that the caller has seen
 * @property {string} [ifNoneMatch]
 * @property {Record<string, string>} [headers]
 * @property {AbortSignal} [signal]
 * @property {number} [patienceMs] how long the answer is waited for
 */

/**
 * Ask for JSON.
 *
 * @param {string} path
 * @param {CallOptions} [options]
 * @returns {Promise<any>} the body; null: none
 * @throws {Problem}
 */
export async function call(path, options = {}) {
  return (await request(path, options)).body;
}

/**
 * Ask for JSON, and see the answer's status and ETag as well.
 *
 * @param {string} path
 * @param {CallOptions} [options]
 * @returns {Promise<{status: number, body: any, etag: string | null}>} body null: none, also with 304
 * @throws {Problem}
 */
export async function request(path, options = {}) {
  try {
    return await requestOnce(path, options);
  } catch (error) {
    // Another tab has signed in anew, so our token is not that of the session any more.
    if (!(error instanceof Problem) || error.slug !== "cross-site-refused") throw error;
    await loadSession();
    return requestOnce(path, options);
  }
}

/**
 * @param {string} path
 * @param {CallOptions} options
 */
async function requestOnce(path, { method = "GET", json, file, ifMatch, ifNoneMatch, headers: more, signal, patienceMs }) {
  const headers = { ...accessHeaders(), ...more };
  if (json !== undefined) headers["content-type"] = "application/json";
  if (ifMatch) headers["if-match"] = ifMatch;
  if (ifNoneMatch) headers["if-none-match"] = ifNoneMatch;
  if (file) headers["content-type"] = "application/octet-stream";
  const body = file ?? (json === undefined ? undefined : JSON.stringify(json));
  return patiently(signal, patienceMs ?? PATIENCE_MS, async (patience) => {
    const answer = await fetch(addressOf(path), { method, headers, body, signal: patience });
    if (!answer.ok && answer.status !== 304) throw await problemOf(answer);
    const isJson = answer.headers.get("content-type")?.includes("json");
    return { status: answer.status, body: isJson ? await answer.json() : null, etag: answer.headers.get("etag") };
  });
}

/**
 * Give every page of a list, one after the other.
 *
 * @param {string} path
 * @param {Record<string, string> | URLSearchParams} query
 * @param {{signal?: AbortSignal}} [options]
 * @returns {AsyncGenerator<any[]>}
 */
export async function* pagesOf(path, query, { signal } = {}) {
  let cursor = null;
  do {
    const asked = new URLSearchParams(query);
    if (cursor) asked.set("cursor", cursor);
    const page = await call(`${path}?${asked}`, { signal });
    yield page.items;
    cursor = page.next_cursor;
  } while (cursor);
}

/**
 * Save an answer as a file of the user's.
 *
 * @param {string} path
 * @param {string} filename
 */
export async function download(path, filename) {
  const answer = await fetch(addressOf(path), { headers: accessHeaders() });
  if (!answer.ok) throw await problemOf(answer);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await answer.blob());
  link.download = filename;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

/**
 * @template T
 * @param {AbortSignal | undefined} signal of the caller
 * @param {number} patienceMs
 * @param {(patience: AbortSignal) => Promise<T>} ask
 * @returns {Promise<T>}
 */
async function patiently(signal, patienceMs, ask) {
  const patience = new AbortController();
  const stop = () => patience.abort();
  const timer = setTimeout(stop, patienceMs);
  signal?.addEventListener("abort", stop);
  try {
    signal?.throwIfAborted();
    return await ask(patience.signal);
  } catch (error) {
    if (error instanceof Problem || signal?.aborted) throw error;
    const detail = patience.signal.aborted ? "The server does not answer." : "The server cannot be reached.";
    throw new Problem(0, { detail });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
  }
}
