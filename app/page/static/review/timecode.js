// Times in words: timecode, match clock, and back.

/** @typedef {import("./types.js").Half} Half */

/**
 * Write a time as `1:02:03.456`.
 *
 * @param {number} time seconds
 * @param {number} [places] digits after the point
 */
export function timecode(time, places = 3) {
  const scale = 10 ** places;
  const units = Math.round(Math.max(0, time) * scale);
  const whole = Math.floor(units / scale);
  const hours = Math.floor(whole / 3600);
  const minutes = String(Math.floor(whole / 60) % 60).padStart(hours ? 2 : 1, "0");
  const seconds = String(whole % 60).padStart(2, "0");
  const rest = places ? `.${String(units % scale).padStart(places, "0")}` : "";
  return `${hours ? `${hours}:` : ""}${minutes}:${seconds}${rest}`;
}

/**
 * Read what a person wrote as a time: `83.5`, `1:23.5` or `1:02:03`.
 *
 * @param {string} text
 * @returns {number | null} seconds; null if it is no time
 */
export function parseTime(text) {
  const parts = text.trim().replace(",", ".").split(":");
  if (parts.length > 3 || !parts.every((part) => /^\d+(\.\d+)?$/.test(part))) return null;
  if (parts.slice(0, -1).some((part) => part.includes("."))) return null;
  if (parts.slice(1).some((part) => Number(part) >= 60)) return null;
  return parts.reduce((sum, part) => sum * 60 + Number(part), 0);
}

/**
 * Say what the match clock shows.
 *
 * A half without an end lasts until the next one begins; one without a clock goes on
 * where the half before it ended.
 *
 * @param {number} time seconds of the video
 * @param {readonly Half[] | null | undefined} halves in order of time
 * @returns {string} empty outside of play
 */
export function matchClock(time, halves) {
  let clock = 0;
  for (const [index, half] of (halves ?? []).entries()) {
    const start = half.clock_start_s ?? clock;
    const end = half.end_s ?? halves?.[index + 1]?.start_s ?? Infinity;
    if (time >= half.start_s && time < end) {
      const shown = Math.floor(start + time - half.start_s + 1e-6);
      return `${index + 1}H ${String(Math.floor(shown / 60)).padStart(2, "0")}:${String(shown % 60).padStart(2, "0")}`;
    }
    clock = start + end - half.start_s;
  }
  return "";
}
