// What the API tells of videos, jobs and models; no code.

/**
 * @typedef {"queued" | "running" | "succeeded" | "failed" | "canceled" | "live"} Status live: a stream under way
 *
 * @typedef {object} Job
 * @property {string} id
 * @property {string} [kind] spot, probe, proxy ...
 * @property {Status} status
 * @property {string | null} stage
 * @property {number} progress 0 to 1
 * @property {number | null} eta_s
 * @property {string | null} model the name that was asked for
 * @property {({name: string, teams?: string[]} & Record<string, any>) | null} checkpoint what ran
 * @property {Record<string, string> | null} warnings
 * @property {{detail: string} | null} error
 *
 * @typedef {object} Team
 * @property {string} name
 * @property {string | null} [colour] #rrggbb
 * @property {string | null} [side] the `team` of its events
 *
 * @typedef {object} Half
 * @property {number} start_s the kick-off
 * @property {number | null} [end_s]
 * @property {number | null} [clock_start_s] what the match clock shows at the kick-off
 *
 * @typedef {object} Video
 * @property {string} id
 * @property {string | null} title
 * @property {string | null} filename
 * @property {string | null} [date] 2026-05-31
 * @property {string | null} [competition]
 * @property {Team[]} [teams]
 * @property {Half[]} [halves]
 * @property {number} [facts_version]
 * @property {Status} status of the latest job
 * @property {string | null} stage
 * @property {number} progress
 * @property {{detail: string} | null} error
 * @property {Record<string, number> | null} counts events by type; null: none yet
 * @property {number | null} size_bytes null until all bytes are there
 * @property {string | null} [dropped_at] when its file went by the rules of retention
 * @property {string | null} [duplicate_of] an earlier video with the very same bytes
 * @property {number | null} duration_s
 * @property {number | null} width
 * @property {number | null} height
 * @property {number | null} fps
 * @property {string | null} codec
 * @property {boolean} has_poster
 * @property {"original" | "proxy" | "pending" | "none"} [playable]
 * @property {string | null} current_job_id
 * @property {string | null} current_analysis_id
 * @property {string} created_at
 * @property {Job} job the latest
 * @property {Record<string, string>} links
 *
 * @typedef {object} Model
 * @property {string} name
 * @property {boolean} is_default
 * @property {string[]} labels
 * @property {string | null} problem why it cannot be used
 */

export {};
