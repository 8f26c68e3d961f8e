// One video under review: joins what is known, the player, the decisions and the stream.

import { effect } from "@preact/signals";
import { announce, tell } from "../core/notices.js";
import { keepConflicts } from "./conflicts.js";
import { byDoubt, neighbour, placeAt, teamOf } from "./events.js";
import { Decisions } from "./decisions.js";
import { mindLeaving } from "./leaving.js";
import { Loader } from "./loading.js";
import { ReviewModel } from "./model.js";
import { Playback } from "./playback.js";
import { prefs } from "./prefs.js";
import { following } from "./scale.js";
import { retried } from "./retrying.js";
import { unsentPlace } from "./sending.js";
import { follow } from "./live.js";
import { Watching } from "./watching.js";

/** @typedef {import("./types.js").ReviewEvent} ReviewEvent */

const RETRY_MS = 3000;
const POLL_MS = 5000;
const AROUND_MS = 150;
const VIEW_HELD_MS = 4000;
const NEAR_FRAMES = 2;

export class Review {
  /** @param {string} videoId */
  constructor(videoId) {
    this.model = new ReviewModel(videoId);
    this.loader = new Loader(this.model, {
      busyIds: () => this.decisions?.busyIds() ?? new Set(),
      onUnmarked: (stretches) => this.watching.forget(stretches),
    });
    /** @type {Decisions | null} */
    this.decisions = null;
    this.watching = new Watching(this.model, (from, to) => this.decisions?.review(from, to, this.loader.analysisId));
    this.playback = new Playback(this.model, { onShown: (frame) => this.shown(frame) });
    /** @type {(() => void)[]} */
    this.closers = [];
    this.isClosed = false;
    /** @type {import("../live/following.js").Following | null} of a video that is a live stream */
    this.following = null;
    this.isFollowing = false;
    /** Whether something changed while the events were being read. */
    this.isStale = false;
    /** Until when the lanes stay where somebody moved them, by the browser's clock. */
    this.viewHeldUntil = 0;
    /** Until when the playhead does not select what it passes. */
    this.heldUntil = -Infinity;
    this.isByDoubt = false;
    /** @type {Set<string>} */
    this.visited = new Set();
    /** @type {Set<number>} */
    this.around = new Set();
    this.aroundTimer = 0;
  }

  async open() {
    const { model } = this;
    const { place, release } = await unsentPlace(model.videoId);
    this.closers.push(release);
    if (this.isClosed) return release();
    const decisions = new Decisions(model, {
      storedAt: place,
      onTimes: (times) => this.readAround(times),
      onUndone: (event) => { if (event && !this.isWriting) this.select(event, { plays: false }); },
      onReviewedRefused: () => this.loader.readReviewed().catch(tell),
    });
    this.decisions = decisions;
    this.stayInStep(); // before anything is read, so that nothing is missed in between
    const { loader } = this;
    if (!await retried(() => loader.open(), loader.signal) || this.isClosed) return undefined;
    decisions.showUnsent();
    if (this.isStale) await this.readAll();
    await loader.readPriority();
    return undefined;
  }

  stayInStep() {
    const { model } = this;
    const flush = () => { if (this.decisions?.queue.length) this.decisions.queue.flush(); };
    const retry = setInterval(flush, RETRY_MS);
    const isAlone = () => !model.isLive.peek() && !model.isLoading.peek() && !model.isGone.peek() && !document.hidden;
    const poll = setInterval(() => { if (isAlone()) this.catchUp().catch(() => {}); }, POLL_MS);
    addEventListener("online", flush);
    const live = effect(() => { if (model.video.value?.links?.live) this.followStream().catch(tell); });
    this.closers.push(
      live, follow(this), () => clearInterval(retry), () => clearInterval(poll), () => removeEventListener("online", flush),
      mindLeaving(this));
  }

  /** The video is a live stream, or was one. */
  async followStream() {
    if (this.isFollowing) return;
    this.isFollowing = true;
    const { Following } = await import("../live/following.js");
    if (this.isClosed) return;
    this.following = new Following(this);
    await this.following.open();
  }

  /** Ask for what the stream would have told. */
  async catchUp() {
    const { model } = this;
    const { revision } = model.video.peek();
    if (await this.videoChanged() || model.video.peek().revision === revision) return;
    await this.readAll();
  }

  /** Read the video anew, and all of it if another analysis is shown; true: it is. */
  async videoChanged() {
    const { model, loader } = this;
    if (!await loader.readVideo()) return false;
    if (model.isLoading.peek()) {
      this.isStale = true;
      return false;
    }
    if (model.video.peek().current_analysis_id === loader.analysisId) {
      await loader.readFrames();
      return false;
    }
    announce("The new timeline is shown. What was decided before is kept.");
    await this.readAll();
    return true;
  }

  /** Read everything again: another analysis is shown, or too much was missed. */
  async readAll() {
    const { loader } = this;
    await Promise.all([loader.readVideo(), loader.readFrames(), loader.readTypes(), loader.readThresholds(), loader.readReviewed()]);
    await loader.readEvents();
    await loader.readPriority();
    if (prefs().curves) await loader.readCurves();
  }

  close() {
    this.isClosed = true;
    this.takeLast();
    this.decisions?.tagged.learn(this.model.table.peek());
    if (this.decisions) keepConflicts(this.decisions);
    for (const close of this.closers) close();
    this.decisions?.queue.stop();
    this.following?.close();
    this.playback.detach();
    this.loader.close();
    clearTimeout(this.aroundTimer);
  }

