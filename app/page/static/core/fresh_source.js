// A player whose file comes from a presigned address. Browsers go on asking the address that they were sent to once,
// also when it has expired; so the file is loaded anew then, from the same moment.

import { accessHeaders } from "./access.js";

const STALLED_MS = 3000;
const AGAIN_MS = 10000;
const NETWORK = 2; // MediaError.MEDIA_ERR_NETWORK

/** @typedef {Pick<HTMLVideoElement, "addEventListener" | "removeEventListener" | "load" | "play" | "src" | "paused" |
 *    "seeking" | "readyState" | "currentTime" | "playbackRate" | "error">} Player */

/**
 * Load a player's file anew when its address has expired.
 *
 * @param {Player} player
 * @param {{ask?: (src: string) => Promise<number>, now?: () => number, stalledMs?: number}} [surroundings] ask: how long
 *   an address is good, in milliseconds; 0: for ever
 * @returns {() => void} ends it
 */
export function keepFresh(player, { ask = askExpiry, now = Date.now, stalledMs = STALLED_MS } = {}) {
  let loadedAt = now();
  let renewedAt = -Infinity;
  let isOver = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  /** @param {boolean} isLost the browser has given up */
  async function look(isLost) {
    const src = player.src;
    const expiryMs = src.startsWith("http") ? await ask(src) : 0;
    const isDue = isLost || now() - loadedAt >= expiryMs;
    if (isOver || !expiryMs || !isDue || player.src !== src || now() - renewedAt < AGAIN_MS) return;
    renewedAt = now();
    const { currentTime, paused, playbackRate } = player;
    player.load();
    player.currentTime = currentTime;
    player.playbackRate = playbackRate;
    if (!paused) await player.play().catch(() => undefined);
  }

  const rest = () => clearTimeout(timer);
  const handlers = {
    loadstart: () => {
      loadedAt = now();
    },
    seeking: wait,
    waiting: wait,
    seeked: rest,
    playing: rest,
    error: () => {
      rest();
      if (player.error?.code === NETWORK) look(true);
    },
  };
  function wait() {
    rest();
    timer = setTimeout(() => {
      if (player.seeking || player.readyState < 3) look(false);
    }, stalledMs);
  }
  for (const [name, handler] of Object.entries(handlers)) player.addEventListener(name, handler);
  return () => {
    isOver = true;
    rest();
    for (const [name, handler] of Object.entries(handlers)) player.removeEventListener(name, handler);
  };
}

/** @param {string} src */
async function askExpiry(src) {
  try {
    const answer = await fetch(src, { method: "HEAD", headers: accessHeaders() });
    return 1000 * Number(answer.headers.get("touchline-presigned") ?? 0);
  } catch {
    return 0;
  }
}
