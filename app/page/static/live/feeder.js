// Plays a recording that grows: hands its segments to the browser's decoder (Media Source
// Extensions), as many as are needed around the playhead.
//
// Each segment is a fragmented MP4 that is complete by itself and whose times are those of the
// stream, so none has to be taken apart: no HLS library is needed. The player's time is the
// events' time.

import { addressOf } from "../core/address.js";
import { mimeOf } from "./codecs.js";
import { holeAt, nextWanted } from "./playlist.js";

/** @typedef {import("./types.js").Playlist} Playlist */

const AHEAD_S = 30;
const KEPT_S = 60; // on either side of the playhead; browsers hold some 100 MB
const LONGEST_S = 24 * 3600; // no stream is longer
const LOOK_MS = 250;
const AGAIN_MS = 1500;
const NEAR_S = 0.15;
const SMALL_S = 0.5; // what is missing between two segments by their own clocks

export class Feeder {
  /**
   * @param {HTMLVideoElement} player
   * @param {object} options
   * @param {string} options.folder path of the playlist's folder, with a slash at the end
   * @param {(words: string) => void} options.onProblem it cannot be played; empty: it can
   */
  constructor(player, { folder, onProblem }) {
    this.player = player;
    this.folder = folder;
    this.onProblem = onProblem;
    this.leaving = new AbortController();
    /** @type {Playlist | null} */
    this.playlist = null;
    /** @type {SourceBuffer | null} */
    this.buffer = null;
    this.mime = "";
    /** @type {Set<string>} */
    this.loaded = new Set();
    /** Segments that are lost or that the decoder refused. @type {Set<string>} */
    this.broken = new Set();
    this.isBusy = false;
    this.restUntil = 0;
    /** What cannot follow in the same decoder: it has other tracks. @type {import("./types.js").Segment | null} */
    this.border = null;
    /** @type {string} the segment that was handed over last */
    this.last = "";
    this.media = this.open();
    const { signal } = this.leaving;
    for (const type of ["seeking", "timeupdate", "waiting"]) player.addEventListener(type, () => this.look(), { signal });
    player.addEventListener("error", () => {
      this.broken.add(this.last);
      setTimeout(() => { if (!signal.aborted) this.restart(player.currentTime); }, AGAIN_MS);
    }, { signal });
    this.timer = setInterval(() => this.look(), LOOK_MS);
  }

  /** Give the player an empty decoder. */
  open() {
    const media = new MediaSource();
    const address = URL.createObjectURL(media);
    media.addEventListener("sourceopen", () => {
      URL.revokeObjectURL(address);
      media.duration = LONGEST_S; // Without an end, nothing could be sought that is not loaded.
      this.feed();
    }, { signal: this.leaving.signal, once: true });
    this.player.src = address;
    return media;
  }

  /** Begin with a new decoder at a time. @param {number} time */
  restart(time) {
    const isPlaying = !this.player.paused;
    this.loaded = new Set(this.broken);
    this.buffer = this.border = null;
    this.media = this.open();
    this.player.currentTime = time;
    if (isPlaying) this.player.play().catch(() => {});
  }

  close() {
    this.leaving.abort();
    clearInterval(this.timer);
  }

  /** There is more to play. @param {Playlist} playlist */
  take(playlist) {
    this.playlist = playlist;
    this.feed();
  }

  look() {
    this.passHole();
    this.passBorder();
    this.recall();
    this.feed();
  }

  /** At segments with other tracks, go on with a decoder of their own. */
  passBorder() {
    const { border, player } = this;
    if (border && !this.isBusy && player.currentTime >= border.from - NEAR_S) this.restart(Math.max(border.from, player.currentTime));
  }

  /** A browser that is short of memory lets go of what it had: it is loaded again. */
  recall() {
    const { player, playlist, loaded } = this;
    const time = player.currentTime;
    if (this.isBusy || player.readyState > 1 || performance.now() < this.restUntil) return;
    const lost = playlist?.segments.find(({ url, from, to }) => loaded.has(url) && !this.broken.has(url) && time >= from && time < to);
    if (!lost || isIn(player.buffered, time)) return;
    loaded.delete(lost.url);
    this.restUntil = performance.now() + AGAIN_MS;
  }

  /** Go on behind what was never recorded. */
  passHole() {
    const { player, playlist } = this;
    const time = player.currentTime;
    const ahead = player.paused ? 0 : NEAR_S; // It halts a little before the last picture's end.
    const hole = playlist && (holeAt(playlist.holes, time) ?? holeAt(playlist.holes, time + ahead));
    const next = hole ? hole.to : nextStart(player.buffered, time);
    if (next === null || player.readyState > 2 || (!hole && (player.paused || next - time > SMALL_S))) return;
    if (next > time) player.currentTime = next + 0.001;
  }

