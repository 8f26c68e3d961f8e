// What is read of a video, when it is opened and when something changed elsewhere.

import { call, pagesOf, request } from "../core/api.js";
import { Latest } from "../core/latest.js";
import { Problem } from "../core/problem.js";
import { framesOf, guessedFrames } from "./frames.js";
import { merged, without } from "./intervals.js";
import { prefs, timings } from "./prefs.js";

/**
 * @typedef {import("./model.js").ReviewModel} ReviewModel
 * @typedef {import("./types.js").ReviewEvent} ReviewEvent
 * @typedef {import("./types.js").Stretch} Stretch
 */

const PAGE = 1000;
const MARGIN_S = 1;
const CURVE_POINTS = 1500;
const MOST_WINDOWS = 24;
const LONG_S = 300, SHOWN_S = 120; // of a longer match the lanes show so much at first

export class Loader {
  /**
   * @param {ReviewModel} model
   * @param {object} options
   * @param {() => ReadonlySet<string>} options.busyIds events whose own state is newer than the service's
   * @param {(stretches: Stretch[]) => void} [options.onUnmarked] they are no longer reviewed
   */
  constructor(model, { busyIds, onUnmarked = () => {} }) {
    this.model = model;
    this.busyIds = busyIds;
    this.onUnmarked = onUnmarked;
    this.latest = new Latest();
    this.leaving = new AbortController();
    this.reading = 0;
    /** @type {string | null} the analysis whose events were read */
    this.analysisId = null;
    this.isReadingAll = false;
    /** @type {number[]} times that were read again while all was being read */
    this.readMeanwhile = [];
  }

  /** Whether it is a live stream: it has neither score curves nor an estimate of its quality. */
  get isGrowing() {
    const { video, stream } = this.model;
    return video.peek()?.status === "live" || Boolean(stream.peek()?.isFollowed);
  }

  get signal() { return this.leaving.signal; }

  close() { this.leaving.abort(); }

  /** Read all of a video; false: it is gone. */
  async open() {
    const { model } = this;
    if (!await this.readVideo()) return false;
    await Promise.all([this.readFrames(), this.readTypes(), this.readThresholds(), this.readReviewed()]);
    const { value: duration } = model.duration;
    if (duration > LONG_S) model.zoom.value = { from: 0, to: SHOWN_S };
    await this.readEvents();
    model.isLoading.value = false;
    return true;
  }

  async readVideo() {
    const { model, signal } = this;
    try {
      const found = await this.latest.of("video", () => call(model.path, { signal }));
      if (found) model.video.value = found;
      return true;
    } catch (error) {
      if (error instanceof Problem && error.status === 404) {
        model.isGone.value = true;
        return false;
      }
      throw error;
    }
  }

  async readFrames() {
    const { model } = this;
    if (this.isGrowing) return; // `live/following.js` counts them.
    const found = await this.maybe(`${model.path}/frames`);
    const frames = found ? framesOf(found) : guessedFrames(model.video.value);
    const before = model.frames.peek();
    if (before.count === frames.count && before.fps === frames.fps && before.isExact === frames.isExact) return;
    model.frames.value = frames;
  }

  async readTypes() {
    const { model } = this;
    const [own, scores] = await Promise.all([
      this.maybe("/types"),
      model.video.value.current_job_id && !this.isGrowing ? this.maybe(`${model.path}/scores?points=1`) : null,
    ]);
    model.ownTypes.value = own?.items ?? [];
    if (!this.isGrowing) model.modelTypes.value = scores?.labels ?? [];
  }

  async readThresholds() {
    const { model } = this;
    const found = await this.latest.of("thresholds", () => this.maybe(`${model.path}/thresholds`, request));
    if (found === undefined) return;
    /** @type {import("./types.js").ThresholdFacts[]} */
    const types = found?.body.types ?? [];
    model.thresholdFacts.value = found && { ...found.body, etag: found.etag };
    model.thresholds.value = Object.fromEntries(types.flatMap(
      ({ type, threshold }) => (threshold === null ? [] : [[type, threshold]])));
  }

  async readReviewed() {
    const { model } = this;
    const found = await this.latest.of("reviewed", () => this.maybe(`${model.path}/reviewed`));
    if (found) this.showReviewed(stretchesOf(found));
  }

  /** @param {Stretch[]} reviewed */
  showReviewed(reviewed) {
    const { model } = this;
    this.onUnmarked(without(model.reviewed.peek(), reviewed));
    model.reviewed.value = reviewed;
  }

  /**
   * Take a stretch out of what is reviewed.
   *
   * @param {number} from
   * @param {number} to seconds
   */
  async unmark(from, to) {
    const { model, signal } = this;
    const { body, etag } = await request(`${model.path}/reviewed`, { signal });
    const left = without(stretchesOf(body), [{ from, to }]);
    const intervals = left.map((one) => ({ from_s: one.from, to_s: one.to }));
    await call(`${model.path}/reviewed`, { method: "PUT", json: { intervals }, ifMatch: etag ?? undefined, signal });
    this.showReviewed(left);
  }

  /** Read what is worth a check first, with the estimate of the timeline's quality. */
  async readPriority() {
    const { model } = this;
    if (this.isGrowing) return;
    const query = new URLSearchParams({ target_precision: String(prefs().target), limit: "200" });
    const { isOn, perDecision } = timings.now;
    if (isOn && perDecision !== null) query.set("seconds_per_decision", perDecision.toFixed(2));
    for (const [type, value] of Object.entries(model.preview.peek())) query.set(`threshold.${type}`, String(value));
    const plan = await this.latest.of("plan", () => this.maybe(`${model.path}/review?${query}`));
    if (plan !== undefined) model.plan.value = plan;
  }

