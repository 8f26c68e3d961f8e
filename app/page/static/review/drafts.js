// How an event looks with a decision that the service does not know yet.

/**
 * @typedef {import("./types.js").ReviewEvent} ReviewEvent
 * @typedef {import("./frames.js").FrameTimes} FrameTimes
 */

/**
 * How an event looks after a change.
 *
 * @param {ReviewEvent} event
 * @param {Record<string, any>} body as PATCH takes it
 * @param {FrameTimes} frames
 * @returns {ReviewEvent}
 */
export function changed(event, body, frames) {
  const now = { ...event, unsent: true, is_ghost: false };
  if (body.frame !== undefined) Object.assign(now, { frame: body.frame, time_s: frames.timeOf(body.frame) });
  if (body.type !== undefined) now.type = body.type;
  if (body.attributes) {
    now.attributes = { ...event.attributes, ...body.attributes };
    if ("team" in body.attributes) now.team = body.attributes.team;
    for (const [name, value] of Object.entries(body.attributes)) if (value === null) delete now.attributes[name];
  }
  now.state = stateAfter(event, body.state);
  return now;
}

/**
 * What two changes of one event, one after the other, come to.
 *
 * @param {Record<string, any>} first as PATCH takes it
 * @param {Record<string, any>} second
 * @returns {Record<string, any>}
 */
export function combined(first, second) {
  // Taking a decision back leaves nothing of what was before, and goes with nothing else.
  if (first.state === "suggested" || second.state === "suggested") return second;
  const both = { ...first, ...second };
  if (first.attributes && second.attributes) both.attributes = { ...first.attributes, ...second.attributes };
  return both;
}

/**
 * @param {ReviewEvent} event
 * @param {import("./types.js").State | undefined} wanted
 */
function stateAfter(event, wanted) {
  if (event.source === "human" && wanted !== "rejected") return "added";
  return wanted ?? "edited";
}

/**
 * An event that was just added.
 *
 * @param {string} id a local one
 * @param {Record<string, any>} body as POST takes it
 * @param {FrameTimes} frames
 * @returns {ReviewEvent}
 */
export function localEvent(id, body, frames) {
  return {
    id, type: body.type, frame: body.frame, time_s: frames.timeOf(body.frame), score: null, team: null,
    state: "added", source: "human", attributes: {}, is_ghost: false, version: 0, unsent: true,
  };
}
