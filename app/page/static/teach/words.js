// Trainings and comparisons in words.

import { about } from "../core/format.js";

/**
 * @typedef {import("./types.js").Training} Training
 * @typedef {import("./types.js").Count} Count
 */

/** The stages of a training, in order. @type {Record<string, string>} */
export const STAGES = {
  export: "collecting what is reviewed",
  prepare: "taking the frames out of the videos",
  features: "computing the features of each frame",
  head: "learning the types",
  finetune: "fine-tuning the network",
  calibrate: "setting the thresholds",
  engines: "making the form that analyses use",
  compare: "comparing it with its base",
  paused: "paused: waits for analyses",
};

/** The stages of a comparison. @type {Record<string, string>} */
export const COMPARISON_STAGES = { spot: "analysing what is held out", compare: "weighing the differences" };

/** @type {Record<string, string>} */
const STATUS = { queued: "waiting", running: "running", succeeded: "done", failed: "failed", canceled: "canceled" };

/** @type {Record<string, string>} */
export const STARTS = {
  base: "All of the base",
  trunk: "The base without its types",
  imagenet: "A network that knows everyday pictures (ImageNet)",
  noise: "Nothing (random weights)",
};

/** Whether it waits or runs. @param {{status: string}} one */
export function isOpen({ status }) {
  return status === "queued" || status === "running";
}

/** @param {Pick<Training, "status" | "stage" | "progress">} one a training or a comparison */
export function statusOf({ status, stage, progress }) {
  if (status === "running" && stage === "paused") return "paused";
  if (status === "running") return `${Math.round(progress * 100)} %`;
  return STATUS[status] ?? status;
}

/**
 * What it does, and for how long.
 *
 * @param {Pick<Training, "status" | "stage" | "eta_s" | "queue_position">} one
 * @param {Record<string, string>} [stages] in words
 */
export function progressOf({ status, stage, eta_s: eta, queue_position: place }, stages = STAGES) {
  if (status === "queued") return place && place > 1 ? `number ${place} in the queue` : "waits for a worker";
  if (status !== "running") return "";
  const parts = [stage ? stages[stage] ?? stage : "starting"];
  if (eta && stage !== "paused") parts.push(`${about(eta)} left`);
  return parts.join(" · ");
}

/**
 * A number of minutes as people read it: 0.4, 9.5, 37.
 *
 * @param {number} minutes
 */
export function minutesOf(minutes) {
  return `${minutes < 10 ? Number(minutes.toFixed(1)) : Math.round(minutes)} min`;
}

/**
 * @param {Record<string, Count>} counts
 * @returns {string} "12 PASS, 3 SHOT"; the most frequent first
 */
export function countsOf(counts) {
  const named = Object.entries(counts).filter(([, { events }]) => events > 0).sort(([, one], [, other]) => other.events - one.events);
  return named.map(([type, { events }]) => `${events} ${type}`).join(", ");
}

/** The verdicts on a type, the mark that stands beside each. @type {Record<string, {mark: string, words: string}>} */
export const VERDICTS = {
  better: { mark: "▲", words: "better" },
  worse: { mark: "▼", words: "worse" },
  no_difference: { mark: "=", words: "no difference seen" },
  too_few: { mark: "?", words: "too few events to tell" },
};

/** What a model does wrong. @type {Record<string, string>} */
export const ERRORS = { missed: "missed", false_alarm: "false alarm", wrong_type: "wrong type", mistimed: "wrong time" };

/** What it does right. @type {Record<string, string>} */
export const RIGHTS = { hit: "found", quiet: "rightly nothing" };

/** All that it may do. @type {Record<string, string>} */
export const OUTCOMES = { ...RIGHTS, ...ERRORS, unknown_type: "does not know the type" };

/** The address of a model's card. @param {string} name */
export function modelAddress(name) {
  return `#/teach/models/${encodeURIComponent(name)}`;
}

/** A model without its version: `hall` of `hall@3`. @param {string} name */
export function familyOf(name) {
  return name.replace(/@\d+$/, "");
}

/**
 * Order models by name, the newest version of each first.
 *
 * @template {{name: string}} One
 * @param {readonly One[]} list
 * @returns {One[]}
 */
export function inFamilies(list) {
  const version = (/** @type {One} */ { name }) => Number(name.match(/@(\d+)$/)?.[1] ?? 0);
  return [...list].sort((one, other) => familyOf(one.name).localeCompare(familyOf(other.name)) || version(other) - version(one));
}

/**
 * The name that a model file offers: `hall@2` of `hall@2 (1).touchline`.
 *
 * @param {string} filename
 */
export function nameOf(filename) {
  return filename.replace(/\.touchline$/i, "").replace(/ ?\(\d+\)$/, "");
}
