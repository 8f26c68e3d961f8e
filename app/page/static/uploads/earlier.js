// Whether the library has a file already, asked before it is sent.

import { call } from "../core/api.js";

// Browsers hash a file only when all of it is in memory; larger ones are recognised by the
// service once they have arrived.
const LIMIT_BYTES = 256 * 2 ** 20;

/**
 * @param {Blob} file
 * @returns {Promise<import("../video/types.js").Video | null>} null: none, or not to be told beforehand
 */
export async function earlierOf(file) {
  if (!globalThis.crypto?.subtle || file.size > LIMIT_BYTES) return null;
  const sha256 = hex(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
  const { items } = await call(`/videos?sha256=${sha256}&limit=20`);
  return items.find((/** @type {{sha256: string, dropped_at: string | null}} */ one) => one.sha256 === sha256 && !one.dropped_at) ?? null;
}

/** @param {ArrayBuffer} bytes */
function hex(bytes) {
  return [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
