// Events of a live stream as they come: provisional, final, retracted. No calls, no elements.

/**
 * @typedef {import("./types.js").LiveChange} LiveChange
 * @typedef {import("../review/types.js").ReviewEvent} ReviewEvent
 */

const NEAR_S = 1;

/**
 * What becomes of the events on the page.
 *
 * What a person decided stays, whatever becomes of the suggestion: what the service makes of
 * the two is asked for (`asks`).
 *
 * @param {import("../review/events.js").EventTable} table
 * @param {"provisional" | "final" | "retracted"} kind
 * @param {LiveChange} change
 * @param {ReadonlySet<string>} busy ids of events whose state here is newer than the service's
 * @returns {{table: import("../review/events.js").EventTable, asks: boolean}}
 */
export function changedBy(table, kind, change, busy) {
  const known = table.get(change.id);
  const isKept = known !== undefined && (known.state !== "suggested" || busy.has(known.id));
  const asks = isKept || table.all.some((event) =>
    event.state !== "suggested" && event.type === change.type && Math.abs(event.time_s - change.time_s) <= NEAR_S);
  if (kind === "retracted") return { table: isKept ? table : table.with([], [change.id]), asks: isKept };
  if (isKept) return { table: table.with([{ ...known, score: change.score, is_provisional: false }]), asks };
  return { table: table.with([eventOf(change)]), asks };
}

/** @param {LiveChange} change @returns {ReviewEvent} as `GET /videos/{id}/events` has it */
function eventOf({ id, type, time_s, frame, score, team, is_provisional }) {
  return {
    id, type, time_s, frame, score, team, is_provisional,
    state: "suggested", source: "model", attributes: {}, is_ghost: false, version: 0,
  };
}
