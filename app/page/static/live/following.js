// A live stream under review: its events as they come, its edge, and the picture that follows.

import { computed, signal } from "@preact/signals";
import { addressOf } from "../core/address.js";
import { accessHeaders } from "../core/access.js";
import { call } from "../core/api.js";
import { announce, tell } from "../core/notices.js";
import { listen } from "../core/stream.js";
import { FrameTimes } from "../review/frames.js";
import { retried } from "../review/retrying.js";
import { changedBy } from "./changes.js";
import { behindWords, edgeOf, isAtEdge, stretchAtEdge } from "./edge.js";
import { Feeder } from "./feeder.js";
import { besideHole, readPlaylist } from "./playlist.js";

/**
 * @typedef {import("../review/review.js").Review} Review
 * @typedef {import("./types.js").LiveChange} LiveChange
 * @typedef {import("./types.js").LiveStream} LiveStream
 * @typedef {import("./types.js").FollowedStream} FollowedStream
 * @typedef {import("./types.js").Playlist} Playlist
 */

const FACTS_MS = 5000; // latencies and gaps of before are asked for
const SOON_MS = 500;
const CLOCK_MS = 200;
const USUAL_FPS = 25;
const PLAYLIST_TYPE = "application/vnd.apple.mpegurl";

export class Following {
  /** @param {Review} review */
  constructor(review) {
    this.review = review;
    const { videoId } = review.model;
    this.path = `/live/${videoId}`;
    /** @type {Feeder | null} */
    this.feeder = null;
    /** @type {Playlist | null} */
    this.playlist = null;
    this.playlistOf = -1;
    /** Until there are pictures: whether the playhead stays at the edge. */
    this.isHeldAtEdge = signal(true);
    /** Whether what is shown is the latest that there is. */
    this.atEdge = computed(() => this.isAtEdge());
    /** How far the playhead is behind what the model has seen. */
    this.behindText = computed(() => {
      const { stream, time } = review.model;
      return behindWords((stream.value?.edge_s ?? 0) - time.value);
    });
    this.toldAt = this.soon = 0;
    this.hasOpened = this.isClosed = false;
    /** @type {(() => void)[]} */
    this.closers = [];
  }

  /** Follow it; one that is over tells its gaps alone. */
  async open() {
    const { review } = this;
    await retried(() => this.readStream(), review.loader.signal);
    if (this.isClosed || !review.model.stream.peek()?.isFollowed) return;
    review.playback.reach = (frame) => this.reach(frame);
    this.readLabels().catch(() => {});
    const facts = setInterval(() => { this.readStream().catch(() => {}); }, FACTS_MS);
    const clock = setInterval(() => this.tick(), CLOCK_MS);
    this.closers.push(() => clearInterval(facts), () => clearInterval(clock), listen(`${this.path}/events/stream`, {
      on: this.handlers(),
      onState: (isOpen) => {
        if (isOpen && this.hasOpened) this.caughtUp(); // What was told meanwhile may be lost.
        this.hasOpened ||= isOpen;
      },
    }));
    await this.readPlaylist();
  }

  close() {
    this.isClosed = true;
    this.detach();
    clearTimeout(this.soon);
    for (const close of this.closers) close();
    this.closers = [];
  }

  /** @returns {Record<string, (data: any) => void>} */
  handlers() {
    return {
      state: (data) => this.takeState(data),
      provisional: (data) => this.takeChange("provisional", data),
      final: (data) => this.takeChange("final", data),
      retracted: (data) => this.takeChange("retracted", data),
      gap: (gap) => this.patch({ gaps: [...(this.review.model.stream.peek()?.gaps ?? []), gap] }),
      end: () => this.end().catch(tell),
    };
  }

  /** @param {Partial<FollowedStream>} changes */
  patch(changes) {
    const { stream } = this.review.model;
    const before = stream.peek();
    if (before) stream.value = { ...before, ...changes };
  }