  feed() {
    if (this.isBusy || this.media.readyState !== "open" || performance.now() < this.restUntil) return;
    const time = this.player.currentTime;
    const wanted = this.playlist && nextWanted(this.playlist, this.loaded, time, AHEAD_S);
    if (!wanted || wanted.url === this.border?.url) return;
    this.isBusy = true;
    this.load(wanted).catch(() => {
      this.restUntil = performance.now() + AGAIN_MS; // the connection, or a decoder that is full
    }).finally(() => {
      this.isBusy = false;
      if (!this.leaving.signal.aborted) this.feed();
    });
  }

  /** @param {import("./types.js").Segment} segment */
  async load(segment) {
    const { url } = segment;
    const { media } = this;
    const answer = await fetch(addressOf(this.folder + url), { signal: this.leaving.signal });
    if (answer.status === 404) this.skip(url); // lost: what follows is played
    if (!answer.ok) throw new Error(`the segment answered ${answer.status}`);
    const data = await answer.arrayBuffer();
    if (media !== this.media) return;
    const mime = mimeOf(data);
    if (this.buffer && tracksOf(mime) !== tracksOf(this.mime)) {
      this.border = segment;
      return;
    }
    const buffer = this.bufferFor(mime);
    if (!buffer) {
      this.skip(url);
      return;
    }
    await this.forget(buffer);
    this.last = url;
    await settled(buffer, () => buffer.appendBuffer(data), this.leaving.signal);
    if (media === this.media) this.loaded.add(url);
    this.onProblem("");
  }

  /** @param {string} url of a segment that is never played */
  skip(url) {
    this.broken.add(url);
    this.loaded.add(url);
  }

  /** @param {string | null} mime @returns {SourceBuffer | null} null: the browser does not play it */
  bufferFor(mime) {
    if (!mime || !MediaSource.isTypeSupported(mime)) {
      this.onProblem(`This browser does not play the recording (${mime ?? "no known codec"}). The events work without it.`);
      return null;
    }
    if (!this.buffer) this.buffer = this.media.addSourceBuffer(mime);
    else if (mime !== this.mime) this.buffer.changeType(mime);
    this.mime = mime;
    return this.buffer;
  }

  /** Let go of what is far from the playhead. @param {SourceBuffer} buffer */
  async forget(buffer) {
    const time = this.player.currentTime;
    const { signal } = this.leaving;
    const stretches = [[0, time - KEPT_S], [time + KEPT_S, Infinity]];
    for (const { url, from, to } of this.playlist?.segments ?? []) {
      if ((from < time - KEPT_S || to > time + KEPT_S) && !this.broken.has(url)) this.loaded.delete(url);
    }
    for (const [from, to] of stretches) {
      const isHeld = Array.from({ length: buffer.buffered.length }, (_, index) => index)
        .some((index) => buffer.buffered.start(index) < to && buffer.buffered.end(index) > from);
      if (to > from && isHeld) await settled(buffer, () => buffer.remove(from, to), signal);
    }
  }
}

/**
 * @param {TimeRanges} ranges
 * @param {number} time
 * @returns {number | null} where the next stretch begins; null: the time is in one, or none follows
 */
function nextStart(ranges, time) {
  for (let index = 0; index < ranges.length; index += 1) {
    if (ranges.start(index) > time) return ranges.start(index);
    if (ranges.end(index) > time + 0.05) return null;
  }
  return null;
}

/** @param {TimeRanges} ranges @param {number} time */
function isIn(ranges, time) {
  return Array.from({ length: ranges.length }, (_, index) => index)
    .some((index) => ranges.start(index) <= time && ranges.end(index) > time);
}

/** How many tracks a type names: a decoder takes no other number later. @param {string | null} mime */
function tracksOf(mime) { return mime?.split(",").length ?? 0; }

/**
 * Let a buffer do something to its end.
 *
 * @param {SourceBuffer} buffer
 * @param {() => void} does
 * @param {AbortSignal} signal
 * @returns {Promise<void>}
 */
function settled(buffer, does, signal) {
  return new Promise((resolve, reject) => {
    buffer.addEventListener("updateend", () => resolve(), { once: true, signal });
    buffer.addEventListener("error", () => reject(new Error("the segment cannot be decoded")), { once: true, signal });
    does();
  });
}
