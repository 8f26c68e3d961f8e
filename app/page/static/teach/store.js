// What the Teach views know: what is reviewed, the trainings, the models, the comparisons.

import { computed, signal } from "@preact/signals";
import { call, request } from "../core/api.js";
import { tell } from "../core/notices.js";
import { Poll } from "../core/poll.js";
import { isOpen } from "./words.js";

/**
 * @typedef {import("./types.js").Readiness} Readiness
 * @typedef {import("./types.js").Training} Training
 * @typedef {import("./types.js").Model} Model
 * @typedef {import("./types.js").Comparison} Comparison
 * @typedef {import("../video/types.js").Video} Video
 */

const BUSY_MS = 2000, CALM_MS = 15000;
const SHOWN = "50";

/** null: not known yet. @type {import("@preact/signals").Signal<Readiness | null>} */
export const readiness = signal(null);
/** The newest first. @type {import("@preact/signals").Signal<Training[] | null>} */
export const trainings = signal(null);
/** @type {import("@preact/signals").Signal<string | null>} */
export const olderTrainings = signal(null);
/** @type {import("@preact/signals").Signal<Comparison[] | null>} */
export const comparisons = signal(null);
/** @type {import("@preact/signals").Signal<Model[] | null>} */
export const models = signal(null);
/** The default model and those before it. @type {import("@preact/signals").Signal<import("./types.js").DefaultModel | null>} */
export const choice = signal(null);
/** The ETag of the choice that is shown. @type {import("@preact/signals").Signal<string | null>} */
export const choiceTag = signal(null);
/** The project's types. @type {import("@preact/signals").Signal<{name: string}[] | null>} */
export const types = signal(null);
/** The newest matches. @type {import("@preact/signals").Signal<Video[] | null>} */
export const videos = signal(null);

export const usableModels = computed(() => (models.value ?? []).filter((one) => !one.problem && !one.is_archived));
export const openTrainings = computed(() => (trainings.value ?? []).filter(isOpen));

/** @type {Poll[]} */
let polls = [];

/** Keep all of it up to date until the view is left. */
export function watch() {
  let before = "";
  const slow = new Poll(async () => {
    await Promise.all([loadReadiness(), loadModels(), loadTypes(), loadVideos()]);
    return CALM_MS;
  }, { onFailure: tell });
  const quick = new Poll(async () => {
    await Promise.all([loadTrainings(), loadComparisons()]);
    const open = openTrainings.peek().map(({ id }) => id).join();
    if (before !== open) slow.now(); // Another model may be there, or the worker has begun.
    before = open;
    const isBusy = open || comparisons.peek()?.some(isOpen);
    return isBusy ? BUSY_MS : CALM_MS;
  }, { onFailure: tell });
  const own = [quick, slow];
  polls = own;
  for (const poll of own) poll.now();
  return () => {
    for (const poll of own) poll.stop();
    if (polls === own) polls = [];
  };
}

/** Ask for everything again, after something was done. */
export async function refresh() {
  await Promise.all(polls.map((poll) => poll.now()));
}

async function loadReadiness() {
  readiness.value = await call("/trainings/readiness");
}

async function loadTrainings() {
  const page = await call(`/trainings?limit=${SHOWN}`);
  trainings.value = page.items;
  olderTrainings.value = page.next_cursor;
}

async function loadComparisons() {
  comparisons.value = (await call(`/comparisons?limit=${SHOWN}`)).items;
}

/** Read the models, and which of them is the default. */
export async function loadModels() {
  const [list, chosen] = await Promise.all([call("/models"), request("/models/default")]);
  models.value = list.items;
  choice.value = chosen.body;
  choiceTag.value = chosen.etag;
}

async function loadTypes() {
  types.value = (await call("/types")).items;
}

async function loadVideos() {
  videos.value = (await call("/videos?limit=100")).items;
}

/** Read what is ready to be learned, and what would be held out. @param {string} query what is asked about; empty: all */
export function readinessOf(query) {
  return call(`/trainings/readiness${query ? `?${query}` : ""}`);
}
