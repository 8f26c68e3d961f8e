// What the API tells of trainings, models and comparisons; no code.

/**
 * @typedef {import("../video/types.js").Status} Status
 *
 * @typedef {{events: number, rejected: number}} Count Reviewed events of a type, and suggestions that people rejected.
 *
 * @typedef {object} ReadyMatch
 * @property {string} video_id
 * @property {string} title
 * @property {number} minutes that are reviewed
 * @property {Record<string, Count>} counts
 *
 * @typedef {object} Need
 * @property {string} type
 * @property {number} more events
 * @property {number | null} gain of AP, 0 to 1
 * @property {string} text
 *
 * @typedef {object} Readiness
 * @property {number} minutes
 * @property {ReadyMatch[]} matches
 * @property {Record<string, Count>} counts
 * @property {{by: "matches" | "stretches", note: string | null} | null} split null: nothing can be split yet
 * @property {Record<string, number>} agreement of reviewers
 * @property {{code: string, detail: string, is_blocking: boolean}[]} problems
 * @property {{minutes: number, videos: {video_id: string, title: string}[], counts: Record<string, number>} | null} [holdout]
 * @property {Need[]} needs of which more would help
 * @property {Need[]} no_gain_seen the others
 * @property {string | null} [needs_note] why there are none
 * @property {{installed: boolean, running: boolean, detail: string}} worker
 *
 * @typedef {object} Curves
 * @property {{step: number, stage?: string | null, value: number | null}[]} loss null: it was no finite number
 * @property {{step: number, stage?: string | null, values: Record<string, number | null>}[]} validation
 * @property {{share: number, events: Record<string, number>, values: Record<string, number | null>}[]} learning
 *
 * @typedef {object} Figures
 * @property {number | null} [ap]
 * @property {number | null} [f1]
 * @property {number} [events]
 * @property {number | null} [threshold]
 *
 * @typedef {object} Training
 * @property {string} id
 * @property {string} job_id
 * @property {string} name
 * @property {string | null} base
 * @property {string} [start]
 * @property {string[] | null} types
 * @property {Status} status
 * @property {string | null} stage
 * @property {number} progress
 * @property {number | null} eta_s
 * @property {number | null} [queue_position] 1: the next
 * @property {Record<string, any> | null} data
 * @property {Curves} [curves]
 * @property {{at: string, text: string, number: number}[]} [log]
 * @property {Record<string, any> | null} [figures]
 * @property {Need[]} [needs]
 * @property {Need[]} [no_gain_seen]
 * @property {{code: string, detail: string}[]} [warnings]
 * @property {string | null} model
 * @property {string | null} comparison_id
 * @property {{code: string, detail: string} | null} error
 * @property {string} created_at
 * @property {string} created_by
 * @property {string | null} started_at
 * @property {string | null} finished_at
 *
 * @typedef {object} Model
 * @property {string} name
 * @property {boolean} is_default
 * @property {boolean} is_bundled
 * @property {boolean} is_archived
 * @property {number} size_bytes
 * @property {string[]} labels
 * @property {Record<string, number>} thresholds
 * @property {{width?: number, height?: number, fps?: number} & Record<string, any>} input
 * @property {Record<string, any>} architecture
 * @property {Record<string, any>} provenance
 * @property {string | null} problem
 *
 * @typedef {object} Choice Somebody made a model the default.
 * @property {string} name
 * @property {string | null} before
 * @property {boolean} is_rollback
 * @property {string | null} created_by null: a key of another project
 * @property {string} created_at
 *
 * @typedef {object} DefaultModel
 * @property {string | null} name
 * @property {boolean} is_fixed by the operator
 * @property {string | null} rollback_to
 * @property {Choice[]} history the newest first
 *
 * @typedef {{sha256: string | null, ancestors: string[], chosen: Choice[]}} Details
 * @typedef {Model & Details} ModelDetails
 *
 * @typedef {{value: number | null, low: number | null, high: number | null}} Estimate null: nothing happened
 *
 * @typedef {object} ModelFigures
 * @property {string} name
 * @property {Estimate} ap
 * @property {Estimate} f1
 * @property {number} precision
 * @property {number} recall
 *
 * @typedef {object} Difference
 * @property {string} model
 * @property {string} against
 * @property {Estimate} ap
 * @property {Estimate} f1
 *
 * @typedef {object} TypeFigures
 * @property {string} type
 * @property {number} events
 * @property {ModelFigures[]} models
 * @property {Difference[]} differences
 *
 * @typedef {object} Verdict
 * @property {string} text
 * @property {{type: string, events: number, against: string, verdict: string, text: string}[]} by_type
 *
 * @typedef {object} Comparison
 * @property {string} id
 * @property {string | null} training_id
 * @property {Status} status
 * @property {string | null} stage
 * @property {number} progress
 * @property {number | null} eta_s
 * @property {{name: string, sha256: string | null}[]} models
 * @property {{videos: number, minutes: number, note: string, left_out: {video_id: string, why: string}[]}} holdout
 * @property {Verdict | null} verdict null: it is not made yet
 * @property {TypeFigures[]} types
 * @property {Record<string, string[]>} left_out by model the types that it does not know
 * @property {Record<string, number>} unknown types that no model knows, and how often they happened
 * @property {string[]} warnings
 * @property {number} errors
 * @property {{code: string, detail: string} | null} error
 * @property {string} created_at
 *
 * @typedef {{kind: string, score: number | null, label: string | null, time_s: number | null}} Said What a model said of a moment.
 *
 * @typedef {object} ComparisonError
 * @property {string} video_id
 * @property {number} time_s
 * @property {number} frame
 * @property {string} type
 * @property {boolean} is_event
 * @property {string} kind
 * @property {Record<string, Said>} by
 */

export {};
