// What a person says of events: shown at once, kept until the service has it.

import { request } from "../core/api.js";
import { announce, tell } from "../core/notices.js";
import { Problem } from "../core/problem.js";
import { local as kept } from "../core/storage.js";
import { neighbour, teamOf } from "./events.js";
import { clash } from "./conflicts.js";
import { changed, localEvent } from "./drafts.js";
import { isTransient, newKey } from "./sending.js";
import { UnsentQueue } from "./queue.js";
import { reaction, timings } from "./prefs.js";
import { Tagged } from "./tagged.js";

/**
 * @typedef {import("./model.js").ReviewModel} ReviewModel
 * @typedef {import("./types.js").ReviewEvent} ReviewEvent
 * @typedef {import("./queue.js").Decision} Decision
 */

export class Decisions {
  /**
   * @param {ReviewModel} model
   * @param {object} parts
   * @param {string} parts.storedAt where what is unsent is kept
   * @param {(times: number[]) => void} parts.onTimes the service may say otherwise around these
   * @param {(event: ReviewEvent | null) => void} parts.onUndone the event to look at
   * @param {() => void} [parts.onReviewedRefused] what is marked as reviewed is not
   */
  constructor(model, { storedAt, onTimes, onUndone, onReviewedRefused = () => {} }) {
    this.model = model;
    this.onTimes = onTimes;
    this.onUndone = onUndone;
    this.onReviewedRefused = onReviewedRefused;
    this.tagged = new Tagged();
    /** @type {(Decision | null)[]} what can be done again, the latest last; null: the service knows what */
    this.undone = [];
    this.queue = new UnsentQueue({
      storage: kept,
      at: storedAt,
      send: (decision) => this.send(decision),
      isTransient,
      onRefused: (decision, error) => this.refused(decision, error),
      onChange: () => this.count(),
      onWaiting: (error) => { if (error instanceof Problem && error.status === 401) tell(error); },
    });
    this.count();
  }

  count() {
    this.model.unsent.value = this.queue?.length ?? 0;
    this.model.isOnline.value = this.queue?.isOnline ?? true;
  }

  /** Show again what was decided before the page was closed and could not be sent. */
  showUnsent() {
    const { model } = this;
    for (const { does, eventId, body, before } of this.queue.waiting) {
      if (!eventId || (does !== "add" && does !== "change")) continue;
      const event = model.table.peek().get(eventId) ?? before;
      const frames = model.frames.peek();
      if (does === "add" && body) model.table.value = model.table.peek().with([localEvent(eventId, body, frames)]);
      else if (event && body) model.table.value = model.table.peek().with([changed(event, body, frames)]);
    }
    this.queue.flush();
  }

  /** Events whose state here is newer than the service's. @returns {ReadonlySet<string>} */
  busyIds() { return new Set(this.queue.waiting.flatMap((one) => one.eventId ?? [])); }

  /**
   * Change an event.
   *
   * @param {ReviewEvent} event
   * @param {Record<string, unknown>} body as PATCH takes it
   */
  change(event, body) {
    const { model } = this;
    const now = model.table.peek().get(event.id) ?? event;
    model.table.value = model.table.peek().with([changed(now, body, model.frames.peek())]);
    this.undone = [];
    this.queue.add({ key: newKey(), does: "change", eventId: event.id, version: now.version, body, before: now });
    timings.update((own) => own.decide(performance.now() / 1000));
  }

  /** @param {ReviewEvent} event */
  accept(event) {
    if (event.state === "accepted" || event.state === "edited" || event.state === "added") return;
    this.change(event, { state: "accepted" });
  }

  /** @param {ReviewEvent} event */
  reject(event) { if (event.state !== "rejected") this.change(event, { state: "rejected" }); }

  /** Take a decision back. @param {ReviewEvent} event */
  reset(event) { if (event.state !== "suggested" && event.state !== "added") this.change(event, { state: "suggested" }); }

