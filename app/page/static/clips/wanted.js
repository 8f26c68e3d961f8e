// What is asked of the API for clips; no elements.

/**
 * @typedef {object} CutEvent
 * @property {string} video_id
 * @property {string} id
 * @property {string} type
 * @property {number} time_s
 * @property {number} [hit] those with the same number are shown by one cut, as the events of a sequence are
 *
 * @typedef {object} Wishes
 * @property {ReadonlySet<string>} types that are left in
 * @property {string} lead as it was typed
 * @property {string} lag
 * @property {boolean} merge
 * @property {"time" | "score"} order
 * @property {"reel" | "zip" | "playlist"} form
 * @property {"exact" | "smart" | "copy"} mode
 * @property {boolean} type captions of the event
 * @property {boolean} clock
 * @property {boolean} teams
 */

export const MAX_OF_ONE = 5000, MAX_OF_SEVERAL = 1000, MAX_VIDEOS = 100;
const MAX_MARGIN_S = 600;

/**
 * How many events of each type there are, the most first.
 *
 * @param {readonly CutEvent[]} events
 * @returns {[string, number][]}
 */
export function countsOf(events) {
  const counts = new Map();
  for (const { type } of events) counts.set(type, (counts.get(type) ?? 0) + 1);
  return [...counts].sort(([a, many], [b, more]) => more - many || a.localeCompare(b));
}

/**
 * How many clips there are before any are joined: one a hit, or one an event.
 *
 * @param {readonly CutEvent[]} events
 */
export function countHits(events) {
  return new Set(events.map(({ video_id, id, hit }) => (hit === undefined ? `${video_id} ${id}` : hit))).size;
}

/** Whether some are shown together by one cut. @param {readonly CutEvent[]} events */
export function areSequences(events) {
  return events.some(({ hit }) => hit !== undefined);
}

/** Whether they are of several matches: clips of those are always made by `exact`. @param {readonly CutEvent[]} events */
export function areOfSeveral(events) {
  return new Set(events.map(({ video_id }) => video_id)).size > 1;
}

/**
 * Make the request, or say what is wrong.
 *
 * @param {readonly CutEvent[]} events
 * @param {Wishes} wishes
 * @returns {{problem: string} | {path: string, json: Record<string, unknown>}}
 */
export function requestOf(events, wishes) {
  const chosen = events.filter(({ type }) => wishes.types.has(type));
  const videos = new Set(chosen.map((event) => event.video_id));
  const isOfSeveral = areOfSeveral(chosen);
  const isOfProject = isOfSeveral || areSequences(chosen);
  const most = isOfProject ? MAX_OF_SEVERAL : MAX_OF_ONE;
  if (!chosen.length) return { problem: "Choose at least one type of event." };
  if (chosen.length > most) return { problem: `At most ${most} events are cut at once; choose fewer.` };
  if (videos.size > MAX_VIDEOS) return { problem: `Clips are made of at most ${MAX_VIDEOS} matches at once; choose fewer.` };
  const lead_s = secondsOf(wishes.lead), lag_s = secondsOf(wishes.lag);
  if (lead_s === null || lag_s === null) return { problem: `Seconds before and after are numbers from 0 to ${MAX_MARGIN_S}.` };
  if (lead_s + lag_s === 0) return { problem: "A clip needs some time before or after its event." };
  const { merge, order, form, mode, type, clock, teams } = wishes;
  const isRendered = form !== "playlist";
  const json = { lead_s, lag_s, merge, order, form, mode: isOfSeveral ? "exact" : mode, ...(isRendered && { captions: { type, clock, teams } }) };
  if (!isOfProject) {
    return { path: `/videos/${chosen[0].video_id}/clips`, json: { ...json, event_ids: chosen.map(({ id }) => id) } };
  }
  return { path: "/clips", json: { ...json, events: named(chosen) } };
}

/**
 * Name events as `POST /clips` takes them: those of a hit together.
 *
 * @param {readonly CutEvent[]} events
 */
function named(events) {
  /** @type {({video_id: string, event_id: string} | {video_id: string, event_ids: string[]})[]} */
  const found = [];
  /** @type {Map<number, string[]>} */
  const together = new Map();
  for (const { video_id, id, hit } of events) {
    const before = hit === undefined ? undefined : together.get(hit);
    if (hit === undefined) found.push({ video_id, event_id: id });
    else if (before) before.push(id);
    else {
      const ids = [id];
      together.set(hit, ids);
      found.push({ video_id, event_ids: ids });
    }
  }
  return found;
}

/** @param {string} text */
function secondsOf(text) {
  const value = Number(text.trim().replace(",", "."));
  return text.trim() !== "" && value >= 0 && value <= MAX_MARGIN_S ? value : null;
}