  /** Read the curves of a stretch. */
  async readCurves() {
    const { model } = this;
    if (!model.video.value?.current_job_id || this.isGrowing) return;
    const { from, to } = model.stretch.peek();
    const margin = (to - from) * 0.25;
    const query = new URLSearchParams({
      from_s: Math.max(0, from - margin).toFixed(3), to_s: (to + margin).toFixed(3), points: String(CURVE_POINTS),
    });
    const curves = await this.latest.of("curves", () => this.maybe(`${model.path}/scores?${query}`));
    if (curves !== undefined) model.curves.value = curves;
  }

  /** What to ask for so that the answer holds all that may be shown. */
  query() {
    const query = new URLSearchParams({ state: "all" });
    if (!this.model.thresholdFacts.peek() || this.model.thresholdFacts.peek().fixed) return query;
    query.set("ghosts", "true");
    for (const [type, value] of Object.entries(this.model.preview.peek())) query.set(`threshold.${type}`, String(value));
    return query;
  }

  /**
   * Read every event; they are shown when all are there, or page by page at first. What
   * was decided meanwhile may be younger than its page: that is read once more.
   */
  async readEvents() {
    const reading = ++this.reading;
    const { settlements } = this.model;
    this.analysisId = this.model.video.peek()?.current_analysis_id ?? null;
    this.isReadingAll = true;
    try {
      await this.readPages(reading, settlements);
    } finally {
      if (reading === this.reading) this.isReadingAll = false;
    }
    if (this.isReadingAll || !this.readMeanwhile.length) return;
    const times = this.readMeanwhile;
    this.readMeanwhile = [];
    await this.readAround(times);
  }

  /** @param {number} reading a later one takes its place @param {number} settlements of when it began */
  async readPages(reading, settlements) {
    const { model, signal } = this;
    const query = this.query();
    query.set("limit", String(PAGE));
    /** @type {ReviewEvent[]} */
    const found = [];
    try {
      for await (const page of pagesOf(`${model.path}/events`, query, { signal })) {
        if (reading !== this.reading) return;
        found.push(...page);
        if (model.isLoading.peek()) this.put(found, settlements);
      }
    } catch (error) {
      if (!(error instanceof Problem && error.slug === "no-timeline")) throw error;
    }
    if (reading === this.reading) this.put(found, settlements);
  }

  /** @param {ReviewEvent[]} found @param {number} settlements of when they were asked for */
  put(found, settlements) {
    const { model } = this;
    model.table.value = model.table.peek().withStretch(-Infinity, Infinity, found, this.newerIds(settlements));
  }

  /**
   * Events whose state here is newer than in an answer.
   *
   * @param {number} settlements of when it was asked for
   * @returns {ReadonlySet<string>}
   */
  newerIds(settlements) { return new Set([...this.busyIds(), ...this.model.settledSince(settlements)]); }

  /**
   * Read the events around some times again: a decision may have taken the place of a
   * suggestion beside it.
   *
   * @param {readonly number[]} times seconds
   */
  async readAround(times) {
    const { model, signal } = this;
    const windows = merged(times.map((time) => ({ from: time - MARGIN_S, to: time + MARGIN_S })));
    if (windows.length > MOST_WINDOWS) return this.readEvents();
    if (this.isReadingAll) this.readMeanwhile.push(...times);
    for (const { from, to } of windows) {
      const { settlements } = model;
      const query = this.query();
      query.set("limit", String(PAGE));
      query.set("from_s", Math.max(0, from).toFixed(3));
      query.set("to_s", to.toFixed(3));
      /** @type {ReviewEvent[]} */
      const found = [];
      for await (const page of pagesOf(`${model.path}/events`, query, { signal })) found.push(...page);
      model.table.value = model.table.peek().withStretch(Math.max(0, from), to, found, this.newerIds(settlements));
    }
    return undefined;
  }

  /**
   * Read events that somebody decided, and what lies around them.
   *
   * @param {readonly string[]} ids
   */
  async readDecided(ids) {
    const { model, signal } = this;
    if (!ids.length || ids.length > MOST_WINDOWS) return this.readEvents();
    const { settlements } = model;
    const before = ids.flatMap((id) => model.table.peek().get(id)?.time_s ?? []);
    const found = await Promise.all(ids.map((id) => call(`${model.path}/events/${id}`, { signal }).catch(() => null)));
    const newer = this.newerIds(settlements);
    const known = found.filter((event) => event && !newer.has(event.id));
    model.table.value = model.table.peek().with(known);
    return this.readAround([...before, ...known.map((event) => event.time_s)]);
  }

  /**
   * Ask for what may not be there.
   *
   * @param {string} path
   * @param {typeof call} [ask]
   * @returns {Promise<any>} null: it is not
   */
  async maybe(path, ask = call) {
    try {
      return await ask(path, { signal: this.signal });
    } catch (error) {
      if (error instanceof Problem && (error.status === 404 || error.status === 409)) return null;
      throw error;
    }
  }
}

/**
 * @param {{intervals: {from_s: number, to_s: number}[]}} answer of `GET /videos/{id}/reviewed`
 */
function stretchesOf({ intervals }) {
  return merged(intervals.map((one) => ({ from: one.from_s, to: one.to_s })));
}