  async readStream() {
    const { model } = this.review;
    /** @type {LiveStream} */
    const found = await call(this.path, { signal: this.review.loader.signal });
    const before = model.stream.peek();
    const isFollowed = before?.isFollowed ?? model.video.peek()?.status === "live";
    const edge_s = Math.max(found.edge_s, before?.edge_s ?? 0);
    model.stream.value = { hasPicture: false, problem: "", ...before, ...found, edge_s, isFollowed };
    if (isFollowed) this.lengthen();
  }

  /** The model's labels are lanes before their first event. */
  async readLabels() {
    const { model } = this.review;
    const { items } = await call("/models");
    const own = items.find((/** @type {{name: string}} */ { name }) => name === model.stream.peek()?.model);
    if (own && !model.modelTypes.peek().length) model.modelTypes.value = own.labels;
  }

  /** @param {any} data see docs/live.md */
  takeState({ state, edge_s, recorded_s, recording, look_ahead_s }) {
    const { review } = this;
    const { model } = review;
    const before = model.stream.peek();
    this.toldAt = performance.now();
    this.patch({ state, edge_s, recorded_s, recording, look_ahead_s });
    if (before && (before.state !== state || before.recording !== recording)) this.readStream().catch(() => {});
    if (before?.state !== state && !model.isLoading.peek()) this.noteAnalysis().catch(tell);
    this.lengthen();
    this.followEdge();
    if (recorded_s !== this.playlistOf) this.readPlaylist().catch(() => {});
  }

  /** The timeline that the stream's worker has begun is no news to the person. */
  async noteAnalysis() {
    const { loader, model } = this.review;
    if (!await loader.readVideo()) return;
    if (loader.analysisId === null && model.video.peek().status === "live") await loader.readEvents();
  }

  /** @param {"provisional" | "final" | "retracted"} kind @param {LiveChange} change */
  takeChange(kind, change) {
    const { model, loader, decisions } = this.review;
    if (loader.isReadingAll || model.isLoading.peek()) loader.readMeanwhile.push(change.time_s);
    const { table, asks } = changedBy(model.table.peek(), kind, change, decisions?.busyIds() ?? new Set());
    model.table.value = table;
    if (!model.stream.peek()?.latency.sent) this.readSoon();
    if (change.time_s > (model.stream.peek()?.edge_s ?? 0)) this.patch({ edge_s: change.time_s });
    if (asks) this.review.readAround([change.time_s]);
  }

  /** The first latency is known a moment after the first event. */
  readSoon() {
    clearTimeout(this.soon);
    this.soon = setTimeout(() => { this.readStream().catch(() => {}); }, SOON_MS);
  }

  caughtUp() {
    const { loader, model } = this.review;
    if (!model.isLoading.peek()) loader.readEvents().catch(tell);
    this.readStream().catch(() => {});
  }

  /** There are as many frames as can be shown; without a recording, as many as were seen. */
  lengthen() {
    const { model } = this.review;
    const stream = model.stream.peek();
    if (!stream) return;
    const fps = model.video.peek()?.fps || stream.facts?.fps || USUAL_FPS;
    const end = this.hasPicture ? this.playlist?.end ?? 0 : this.edgeNow();
    const count = Math.max(1, Math.floor(end * fps));
    const before = model.frames.peek();
    if (before.count !== count || before.fps !== fps) model.frames.value = new FrameTimes({ count, fps });
  }

  get hasPicture() { return this.playlist !== null; }

  /** The model's edge, by the clock since it was told. */
  edgeNow() {
    const stream = this.review.model.stream.peek();
    if (!stream) return 0;
    const since = stream.state === "live" && this.toldAt ? (performance.now() - this.toldAt) / 1000 : 0;
    return stream.edge_s + Math.min(since, 2);
  }

