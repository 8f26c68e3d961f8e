// A live stream in words: its state, its two figures, and what a lost camera connection means.

import { clock } from "../core/format.js";

/** @typedef {import("./types.js").LiveStream} LiveStream */

/** @type {Record<import("./types.js").StreamState, string>} */
export const STATES = {
  waiting: "waits for a worker", connecting: "connecting", live: "live", interrupted: "interrupted",
  ending: "ending", ended: "ended", failed: "failed",
};

/** @param {Pick<LiveStream, "state">} stream */
export function isOpen({ state }) { return state !== "ended" && state !== "failed"; }

/** How much video after an event the model waits for. @param {number | null | undefined} seconds */
export function lookAheadWords(seconds) {
  return seconds === null || seconds === undefined ? "not known yet" : `${Number(seconds.toFixed(2))} s`;
}

const STAGES = /** @type {const} */ (["sent", "stored", "spotted"]);
const UNTIL = { sent: "sent by the service", stored: "stored", spotted: "found by the model" };

/**
 * From the last picture an event needs being decoded to the event being out: the latest stage
 * that was counted. Look-ahead is no part of it.
 *
 * @param {import("./types.js").Latency | null | undefined} latency
 * @returns {{text: string, title: string}}
 */
export function latencyWords(latency) {
  const stage = STAGES.find((one) => latency?.[one]);
  const found = stage && latency?.[stage];
  if (!stage || !found) return { text: "not measured yet", title: "No event has come yet." };
  const [p50, p95, p99] = [found.p50_ms, found.p95_ms, found.p99_ms].map((value) => Math.round(value));
  return {
    text: `${p95} ms`,
    title: `From the last picture that an event needs being decoded until the event is ${UNTIL[stage]}: `
      + `half within ${p50} ms, 95 % within ${p95} ms, 99 % within ${p99} ms (${found.count} counted).`,
  };
}

/** @param {LiveStream} stream what is recorded */
export function recordingWords({ recording, recording_problem: problem }) {
  if (recording === "stopped") return `recording stopped: ${problem ?? "it cannot be written"}`;
  return recording === "on" ? "recorded" : "not recorded";
}

/** @param {LiveStream} stream one line for the list */
export function factsOf(stream) {
  const facts = [stream.source];
  if (stream.facts) facts.push(`${stream.facts.height}p${stream.facts.fps ? ` ${Math.round(stream.facts.fps)} fps` : ""}`);
  if (stream.edge_s > 0) facts.push(`${clock(stream.edge_s)}${isOpen(stream) ? " so far" : ""}`);
  if (stream.model) facts.push(`model ${stream.model}`);
  facts.push(recordingWords(stream));
  return facts.join(" · ");
}

/** @type {Record<number, {waitMs: number | null, words: string}>} */
const CLOSES = {
  1000: { waitMs: null, words: "The stream has ended." },
  1012: { waitMs: 500, words: "Another worker takes over; the camera is sent again." },
  1013: { waitMs: 1000, words: "Waits for a worker." },
  4401: { waitMs: null, words: "The service asks for a key: sign in, then start again." },
  4403: { waitMs: null, words: "Your key may not send a stream." },
  4404: { waitMs: null, words: "There is no such stream." },
  4409: { waitMs: null, words: "Somebody else sends to this stream, or it has ended." },
  4422: { waitMs: null, words: "This stream has another source." },
};

/**
 * What the end of the connection to the service means for the camera.
 *
 * @param {number} code of the WebSocket
 * @param {number} tries connections without an answer, one after the other
 * @returns {{waitMs: number | null, words: string}} waitMs: until the next try; null: none
 */
export function afterClose(code, tries) {
  if (CLOSES[code]) return CLOSES[code];
  if (tries >= 8) return { waitMs: null, words: "The service does not take the camera: it cannot be reached, or a proxy lets no WebSocket through." };
  return { waitMs: Math.min(10_000, 500 * 2 ** tries), words: "The connection was lost; it is tried again." };
}
