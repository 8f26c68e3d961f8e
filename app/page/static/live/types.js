// What the API tells of live streams (docs/live.md), and what the page makes of it; no code.

/**
 * @typedef {import("../review/types.js").Stretch} Stretch
 * @typedef {"waiting" | "connecting" | "live" | "interrupted" | "ending" | "ended" | "failed"} StreamState
 *
 * @typedef {{p50_ms: number, p95_ms: number, p99_ms: number, count: number}} Percentiles
 * @typedef {{spotted: Percentiles | null, stored: Percentiles | null, sent: Percentiles | null}} Latency
 * @typedef {{from_s: number, to_s: number, reason: string}} Gap
 *
 * @typedef {object} LiveStream As `GET /live/{video_id}` tells it.
 * @property {string} video_id
 * @property {string} name
 * @property {StreamState} state
 * @property {string} source
 * @property {"pull" | "listen" | "push" | "udp" | "file" | "relay"} kind
 * @property {{url: string, key: string} | null} push where to send RTMP or SRT to
 * @property {string | null} model
 * @property {number | null} look_ahead_s
 * @property {boolean} record
 * @property {"on" | "off" | "stopped"} recording
 * @property {string | null} recording_problem
 * @property {{width: number, height: number, fps: number, codec: string} | null} facts
 * @property {string | null} began_at
 * @property {number} edge_s
 * @property {number} recorded_s
 * @property {Latency} latency
 * @property {Gap[]} gaps
 * @property {string | null} end_reason why it ended by itself, before its source was over
 * @property {{code: string, detail: string} | null} error
 * @property {string} created_at
 * @property {string | null} ended_at
 * @property {{self: string, video: string, hls: string | null, push: string | null, stop: string}} links
 *
 * @typedef {object} OnPage What the review page knows beside it.
 * @property {boolean} isFollowed it is under way, or there is no file in its place yet
 * @property {boolean} hasPicture there is something to look at
 * @property {string} problem why the recording cannot be played; empty: it can
 *
 * @typedef {LiveStream & OnPage} FollowedStream
 *
 * @typedef {object} LiveChange What is said of an event.
 * @property {number} number
 * @property {string} id
 * @property {string} type
 * @property {number} time_s
 * @property {number} frame
 * @property {number} score
 * @property {string | null} team
 * @property {boolean} is_provisional
 *
 * @typedef {object} Segment A piece of the recording.
 * @property {string} url relative to the playlist
 * @property {number} from
 * @property {number} to seconds of the stream
 *
 * @typedef {object} Playlist
 * @property {Segment[]} segments in order
 * @property {Stretch[]} holes where nothing was recorded
 * @property {number} end of the last segment, in seconds
 * @property {number} longest of the segments, in seconds
 * @property {boolean} isOver nothing will be added
 */

export {};