  /** The page is being left: take what was written and seen until now. */
  takeLast() {
    if (this.isWriting) /** @type {HTMLElement} */ (document.activeElement).blur();
    this.watching.flush();
  }

  /** @param {readonly number[]} times */
  readAround(times) {
    for (const time of times) this.around.add(time);
    clearTimeout(this.aroundTimer);
    this.aroundTimer = setTimeout(() => {
      const asked = [...this.around];
      this.around.clear();
      this.loader.readAround(asked).catch(tell);
      this.loader.readPriority().catch(() => {});
    }, AROUND_MS);
  }

  /** A frame is on screen. @param {number} frame */
  shown(frame) {
    const { model } = this;
    this.watching.shown(frame);
    const time = model.time.peek();
    if (model.zoom.peek() && performance.now() > this.viewHeldUntil && !this.following?.atEdge.peek()) {
      const stretch = model.stretch.peek();
      const moved = following(stretch, time, model.duration.peek());
      if (moved !== stretch) model.zoom.value = moved;
    }
    if (!model.isPlaying.peek() || this.playback.loop || time < this.heldUntil || this.isWriting) return;
    const passed = model.visible.peek()[placeAt(model.visible.peek(), time)];
    if (passed && time - passed.time_s < 0.5) model.selectedId.value = passed.id;
  }

  /** Whether a field of the selected event is being filled in: it stays the selected one meanwhile. */
  get isWriting() { return Boolean(document.activeElement?.matches("[data-is=inspector] :is(input, select)")); }

  /**
   * Let a stretch no longer be reviewed, after all that was said of it before has been sent.
   *
   * @param {number} from
   * @param {number} to seconds
   */
  async unmark(from, to) {
    const queue = this.decisions?.queue;
    await queue?.flush();
    if (queue?.waiting.some(({ does }) => does === "reviewed")) throw new Error("The server cannot be reached: the stretch stays marked. Try again when all is saved.");
    await this.loader.unmark(from, to);
  }

  /** Somebody moved the lanes: they do not follow the playhead for a while. */
  holdView() { this.viewHeldUntil = performance.now() + VIEW_HELD_MS; }

  /**
   * Go to an event: play from before it, or show its frame.
   *
   * @param {ReviewEvent} event
   * @param {{plays?: boolean}} [options]
   */
  select(event, { plays = prefs().plays } = {}) {
    const { model, playback } = this;
    const { lead, tail, loops } = prefs();
    model.selectedId.value = event.id;
    this.viewHeldUntil = 0;
    this.watching.jump();
    this.heldUntil = event.time_s + tail;
    const from = Math.max(0, event.time_s - lead);
    playback.setLoop(loops ? { from, to: event.time_s + tail } : null);
    if (plays) {
      playback.seekTime(from);
      playback.play();
    } else {
      playback.pause();
      playback.seek(event.frame);
    }
  }

  /** @param {1 | -1} step */
  goTo(step) {
    const { model } = this;
    this.isByDoubt = false;
    const event = neighbour(model.visible.peek(), { event: model.selected.peek(), time: model.time.peek(), step });
    if (event) this.select(event);
    else announce(step > 0 ? "No later event." : "No earlier event.");
  }

  /** Events worth a check, the most first. @returns {ReviewEvent[]} */
  order() {
    const { model } = this;
    const table = model.table.peek();
    /** @type {{event_id: string}[]} */
    const told = model.plan.value?.items ?? [];
    const known = told.flatMap((one) => table.get(one.event_id) ?? []);
    const open = known.filter((event) => event.state === "suggested" && !model.hidden.peek().has(event.type));
    return open.length ? open : byDoubt(model.visible.peek(), model.thresholds.peek());
  }

  nextUncertain() {
    const { model } = this;
    this.isByDoubt = true;
    const order = this.order().filter((event) => event.id !== model.selectedId.peek());
    let next = order.find((event) => !this.visited.has(event.id));
    if (!next) {
      this.visited.clear();
      next = order[0];
    }
    if (!next) return announce("Nothing is left to check.");
    this.visited.add(next.id);
    return this.select(next);
  }

  /** Go on after a decision, if the person wants that. @param {ReviewEvent} event */
  goOn(event) {
    this.watching.flush();
    if (!prefs().advances) return;
    if (this.isByDoubt) {
      this.nextUncertain();
      return;
    }
    const next = this.decisions?.nextUndecided(event);
    if (next) this.select(next);
    else announce("No later suggestion is undecided.");
  }

  /** Whether the playhead is at the selected event, so that keys of types mean it. */
  get isAtSelected() {
    const { model, playback } = this;
    const event = model.selected.peek();
    if (!event) return false;
    if (!model.isPlaying.peek()) return Math.abs(model.frame.peek() - event.frame) <= NEAR_FRAMES;
    const time = model.time.peek();
    const isHeld = playback.loop !== null || time <= this.heldUntil;
    const { lead, tail } = prefs();
    return isHeld && time >= event.time_s - lead - 0.2 && time <= event.time_s + tail + 0.2;
  }

  /** The teams that an event may have. @returns {string[]} */
  get teams() {
    const { model } = this;
    const known = (model.video.peek()?.teams ?? []).map(
      (/** @type {import("./types.js").Team} */ team) => team.side || team.name);
    const used = model.table.peek().all.flatMap((event) => teamOf(event) ?? []);
    const teams = [...new Set([...known, ...used])];
    return teams.length ? teams : ["left", "right"];
  }
}
