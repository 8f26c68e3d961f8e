// The shapes that the review view's modules share; no code.

/**
 * @typedef {"suggested" | "accepted" | "rejected" | "edited" | "added"} State
 *
 * @typedef {object} ReviewEvent An event of the merged timeline, as the API gives it.
 * @property {string} id
 * @property {string} type
 * @property {number} time_s seconds from the file's start
 * @property {number} frame index in the source, from 0
 * @property {number | null} score null for an event that a person added
 * @property {string | null} [team]
 * @property {State} state
 * @property {"model" | "human"} source
 * @property {Record<string, unknown>} attributes
 * @property {boolean} [is_provisional] of a live stream, and not for good yet
 * @property {boolean} is_ghost a peak below its type's threshold
 * @property {number} version revision of its last decision, 0: none
 * @property {string | null} [decided_by]
 * @property {string | null} [decided_at]
 * @property {boolean} [unsent] whether a decision on it waits to be sent
 *
 * @typedef {object} Half
 * @property {number} start_s
 * @property {number | null} [end_s]
 * @property {number | null} [clock_start_s] what the match clock shows at `start_s`
 *
 * @typedef {object} Stretch A part of the video, in seconds.
 * @property {number} from
 * @property {number} to
 *
 * @typedef {object} EventType
 * @property {string} name
 * @property {string | null} key "1" to "9"
 * @property {string} colour a CSS colour
 *
 * @typedef {object} ThresholdFacts The lowest score of a type's events, and who says so.
 * @property {string} type
 * @property {number | null} threshold in force
 * @property {number | null} video saved for the video
 * @property {number | null} model saved for the model
 * @property {number | null} checkpoint the checkpoint's own
 *
 * @typedef {object} Team
 * @property {string} name
 * @property {string | null} [colour]
 * @property {string | null} [side]
 */

export {};
