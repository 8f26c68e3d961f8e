// What GET /videos/{id}/statistics tells; no code.

/**
 * @typedef {object} Count
 * @property {string} type
 * @property {string | null} team null: not known
 * @property {number | null} half null: outside the halves, or they are not known
 * @property {number} count
 *
 * @typedef {object} Bin
 * @property {number | null} half
 * @property {number} from_s in the video
 * @property {number} to_s
 * @property {number | null} clock_from_s what the match clock shows at its start
 * @property {number} count
 * @property {Count[]} counts
 *
 * @typedef {object} Tempo
 * @property {number | null} half null: all together
 * @property {number} minutes
 * @property {number} count
 * @property {number | null} per_minute
 * @property {{team: string, count: number, per_minute: number | null}[]} teams
 *
 * @typedef {object} Shot
 * @property {string} event_id
 * @property {string} type
 * @property {number} time_s
 * @property {string | null} team
 * @property {number | null} half
 * @property {number} passes
 *
 * @typedef {object} Sequence
 * @property {string | null} team
 * @property {number | null} half
 * @property {number} from_s
 * @property {number} to_s
 * @property {number} count
 * @property {number} passes
 * @property {string[]} types
 * @property {string[]} event_ids
 *
 * @typedef {object} HalfOfMatch
 * @property {number} half from 1
 * @property {number} start_s
 * @property {number} end_s
 * @property {number | null} clock_start_s
 *
 * @typedef {object} Figure
 * @property {string} statistic
 * @property {string | null} type
 * @property {number | null} this
 * @property {number | null} other
 * @property {number | null} difference
 *
 * @typedef {object} Statistics
 * @property {string} video_id
 * @property {number} count
 * @property {string[]} teams
 * @property {string[]} types
 * @property {HalfOfMatch[]} halves
 * @property {Count[]} counts
 * @property {Bin[]} bins
 * @property {Tempo[]} tempo
 * @property {number | null} mean_passes_before_shot
 * @property {Shot[]} passes_before_shots
 * @property {Sequence[]} longest_sequences
 * @property {Sequence[]} longest_of_teams
 * @property {Figure[]} comparison
 *
 * @typedef {object} Series Whose figures stand side by side.
 * @property {string | null | undefined} team null: not known; undefined: everybody
 * @property {string} name
 * @property {number} index by which it has its pattern
 * @property {{light: string, dark: string}} shades its colour, by the page's theme
 */

export {};
