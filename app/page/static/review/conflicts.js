// Two people's words on one event: which of them counts is asked, now or at the next visit.

import { changed, combined } from "./drafts.js";
import { newKey } from "./sending.js";

/**
 * @typedef {import("./decisions.js").Decisions} Decisions
 * @typedef {import("./queue.js").Decision} Decision
 */

/**
 * Somebody else decided on the same event: ask which word counts.
 *
 * @param {Decisions} decisions
 * @param {Decision} decision that was refused
 * @param {Record<string, any>} problem with the event as it is now, and what was done since
 */
export function clash({ model, queue }, { eventId = "", body = {}, version: seen }, { current: theirs, changes = [] }) {
  const later = queue.drop(eventId);
  const all = later.reduce((sum, one) => combined(sum, one.body ?? {}), body);
  const mine = model.table.peek().get(eventId) ?? changed(theirs, all, model.frames.peek());
  model.table.value = model.table.peek().with([theirs]);
  model.conflicts.value = [...model.conflicts.peek(), { mine, theirs, changes, body: all, seen }];
}

/**
 * The page is left before the person said which word counts: theirs is kept, and the next visit asks again, for it is
 * of the version that they saw.
 *
 * @param {Decisions} decisions
 */
export function keepConflicts({ model, queue }) {
  for (const { theirs, body, seen } of model.conflicts.peek()) {
    queue.waiting.push({ key: newKey(), does: "change", eventId: theirs.id, version: seen, body, before: theirs });
  }
  queue.keep();
}
