// What the stream tells of a video, and what follows from it.

import { listen } from "../core/stream.js";
import { tell } from "../core/notices.js";
import { isUnderWay } from "../video/words.js";

/** @typedef {import("./review.js").Review} Review */

const SPEAKING = ["spot", "probe"]; // kinds of jobs whose state is the video's

/**
 * Follow a video while the page is seen. A hidden page leaves the connection to others,
 * for a browser has six to a host; seen again, it asks for what came since.
 *
 * @param {Review} review
 * @returns {() => void} ends it
 */
export function follow(review) {
  const { model } = review;
  /** @type {(() => void) | null} */
  let stop = null;
  const close = () => {
    stop?.();
    stop = null;
    model.isLive.value = false;
  };
  const change = () => {
    if (document.hidden) {
      close();
      return;
    }
    if (stop) return;
    const { revision } = model;
    const since = revision === null ? "" : `?since=${revision}`;
    stop = listen(`${model.path}/stream${since}`, {
      on: streamHandlers(review),
      onState: (isOpen) => {
        model.isLive.value = isOpen;
        if (isOpen && review.decisions?.queue.length) review.decisions.queue.flush();
      },
    });
  };
  document.addEventListener("visibilitychange", change);
  change();
  return () => {
    document.removeEventListener("visibilitychange", change);
    close();
  };
}

/**
 * @param {Review} review
 * @returns {Record<string, (data: any, id: string) => void>}
 */
export function streamHandlers(review) {
  const { model, loader } = review;
  /** @param {{revision?: number}} data */
  const note = ({ revision }) => {
    if (revision !== undefined) model.revision = Math.max(model.revision ?? 0, revision);
  };
  return {
    state: note,
    reset: (data) => {
      note(data);
      review.readAll().catch(tell);
    },
    job: (job) => takeJob(review, job),
    video: (data) => {
      if (data.deleted) model.isGone.value = true;
      else review.videoChanged().catch(tell);
    },
    decision: (data) => {
      note(data);
      takeDecision(review, data);
    },
    reviewed: (data) => {
      note(data);
      loader.readReviewed().catch(tell);
    },
    thresholds: (data) => {
      note(data);
      loader.readThresholds().then(() => loader.readEvents()).catch(tell);
    },
  };
}

/**
 * A job is where it was, has moved on, or is another one. Of jobs that speak not for the
 * video, such as that of its thumbnails, the video's own event tells what they made.
 *
 * @param {Review} review
 * @param {any} job
 */
function takeJob(review, job) {
  const { model } = review;
  const video = model.video.peek();
  if (!video || !SPEAKING.includes(job.kind)) return;
  const isKnown = video.job?.id === job.id && job.status === video.status;
  if (!isKnown) review.videoChanged().catch(tell);
  else if (isUnderWay(job)) {
    model.video.value = { ...video, progress: job.progress, stage: job.stage, job: { ...video.job, ...job } };
  }
}

/**
 * Somebody decided, perhaps this page: what it knows already is not asked for again.
 *
 * @param {Review} review
 * @param {{revision: number, events: string[] | null}} data events null: too many to name
 */
function takeDecision(review, { revision, events: ids }) {
  const { model, loader, decisions } = review;
  if (model.isLoading.peek()) {
    review.isStale = true;
    return;
  }
  if (ids === null) {
    loader.readEvents().catch(tell);
    return;
  }
  const busy = decisions?.busyIds() ?? new Set();
  const unknown = ids.filter((id) => {
    const event = model.table.peek().get(id);
    return !busy.has(id) && !(event && event.version >= revision);
  });
  if (!unknown.length) return;
  loader.readDecided(unknown).catch(tell);
  review.readAround([]);
}
