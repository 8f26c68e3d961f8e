// The files on their way: they go on while other views are shown, two at a time.

import { signal } from "@preact/signals";
import { accessHeaders } from "../core/access.js";
import { refreshSoon } from "../library/store.js";
import { arrivedOf, ENDPOINT as BUCKET, giveUpKept, keptUploads } from "./bucket_upload.js";
import { leave, MatchParts, matches, PART_FIELDS } from "./match_parts.js";
import { Transfer } from "./transfer.js";

const AT_ONCE = 2;

/**
 * @typedef {object} Interrupted An upload of an earlier visit: its file must be chosen again.
 * @property {string} key in the browser's storage
 * @property {string} url of the upload
 * @property {string} name
 * @property {number} size
 */

/** @type {import("@preact/signals").Signal<Transfer[]>} */
export const transfers = signal([]);
/** @type {import("@preact/signals").Signal<Interrupted[]>} */
export const interrupted = signal([]);

addEventListener("beforeunload", (event) => {
  if (transfers.value.some((one) => !["done", "known", "failed"].includes(one.state.value))) event.preventDefault();
});

/**
 * @param {File[]} files
 * @param {import("./transfer.js").Fields} fields the title only counts for a single file
 */
export function send(files, fields) {
  const added = files.map((file) => {
    const own = files.length > 1 ? { ...fields, title: "" } : fields;
    return new Transfer(file, own, { onChange: goOn });
  });
  transfers.value = [...transfers.value, ...added];
  goOn();
}

/**
 * Send files that are one match: they become one video when all are there.
 *
 * @param {File[]} files in the order of play
 * @param {import("./transfer.js").Fields} fields of the match
 * @param {import("./match_parts.js").PartsKind} kind
 */
export function sendMatch(files, fields, kind) {
  const added = files.map((file) => new Transfer(file, PART_FIELDS, { onChange: goOn, isPart: true }));
  matches.value = [...matches.value, new MatchParts(added, kind, fields)];
  transfers.value = [...transfers.value, ...added];
  goOn();
}

/** @param {Transfer} transfer one of a match leaves the others as they are: videos of their own */
export async function cancelTransfer(transfer) {
  const match = matches.value.find((one) => one.transfers.includes(transfer));
  if (match) leave(match);
  forget(transfer);
  await transfer.cancel();
}

/** @param {Transfer} transfer */
export function forget(transfer) {
  transfers.value = transfers.value.filter((one) => one !== transfer);
}

/** Find uploads of earlier visits that this page does not carry on. */
export async function findInterrupted() {
  const { defaultOptions } = await import("tus-js-client");
  const stored = await defaultOptions.urlStorage.findAllUploads();
  const carried = new Set(transfers.value.map(({ upload }) => upload?.url));
  const byTus = stored.map((one) => ({
    key: one.urlStorageKey, url: one.uploadUrl ?? "", name: one.metadata.filename ?? "", size: one.size ?? 0,
  }));
  const inBucket = keptUploads().map(({ key, path, name, size }) => ({ key, url: path, name, size }));
  interrupted.value = [...byTus, ...inBucket].filter(({ url }) => url && !carried.has(url));
}

/** Give an upload of an earlier visit up. @param {Interrupted} one */
export async function giveUp(one) {
  if (isInBucket(one)) {
    await giveUpKept({ key: one.key, path: one.url });
    await findInterrupted();
    return;
  }
  const { defaultOptions, Upload } = await import("tus-js-client");
  await Upload.terminate(one.url, { headers: accessHeaders() }).catch(() => {
    // It is gone already, or expires by itself.
  });
  await defaultOptions.urlStorage.removeUpload(one.key);
  await findInterrupted();
}

/** Whether a file is the one that an upload was interrupted with. @param {Interrupted} one @param {File} file */
export function isFileOf(one, file) {
  return file.name === one.name && file.size === one.size;
}

/** How far the service has an upload, in bytes. @param {Interrupted} one */
export async function sentOf(one) {
  if (isInBucket(one)) return arrivedOf(one.url);
  const answer = await fetch(one.url, { method: "HEAD", headers: { ...accessHeaders(), "tus-resumable": "1.0.0" } });
  return answer.ok ? Number(answer.headers.get("upload-offset")) : null;
}

/** @param {Interrupted} one */
function isInBucket(one) {
  return one.url.startsWith(BUCKET);
}

function goOn() {
  // A start comes back here through onChange, so each is looked for anew.
  while (count("sending") < AT_ONCE && count("waiting")) {
    transfers.value.find((one) => one.state.value === "waiting")?.start();
  }
  if (transfers.value.some((one) => one.isOver)) refreshSoon();
  for (const match of matches.value) match.goOn().then(() => dropJoined(match));
}

/** Take parts out of the list that are one video now. @param {MatchParts} match */
export function dropJoined(match) {
  if (match.state.value === "done") match.transfers.forEach(forget);
}

/** @param {import("./transfer.js").State} state */
function count(state) {
  return transfers.value.filter((one) => one.state.value === state).length;
}
