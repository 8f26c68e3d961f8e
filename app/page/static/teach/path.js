// The first-time path: from a video to a model of one's own, and where one stands on it; no document.

import { isOpen, minutesOf, statusOf } from "./words.js";

/**
 * @typedef {import("./types.js").Readiness} Readiness
 * @typedef {import("./types.js").Training} Training
 * @typedef {import("../video/types.js").Video} Video
 *
 * @typedef {object} Known What is known of the project.
 * @property {Video[]} videos
 * @property {{name: string}[]} types
 * @property {Readiness} readiness
 * @property {Training[]} trainings the newest first
 * @property {string | null} usual the default model
 *
 * @typedef {object} Step
 * @property {string} id
 * @property {string} title
 * @property {boolean} isDone
 * @property {string} words
 * @property {string} [label] of its link or button
 * @property {string} [href] where it is done
 * @property {"start" | "analyse"} [asks] the dialog in which it is done
 */

/** Minutes of labels that a first training takes. */
export const FIRST_MINUTES = 10;
const ALMOST_ALL = 0.95;

/**
 * @param {Known} known
 * @returns {Step[]} in order
 */
export function stepsOf(known) {
  const { videos, types, readiness } = known;
  const isLabeled = readiness.minutes >= FIRST_MINUTES;
  const hasTypes = types.length > 0;
  return [
    {
      id: "upload", title: "Add a match", isDone: videos.length > 0 || isLabeled,
      words: "One half is enough to begin with. No model has to know the sport.", label: "Go to the library", href: "#/",
    },
    {
      id: "types", title: "Name your types", isDone: hasTypes || isLabeled,
      words: hasTypes ? `${types.map(({ name }) => name).join(", ")}.` : "What is to be found, with a key for each: 1 for PASS, 2 for SHOT.",
      label: hasTypes ? "Change them" : "Name them", href: "#/types",
    },
    labelStep(known, isLabeled),
    trainStep(known),
    reviewStep(known),
  ];
}

/** The first step that is not done; -1: all are. @param {readonly Step[]} steps */
export function currentOf(steps) {
  return steps.findIndex(({ isDone }) => !isDone);
}

/** @param {Known} known @param {boolean} isDone @returns {Step} */
function labelStep({ videos, readiness }, isDone) {
  const next = nextToReview(videos, readiness);
  const how = "Press a type’s key whenever it happens; V marks what the lanes show as reviewed. Only what is reviewed is learned from.";
  const words = isDone ? `${minutesOf(readiness.minutes)} are reviewed.` : `${minutesOf(readiness.minutes)} of ${FIRST_MINUTES} min are reviewed. ${how}`;
  return {
    id: "label", title: `Label ${FIRST_MINUTES} minutes by keys`, isDone, words,
    ...(next ? { label: readiness.minutes ? "Go on labelling" : "Start labelling", href: `#/videos/${next.id}` } : {}),
  };
}

/** @param {Known} known @returns {Step} */
function trainStep({ readiness, trainings }) {
  const open = trainings.find(isOpen), last = trainings[0];
  const isDone = trainings.some(({ model }) => model);
  const title = "Train";
  if (open) {
    return { id: "train", title, isDone, words: `${open.name}: ${statusOf(open)}.`, label: "Watch it", href: `#/teach/trainings/${open.id}` };
  }
  if (last?.status === "failed" && !isDone) {
    return { id: "train", title, isDone, words: `The last training failed: ${last.error?.detail ?? ""}`, label: "Train again", asks: "start" };
  }
  const blocking = readiness.problems.find(({ is_blocking: isBlocking }) => isBlocking);
  if (blocking) return { id: "train", title, isDone, words: blocking.detail };
  const words = isDone ? `${trainings.find(({ model }) => model)?.model} is made.` : "It takes up to an hour without a graphics card, minutes with one. Analyses go before it.";
  return { id: "train", title, isDone, words, label: isDone ? "Train again" : "Train", asks: "start" };
}

/** @param {Known} known @returns {Step} */
function reviewStep({ videos, readiness, trainings, usual }) {
  const title = "Review the next half with suggestions";
  const made = trainings.find(({ model }) => model);
  if (!made) return { id: "review", title, isDone: false, words: "The new model suggests, you accept with Enter and reject with X: that is faster than labelling." };
  const more = readiness.minutes - (made.data?.minutes ?? 0);
  const isDone = more >= FIRST_MINUTES;
  if (isDone) {
    return { id: "review", title, isDone, words: `${minutesOf(more)} are reviewed since ${made.model} was trained: train again, and it knows more.`, label: "Train again", asks: "start" };
  }
  if (usual !== made.model && made.comparison_id) {
    return {
      id: "review", title, isDone, words: `See whether ${made.model} is better than what analyses use now (${usual ?? "none"}), and choose it.`,
      label: "See the comparison", href: `#/teach/comparisons/${made.comparison_id}`,
    };
  }
  const analysed = videos.filter(({ job }) => job.checkpoint?.name === made.model);
  const next = nextToReview(analysed, readiness);
  if (!next) {
    return { id: "review", title, isDone, words: `Let ${made.model} analyse a match that is not reviewed yet.`, label: "Analyse matches", asks: "analyse" };
  }
  return {
    id: "review", title, isDone, words: `${made.model} has analysed ${next.title || next.filename}. U goes to what is most worth a check, Enter accepts, X rejects.`,
    label: "Review it", href: `#/videos/${next.id}`,
  };
}

/**
 * Choose the match to review next: one that was begun, or the newest that was not.
 *
 * @param {readonly Video[]} videos the newest first
 * @param {Pick<Readiness, "matches">} readiness
 * @returns {Video | null} null: all are reviewed
 */
export function nextToReview(videos, { matches }) {
  const reviewed = new Map(matches.map(({ video_id: id, minutes }) => [id, minutes * 60]));
  const left = videos.filter(({ id, duration_s: length }) => (reviewed.get(id) ?? 0) < (length ?? Infinity) * ALMOST_ALL);
  return left.find(({ id }) => reviewed.has(id)) ?? left[0] ?? null;
}
