// What each action of the key map does.

import { announce, tell } from "../core/notices.js";
import { lengthOf, merged, without } from "./intervals.js";
import { prefs, setPrefs } from "./prefs.js";
import { fitted, zoomed } from "./scale.js";
import { timecode } from "./timecode.js";

/**
 * @typedef {import("./review.js").Review} Review
 * @typedef {import("./types.js").ReviewEvent} ReviewEvent
 */

const SMALL = 1, LARGE = 5;

/**
 * Do an action; false: there is none of that name.
 *
 * @param {Review} review
 * @param {string} id
 */
export function perform(review, id) {
  const number = /^type-(\d)$/.exec(id)?.[1];
  if (number) {
    useType(review, number);
    return true;
  }
  const does = COMMANDS[id];
  does?.(review);
  return does !== undefined;
}

/** @type {Record<string, (review: Review) => void>} */
const COMMANDS = {
  "play": ({ playback }) => playback.toggle(),
  "shuttle-back": ({ playback }) => playback.shuttleBack(),
  "shuttle-forward": ({ playback }) => playback.shuttleForward(),
  "frame-back": ({ playback }) => playback.step(-1),
  "frame-forward": ({ playback }) => playback.step(1),
  "second-back": ({ playback }) => playback.skip(-1),
  "second-forward": ({ playback }) => playback.skip(1),
  "start": ({ playback }) => playback.seek(0),
  "end": ({ playback, model }) => playback.seek(model.frames.peek().count - 1),
  "live-edge": ({ following, model }) => {
    if (following && model.stream.peek()?.isFollowed) following.toEdge();
    else announce("This video is not live.");
  },
  "slower": ({ playback }) => playback.changeRate(-1),
  "faster": ({ playback }) => playback.changeRate(1),
  "loop": (review) => toggleLoop(review),
  "next-event": (review) => review.goTo(1),
  "previous-event": (review) => review.goTo(-1),
  "next-uncertain": (review) => review.nextUncertain(),
  "accept": (review) => withEvent(review, (event) => {
    review.decisions?.accept(event);
    review.goOn(event);
  }),
  "reject": (review) => withEvent(review, (event) => {
    review.decisions?.reject(event);
    review.goOn(event);
  }),
  "nudge-back": (review) => nudge(review, -SMALL),
  "nudge-forward": (review) => nudge(review, SMALL),
  "nudge-back-5": (review) => nudge(review, -LARGE),
  "nudge-forward-5": (review) => nudge(review, LARGE),
  "move-here": (review) => withEvent(review, (event) => move(review, event, review.model.frame.peek())),
  "team": (review) => withEvent(review, (event) => review.decisions?.nextTeam(event, review.teams)),
  "note": () => document.getElementById("event-player")?.focus(),
  "tick": (review) => withEvent(review, (event) => review.model.tick(event.id)),
  "undo": ({ decisions }) => { decisions?.undo(); },
  "redo": ({ decisions }) => { decisions?.redo(); },
  "tag": ({ model }) => {
    model.isTagging.value = !model.isTagging.peek();
    announce(model.isTagging.peek() ? "Tagging: keys of types add events." : "Tagging is off.");
  },
  "ghosts": () => setPrefs({ ghosts: !prefs().ghosts }),
  "curves": () => setPrefs({ curves: !prefs().curves }),
  "reviewed": (review) => markReviewed(review),
  "zoom-in": (review) => zoom(review, 0.5),
  "zoom-out": (review) => zoom(review, 2),
  "zoom-all": ({ model }) => { model.zoom.value = null; },
  "help": ({ model }) => { model.dialog.value = model.dialog.peek() === "help" ? null : "help"; },
};

/**
 * @param {Review} review
 * @param {(event: ReviewEvent) => void} does
 */
function withEvent({ model }, does) {
  const event = model.selected.peek();
  if (event) does(event);
  else announce("No event is selected: N goes to the next one.");
}

/**
 * @param {Review} review
 * @param {number} count frames
 */
function nudge(review, count) { withEvent(review, (event) => move(review, event, event.frame + count)); }

/**
 * @param {Review} review
 * @param {ReviewEvent} event
 * @param {number} frame
 */
export function move(review, event, frame) {
  const { playback, decisions, model } = review;
  decisions?.moveTo(event, frame);
  playback.pause();
  playback.setLoop(null);
  playback.seek(model.table.peek().get(event.id)?.frame ?? frame);
}

/**
 * The key of a type: sets the type of the event at the playhead, or adds one.
 *
 * @param {Review} review
 * @param {string} number "1" to "9"
 */
function useType(review, number) {
  const type = review.model.types.peek().find((one) => one.key === number);
  if (!type) {
    announce(`No type has the key ${number}.`);
    return;
  }
  addOrSet(review, type.name);
}

/**
 * @param {Review} review
 * @param {string} name of a type
 */
export function addOrSet(review, name) {
  const { model, decisions } = review;
  const event = model.selected.peek();
  if (event && !model.isTagging.peek() && review.isAtSelected) decisions?.setType(event, name);
  else add(review, name);
}

/**
 * @param {Review} review
 * @param {string} name
 */
export function add(review, name) {
  const { model, decisions } = review;
  const event = decisions?.add(name);
  if (!event) return;
  model.selectedId.value = event.id;
  review.heldUntil = -Infinity;
  announce(`${name} at ${timecode(event.time_s, 2)}`);
}

/** @param {Review} review */
export function toggleLoop(review) {
  const loops = !prefs().loops;
  setPrefs({ loops });
  const event = review.model.selected.peek();
  if (loops && event) review.select(event, { plays: true });
  else review.playback.setLoop(null);
}

/**
 * @param {Review} review
 * @param {number} factor
 */
export function zoom({ model }, factor) {
  const stretch = model.stretch.peek();
  const time = model.time.peek();
  const isInView = time >= stretch.from && time <= stretch.to;
  const duration = model.duration.peek();
  const next = zoomed(stretch, factor, isInView ? time : (stretch.from + stretch.to) / 2, duration);
  model.zoom.value = next.to - next.from >= duration ? null : fitted(next, duration);
}

/**
 * Mark what the lanes show as reviewed; if all of it is, take that back.
 *
 * @param {Review} review
 */
export function markReviewed(review) {
  const { model, decisions, loader } = review;
  const { from, to } = model.stretch.peek();
  const end = Math.min(to, model.frames.peek().end);
  const words = `${timecode(from, 0)} to ${timecode(end, 0)}`;
  const left = without([{ from, to: end }], model.reviewed.peek());
  if (lengthOf(left) < 0.1) {
    review.unmark(from, end).then(() => announce(`${words} is no longer marked as reviewed.`), tell);
    return;
  }
  model.reviewed.value = merged([...model.reviewed.peek(), { from, to: end }]);
  decisions?.review(Math.round(from * 1000) / 1000, Math.floor(end * 1000) / 1000, loader.analysisId);
  announce(`${words} is marked as reviewed.`);
}