  /** @param {ReviewEvent} event @param {string} type */
  setType(event, type) { if (event.type !== type) this.change(event, { type }); }

  /** @param {ReviewEvent} event @param {number} frame */
  moveTo(event, frame) {
    const { model } = this;
    const wanted = model.frames.peek().clamp(frame);
    if (wanted === event.frame) return;
    this.tagged.move(event.id);
    this.change(event, { frame: wanted });
  }

  /** @param {ReviewEvent} event @param {Record<string, unknown>} attributes null deletes one */
  setAttributes(event, attributes) { this.change(event, { attributes }); }

  /** The next of the teams, and none after the last. @param {ReviewEvent} event @param {readonly string[]} teams */
  nextTeam(event, teams) {
    const at = teams.indexOf(teamOf(event) ?? "");
    this.setAttributes(event, { team: teams[at + 1] ?? null });
  }

  /**
   * Add an event at the playhead; while the video plays, as much earlier as the person
   * reacts late.
   *
   * @param {string} type
   * @returns {ReviewEvent}
   */
  add(type) {
    const { model } = this;
    this.tagged.learn(model.table.peek());
    const playhead = model.time.peek();
    const rate = model.backwards ? -model.backwards : model.rate.peek();
    const isPlaying = model.isPlaying.peek();
    const time = isPlaying ? reaction.now.back(playhead, rate) : playhead;
    const frame = isPlaying ? model.frames.peek().frameAt(time) : model.frame.peek();
    const id = `new-${newKey()}`;
    const body = { id: newKey(), type, frame };
    const event = localEvent(id, body, model.frames.peek());
    if (isPlaying) this.tagged.add(id, playhead, rate);
    model.table.value = model.table.peek().with([event]);
    this.undone = [];
    this.queue.add({ key: newKey(), does: "add", eventId: id, body, before: null });
    timings.update((own) => own.decide(performance.now() / 1000));
    return event;
  }

  /** @param {number} from @param {number} to seconds @param {string | null} seen the analysis that was looked at */
  review(from, to, seen) { this.queue.add({ key: newKey(), does: "reviewed", body: { from_s: from, to_s: to, analysis_id: seen } }); }

  undo() {
    const { model } = this;
    const last = this.queue.takeBack();
    this.undone.push(last);
    if (!last) return this.queue.add({ key: newKey(), does: "undo" });
    this.restore(last);
    this.onUndone(last.before ?? null);
    return model;
  }

  redo() {
    const again = this.undone.pop();
    if (!again) return this.queue.add({ key: newKey(), does: "redo" });
    const { model } = this;
    const { eventId, body, before } = again;
    if (eventId && body) {
      const frames = model.frames.peek();
      const now = before && (model.table.peek().get(eventId) ?? before);
      // The service may have taken an earlier change of the event meanwhile.
      if (now) Object.assign(again, { before: now, version: now.version });
      const event = now ? changed(now, body, frames) : localEvent(eventId, body, frames);
      model.table.value = model.table.peek().with([event]);
    }
    return this.queue.add(again);
  }

  /** Show an event as it was before a decision. @param {Decision} decision */
  restore({ does, eventId, before }) {
    const { table } = this.model;
    if (!eventId || (does !== "add" && does !== "change")) return;
    const unsent = this.busyIds().has(eventId); // What came before it may have been sent meanwhile.
    table.value = table.peek().with(before ? [{ ...before, unsent }] : [], [eventId]);
  }

  /** @param {Decision} decision */
  async send(decision) {
    const { path } = this.model;
    const { does, key, body, eventId, version } = decision;
    const headers = { "idempotency-key": key };
    if (does === "undo" || does === "redo") {
      const { body: answer } = await request(`${path}/events/${does}`, { method: "POST", headers });
      return this.walked(answer);
    }
    if (does === "reviewed") return void await request(`${path}/reviewed`, { method: "POST", json: body, headers });
    if (does === "add") {
      const { body: event } = await request(`${path}/events`, { method: "POST", json: body, headers });
      return this.added(/** @type {string} */ (eventId), event);
    }
    const before = this.model.table.peek().get(eventId ?? null);
    const { body: event } = await request(`${path}/events/${eventId}`, {
      method: "PATCH", json: body, ifMatch: `"${version}"`, headers,
    });
    this.saved(event, before);
    return undefined;
  }

