// One file on its way straight into the bucket, part by part, where the service has it so. It is used as an upload of
// tus-js-client is: start, abort, and what it tells.

import { call } from "../core/api.js";
import { Problem } from "../core/problem.js";
import { local } from "../core/storage.js";

export const ENDPOINT = "/presigned-uploads";
export const GONE = "upload-not-found"; // also where the bucket has ended it
const STORED = "touchline_bucket_upload:";
const AT_ONCE = 3;
const ADDRESSES = 30; // asked for at once
const COMPLETION_MS = 10 * 60 * 1000;

let isOff = false;

/** The bucket cannot be reached from this browser, though the service can. */
export class BucketUnreachable extends Problem {}

/**
 * @typedef {object} Kept An upload as the browser remembers it.
 * @property {string} key
 * @property {string} path
 * @property {string} name
 * @property {number} size
 *
 * @typedef {object} Stored What the service tells of the parts that the bucket has.
 * @property {{number: number, size_bytes: number, etag: string}[]} items
 * @property {boolean} is_whole
 *
 * @typedef {object} Told
 * @property {(sent: number) => void} onProgress
 * @property {(path: string) => void} onSuccess path of the video
 * @property {(error: Error) => void} onError
 */

export class BucketUpload {
  /**
   * @param {File} file
   * @param {string} path of the upload
   * @param {Told} told
   */
  constructor(file, path, told) {
    this.file = file;
    this.url = path;
    this.told = told;
    this.abortion = new AbortController();
    /** @type {Map<number, number>} bytes that are on their way, by part */
    this.coming = new Map();
    this.arrived = 0;
    this.isRefused = false; // since a part last arrived
  }