  async readPlaylist() {
    const { model, loader } = this.review;
    const stream = model.stream.peek();
    if (!stream?.links.hls) return;
    this.playlistOf = stream.recorded_s;
    const answer = await fetch(addressOf(stream.links.hls), { headers: accessHeaders(), signal: loader.signal });
    if (!answer.ok) return;
    this.playlist = readPlaylist(await answer.text(), stream.began_at ? Date.parse(stream.began_at) : null);
    this.lengthen();
    this.feeder?.take(this.playlist);
    if (!model.stream.peek()?.hasPicture) this.patch({ hasPicture: true });
  }

  /**
   * Show the stream's pictures in a player that the playback has.
   *
   * @param {HTMLVideoElement} player
   * @returns {() => void} ends it
   */
  attach(player) {
    const folder = `${this.path}/hls/`;
    /** @param {string} problem */
    const onProblem = (problem) => { if (this.review.model.stream.peek()?.problem !== problem) this.patch({ problem }); };
    if ("MediaSource" in globalThis) {
      this.feeder = new Feeder(player, { folder, onProblem });
      if (this.playlist) this.feeder.take(this.playlist);
    } else if (player.canPlayType(PLAYLIST_TYPE)) {
      player.src = addressOf(`${folder}index.m3u8`); // Safari on phones plays it by itself.
    } else {
      onProblem("This browser cannot play a recording that grows. The events work without it.");
    }
    if (this.isHeldAtEdge.peek()) this.toEdge();
    else this.review.playback.seek(this.review.model.frame.peek());
    return () => this.detach();
  }

  detach() {
    this.feeder?.close();
    this.feeder = null;
  }

  /** Where the playhead goes for a frame: beside a hole rather than into it. @param {number} frame */
  reach(frame) {
    const { frames, frame: now } = this.review.model;
    this.isHeldAtEdge.value = false;
    const times = frames.peek();
    const wanted = times.middleOf(frame);
    const time = besideHole(this.playlist?.holes ?? [], wanted, { isBack: frame < now.peek(), frame: 1 / times.fps });
    return time === wanted ? frame : times.frameAt(time);
  }

  isAtEdge() {
    const { stream, isPlaying, time } = this.review.model;
    if (!stream.value?.hasPicture || !this.playlist) return this.isHeldAtEdge.value;
    return isPlaying.value && isAtEdge(time.value, this.playlist.end, this.playlist.longest);
  }

  /** Go to the live edge, and stay there. */
  toEdge() {
    const { model, playback } = this.review;
    playback.setLoop(null);
    this.review.viewHeldUntil = this.review.heldUntil = 0;
    if (!this.playlist) {
      this.isHeldAtEdge.value = true;
      this.tick();
    } else {
      if (model.rate.peek() !== 1) playback.setRate(1);
      playback.seekTime(edgeOf(this.playlist.end, this.playlist.longest));
      playback.play();
    }
    this.showEdge();
  }

  tick() {
    const { model } = this.review;
    if (this.hasPicture || !this.isHeldAtEdge.peek()) return;
    this.lengthen();
    model.frame.value = model.frames.peek().count - 1;
  }

  followEdge() { if (this.atEdge.peek() && performance.now() > this.review.viewHeldUntil) this.showEdge(); }

  showEdge() {
    const { model } = this.review;
    const edge = model.stream.peek()?.edge_s ?? 0;
    const next = stretchAtEdge(model.zoom.peek(), edge);
    if (next) model.zoom.value = next;
  }

  /** The stream is over: what the service makes of it takes its place as soon as it is there. */
  async end() {
    const { review } = this;
    const { model } = review;
    for (const close of this.closers) close();
    this.closers = [];
    await this.readStream();
    await this.readPlaylist();
    announce(`The stream has ended. ${model.stream.peek()?.end_reason ?? ""}`.trim());
    if (!await review.loader.readVideo()) return;
    if (model.video.peek().size_bytes === null) return;
    const time = model.time.peek();
    review.playback.reach = (frame) => frame;
    this.detach();
    this.patch({ isFollowed: false, hasPicture: false });
    await review.readAll();
    review.playback.seekTime(time);
  }
}