  /** @param {string} local @param {ReviewEvent} event */
  added(local, event) {
    const { model } = this;
    const shown = model.table.peek().get(local);
    const isChanged = this.queue.waiting.slice(1).some((one) => one.eventId === local);
    const now = isChanged && shown ? { ...shown, id: event.id, version: event.version } : event;
    model.table.value = model.table.peek().with([now], [local]);
    model.settled([local, event.id]);
    model.rename(local, event.id);
    this.tagged.rename(local, event.id);
    this.queue.rebase(local, event.version);
    for (const one of this.undone) if (one?.eventId === local) one.eventId = event.id;
    this.onTimes([event.time_s]);
    return { ids: { [local]: event.id } };
  }

  /** @param {ReviewEvent} event as the service has it now @param {ReviewEvent} [before] */
  saved(event, before) {
    const { model } = this;
    const isChanged = this.queue.waiting.slice(1).some((one) => one.eventId === event.id);
    this.queue.rebase(event.id, event.version);
    if (isChanged) model.patch(event.id, { version: event.version });
    else model.table.value = model.table.peek().with([event]);
    model.settled([event.id]);
    this.onTimes([event.time_s, ...(before ? [before.time_s] : [])]);
  }

  /**
   * A step was undone or done again.
   *
   * @param {{events: ReviewEvent[], gone: string[]}} answer its events as they are now
   */
  walked({ events, gone }) {
    const { table } = this.model;
    const busy = this.busyIds();
    const ids = [...gone, ...events.map((event) => event.id)];
    const before = ids.flatMap((id) => table.peek().get(id)?.time_s ?? []);
    table.value = table.peek().with(events.filter((event) => !busy.has(event.id)), gone);
    for (const { id, version } of events) { // What was decided since rests on it.
      this.queue.rebase(id, version);
      if (busy.has(id)) this.model.patch(id, { version });
    }
    this.model.settled(ids);
    this.onTimes([...before, ...events.map((event) => event.time_s)]);
    this.onUndone(events[0] ?? null);
    return undefined;
  }

  /** The service refused a decision. @param {Decision} decision @param {unknown} error */
  refused(decision, error) {
    const { eventId, body, does, before } = decision;
    const isConflict = error instanceof Problem && (error.status === 412 || error.status === 428);
    if (isConflict && error.body?.current && eventId && body) {
      clash(this, decision, error.body);
      return;
    }
    if (eventId) this.queue.drop(eventId);
    this.restore(decision);
    if (does === "reviewed") this.onReviewedRefused();
    if (does === "undo") this.forgetUndo();
    if (does === "undo" || does === "redo") announce(error instanceof Error ? error.message : "");
    else tell(error);
    if (before) this.onTimes([before.time_s]);
  }

  /** The service had nothing to take back: there is nothing of it to do again. */
  forgetUndo() {
    const at = this.undone.lastIndexOf(null);
    if (at >= 0) this.undone.splice(at, 1);
  }

  /** Decide between two people's word. @param {boolean} isMine */
  settle(isMine) {
    const { model } = this;
    const [conflict, ...others] = model.conflicts.peek();
    model.conflicts.value = others;
    if (isMine && conflict) this.change(conflict.theirs, conflict.body);
  }

  /** The event after another one that is not decided yet. @param {ReviewEvent} event */
  nextUndecided(event) {
    const open = this.model.visible.peek().filter((one) =>
      one.id === event.id || (one.state === "suggested" && !one.is_ghost));
    return neighbour(open, { event, time: event.time_s, step: 1 });
  }
}