  async start() {
    this.abortion = new AbortController();
    const { signal } = this.abortion;
    try {
      const video = await this.send(signal);
      local.removeItem(keyOf(this.file));
      this.told.onSuccess(`/videos/${video}`);
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Problem && error.slug === GONE) local.removeItem(keyOf(this.file));
      this.told.onError(/** @type {Error} */ (error));
    }
  }

  /** @param {boolean} [isForGood] what the bucket has of it goes */
  async abort(isForGood = false) {
    this.abortion.abort();
    if (isForGood) await giveUpKept({ key: keyOf(this.file), path: this.url });
  }

  /**
   * @param {AbortSignal} signal
   * @returns {Promise<string>} the id of the video
   */
  async send(signal) {
    const upload = await call(this.url, { signal });
    if (upload.video_id) return upload.video_id;
    const stored = /** @type {Stored} */ (await call(`${this.url}/parts`, { signal }));
    const parts = new Map(stored.items.map((one) => [one.number, one.size_bytes]));
    this.arrived = stored.is_whole ? this.file.size : sum(parts.values());
    this.tell();
    const missing = stored.is_whole ? [] : missingOf(upload.part_count, parts);
    for (let first = 0; first < missing.length; first += ADDRESSES) {
      const numbers = missing.slice(first, first + ADDRESSES);
      await this.sendSome(numbers, upload.part_size_bytes, signal);
    }
    const video = await call(`${this.url}/complete`, {
      method: "POST", json: {}, signal, patienceMs: COMPLETION_MS,
    });
    return video.id;
  }

  /**
   * @param {number[]} numbers
   * @param {number} partBytes
   * @param {AbortSignal} signal
   */
  async sendSome(numbers, partBytes, signal) {
    const signed = await call(`${this.url}/parts`, { method: "POST", json: { numbers }, signal });
    const waiting = [...signed.items];
    const group = new AbortController(); // One part that fails ends the others.
    const stop = () => group.abort();
    signal.addEventListener("abort", stop);
    const sendNext = async () => {
      for (let part = waiting.shift(); part; part = waiting.shift()) {
        const start = (part.number - 1) * partBytes;
        await this.put(part, this.file.slice(start, start + part.size_bytes), group.signal);
      }
    };
    try {
      await Promise.all(Array.from({ length: AT_ONCE }, sendNext));
    } catch (error) {
      waiting.length = 0;
      stop();
      if (!(error instanceof Problem) || error.isAway || this.isRefused) throw error;
      // The address may have ended; no clock of ours tells. New ones are refused only for good.
      this.isRefused = true;
      throw new Problem(0, { detail: "The bucket refused a part of the file; what arrived is kept." });
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  /**
   * @param {{number: number, url: string}} part
   * @param {Blob} body
   * @param {AbortSignal} signal
   */
  async put(part, body, signal) {
    try {
      await putBlob(part.url, body, signal, (sent) => {
        this.coming.set(part.number, sent);
        this.tell();
      });
      this.arrived += body.size;
      this.isRefused = false;
    } catch (error) {
      const isLost = error instanceof Problem && error.status === 0;
      if (isLost && this.arrived === 0) throw new BucketUnreachable(0, { detail: "The bucket cannot be reached." });
      throw error;
    } finally {
      this.coming.delete(part.number);
    }
    this.tell();
  }

  tell() {
    this.told.onProgress(this.arrived + sum(this.coming.values()));
  }
}

/**
 * Begin an upload, or go on with that of an earlier visit.
 *
 * @param {File} file
 * @param {Record<string, string>} fields
 * @param {Told} told
 * @param {string} requestKey the same one begins one upload, however often it is asked for: each keeps room in the quota
 * @returns {Promise<BucketUpload | null>} null: files go to the service itself
 */
export async function bucketUploadOf(file, fields, told, requestKey) {
  const key = keyOf(file);
  const kept = keptUploads().find((one) => one.key === key);
  if (kept && (await isThere(kept.path))) return new BucketUpload(file, kept.path, told);
  local.removeItem(key);
  if (isOff) return null;
  try {
    const { id } = await call(ENDPOINT, {
      method: "POST", json: { ...fields, size_bytes: file.size }, headers: { "idempotency-key": requestKey },
    });
    const path = `${ENDPOINT}/${id}`;
    local.setItem(key, JSON.stringify({ path, name: file.name, size: file.size }));
    return new BucketUpload(file, path, told);
  } catch (error) {
    if (!(error instanceof Problem) || error.slug !== "presigned-uploads-off") throw error;
    isOff = true;
    return null;
  }
}

/** Send files to the service itself from now on, until the page is loaded anew. */
export function leaveBucket() {
  isOff = true;
}

/** @returns {Kept[]} uploads that this browser began */
export function keptUploads() {
  return local.names().filter((key) => key.startsWith(STORED)).map((key) => (
    { key, ...JSON.parse(local.getItem(key) ?? "{}") }
  ));
}

/** @param {{key: string, path: string}} kept */
export async function giveUpKept({ key, path }) {
  local.removeItem(key);
  await call(path, { method: "DELETE" }).catch(() => {
    // It is gone already, or expires by itself.
  });
}

/**
 * @param {string} path of an upload
 * @returns {Promise<number>} bytes that the bucket has
 */
export async function arrivedOf(path) {
  const { items } = await call(`${path}/parts`);
  return sum(items.map((/** @type {{size_bytes: number}} */ one) => one.size_bytes));
}

/** @param {string} path */
async function isThere(path) {
  try {
    await call(path);
    return true;
  } catch (error) {
    if (error instanceof Problem && error.status === 404) return false;
    throw error;
  }
}

/**
 * @param {number} count
 * @param {Map<number, number>} there
 */
export function missingOf(count, there) {
  return Array.from({ length: count }, (_, place) => place + 1).filter((number) => !there.has(number));
}

/** @param {File} file */
function keyOf(file) {
  return `${STORED}${file.name}:${file.size}:${file.lastModified}`;
}

/** @param {Iterable<number>} numbers */
function sum(numbers) {
  return [...numbers].reduce((total, one) => total + one, 0);
}

/**
 * Send a part; unlike `fetch` this tells how far it is.
 *
 * @param {string} url
 * @param {Blob} body
 * @param {AbortSignal} signal
 * @param {(sent: number) => void} onProgress
 * @returns {Promise<void>}
 */
function putBlob(url, body, signal, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const stop = () => request.abort();
    const end = (/** @type {Problem | null} */ problem) => {
      signal.removeEventListener("abort", stop);
      if (problem) reject(problem);
      else resolve();
    };
    request.open("PUT", url);
    request.upload.onprogress = ({ loaded }) => onProgress(loaded);
    request.onload = () => end(request.status < 300 ? null : refusal(request.status));
    request.onerror = () => end(new Problem(0, { detail: "The connection was lost; what arrived is kept." }));
    request.onabort = () => end(new Problem(0, null));
    signal.addEventListener("abort", stop);
    if (signal.aborted) end(new Problem(0, null));
    else request.send(body);
  });
}

/** @param {number} status */
function refusal(status) {
  if (status >= 500) return new Problem(0, { detail: "The bucket is busy; what arrived is kept." });
  return new Problem(status, { detail: `The bucket refused a part of the file (${status}).` });
}
