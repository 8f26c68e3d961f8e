// The videos of the library: which are asked for, and what is known of them.

import { computed, effect, signal } from "@preact/signals";
import { call } from "../core/api.js";
import { keyVersion, tell } from "../core/notices.js";
import { Poll } from "../core/poll.js";
import { listen } from "../core/stream.js";
import { isOpen } from "../video/words.js";

/**
 * @typedef {import("../video/types.js").Video} Video
 *
 * @typedef {object} Filters What is empty filters nothing.
 * @property {string} q words of title, file name, competition or team
 * @property {string} competition
 * @property {string} team
 * @property {string} from_date
 * @property {string} to_date
 */

const POLL_BUSY_MS = 1500, POLL_QUIET_MS = 8000, POLL_BESIDE_STREAM_MS = 60000;
const PAGE = 30;
/* The kinds of jobs of which the latest gives a video its status. */
const SPEAKING = ["spot", "probe", "download", "import", "join", "live"];

/** @type {Filters} */
export const NO_FILTERS = { q: "", competition: "", team: "", from_date: "", to_date: "" };

/** @type {import("@preact/signals").Signal<Video[]>} */
export const videos = signal([]);
export const isLoaded = signal(false);
export const hasMore = signal(false);
export const filters = signal(NO_FILTERS);
export const isFiltered = computed(() => Object.values(filters.value).some(Boolean));
/** Why the list may be old; empty: it is not. */
export const staleness = signal("");

let pages = 1;
let isStreaming = false;
/** @type {Poll | null} */
let poll = null;

/** Keep the list in step while a view shows it. @returns {() => void} stops it */
export function watch() {
  const running = new Poll(refresh, {
    onFailure: (problem, rest) => {
      if (problem.status === 401) tell(problem);
      else staleness.value = problem.isAway ? `${problem.message} Trying again in ${rest / 1000} s.` : problem.message;
    },
  });
  poll = running;
  const stopKeys = effect(() => {
    void keyVersion.value;
    running.now();
  });
  const close = listen("/stream", {
    on: { job: applyJob, reset: refreshSoon },
    onState: (isOpened) => {
      const isChanged = isOpened !== isStreaming;
      isStreaming = isOpened;
      if (isChanged) refreshSoon(); // What was told meanwhile is lost; without a stream it is asked for more often.
    },
  });
  return () => {
    close();
    isStreaming = false;
    stopKeys();
    running.stop();
    poll = null;
  };
}

/** Ask for the list anew, now or after what is under way. */
export function refreshSoon() {
  return poll?.now() ?? Promise.resolve();
}

/** @param {Partial<Filters>} change */
export function filterBy(change) {
  filters.value = { ...filters.value, ...change };
  pages = 1;
  refreshSoon();
}

export function showMore() {
  pages += 1;
  return refreshSoon();
}

/** Put a changed video in its place. @param {Video} video */
export function replace(video) {
  videos.value = videos.value.map((one) => (one.id === video.id ? video : one));
}

/**
 * Take what the stream tells of a job. The list is asked for anew when a video has another
 * job, and when any job has ended: then there may be a picture, a timeline, a failure.
 *
 * @param {import("../video/types.js").Job & {video_id: string}} told
 */
export function applyJob(told) {
  const isOver = !isOpen(told);
  const video = videos.value.find(({ id }) => id === told.video_id);
  if (isOver || (SPEAKING.includes(told.kind ?? "") && video?.job.id !== told.id)) {
    refreshSoon();
  } else if (video?.job.id === told.id) {
    const { progress, eta_s } = told;
    const status = told.kind === "live" ? "live" : told.status; // as the list has it
    // Of a job that waits the stream tells no stage, the list does.
    const stage = told.stage ?? (status === video.status ? video.stage : null);
    replace({ ...video, status, stage, progress, job: { ...video.job, status, stage, progress, eta_s } });
  }
}

async function refresh() {
  const asked = new URLSearchParams({ limit: String(PAGE) });
  const wanted = filters.value;
  for (const [name, value] of Object.entries(wanted)) if (value.trim()) asked.set(name, value.trim());
  /** @type {Video[]} */
  const found = [];
  let cursor = null;
  for (let page = 0; page < pages && (page === 0 || cursor); page += 1) {
    if (cursor) asked.set("cursor", cursor);
    const answer = await call(`/videos?${asked}`);
    found.push(...answer.items);
    cursor = answer.next_cursor;
  }
  if (filters.value !== wanted) return 0;
  videos.value = found;
  hasMore.value = Boolean(cursor);
  isLoaded.value = true;
  staleness.value = "";
  if (isStreaming) return POLL_BESIDE_STREAM_MS;
  return found.some(isOpen) ? POLL_BUSY_MS : POLL_QUIET_MS;
}
