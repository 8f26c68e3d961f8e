// Where an address wants the review to stand: #/videos/ID?t=12.34&event=EVENT.

/**
 * Show the frame of an event or, if it is not there (any more), the one at a time.
 *
 * @param {import("./review.js").Review} review whose events are there
 * @param {URLSearchParams} query `event`: an id; `t`: seconds
 */
export function goToPlace(review, query) {
  const event = review.model.table.peek().get(query.get("event") ?? "");
  const time = Number.parseFloat(query.get("t") ?? "");
  if (event) review.select(event, { plays: false });
  else if (Number.isFinite(time) && time >= 0) review.playback.seekTime(time);
}

/**
 * Write the address of a moment of a video.
 *
 * @param {string} videoId
 * @param {number} time seconds
 * @param {string} [eventId]
 */
export function placeOf(videoId, time, eventId) {
  const query = new URLSearchParams({ t: time.toFixed(3) });
  if (eventId) query.set("event", eventId);
  return `#/videos/${videoId}?${query}`;
}
