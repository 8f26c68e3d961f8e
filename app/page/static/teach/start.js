// What a training is to be, from the dialog's fields to the request; no document.

/**
 * @typedef {import("./types.js").Readiness} Readiness
 * @typedef {import("./types.js").Model} Model
 *
 * @typedef {object} Wishes
 * @property {string} name
 * @property {string} base empty: none
 * @property {string} start
 * @property {Record<string, string>} fates of types: LEARN, DROP, or the type that it counts as; left out: LEARN
 * @property {Set<string> | null} videos null: all that are reviewed
 * @property {string} minutes
 * @property {"auto" | "share" | "videos"} holdout
 * @property {string} share percent
 * @property {Set<string>} heldOut
 */

export const LEARN = "*learn", DROP = "*drop";
/** What can be begun with where there is no base. */
export const WITHOUT_BASE = ["imagenet", "noise"];
const MINUTES = 45;

/** @param {{models: readonly Model[], usual: string | null}} known @returns {Wishes} */
export function firstWishes({ models, usual }) {
  const base = (models.find(({ name }) => name === usual) ?? models[0])?.name ?? "";
  return {
    name: "", base, start: base ? "base" : "imagenet", fates: {}, videos: null, minutes: `${MINUTES}`, holdout: "auto", share: "20", heldOut: new Set(),
  };
}

/**
 * Change the base, and with it what can be begun with.
 *
 * @param {Wishes} wishes
 * @param {string} base empty: none
 * @returns {Wishes}
 */
export function withBase(wishes, base) {
  const isWithout = WITHOUT_BASE.includes(wishes.start);
  const start = base ? (wishes.base ? wishes.start : "base") : isWithout ? wishes.start : "imagenet";
  return { ...wishes, base, start };
}

/**
 * List the types that the model may learn: those of the base, if it keeps them, and those in the data.
 *
 * @param {Pick<Wishes, "start">} wishes
 * @param {Model | undefined} base
 * @param {Pick<Readiness, "counts">} readiness of the chosen matches
 * @returns {{name: string, events: number, isOfBase: boolean}[]}
 */
export function typesOf({ start }, base, { counts }) {
  const kept = base && start === "base" ? base.labels : [];
  const found = Object.keys(counts).filter((name) => !kept.includes(name)).sort((one, other) => counts[other].events - counts[one].events);
  return [...kept, ...found].map((name) => ({ name, events: counts[name]?.events ?? 0, isOfBase: kept.includes(name) }));
}

/**
 * What becomes of a type. One that was to count as another, which left with its base, is learned.
 *
 * @param {Pick<Wishes, "fates">} wishes
 * @param {readonly {name: string}[]} types that it may learn
 * @param {string} name
 */
export function fateOf({ fates }, types, name) {
  const fate = fates[name] ?? LEARN;
  return fate === DROP || types.some((one) => one.name === fate) ? fate : LEARN;
}

/**
 * @param {Wishes} wishes
 * @param {readonly {name: string}[]} types that it may learn
 * @returns {{json: Record<string, unknown>} | {problem: string}}
 */
export function requestOf(wishes, types) {
  const problem = problemOf(wishes, types);
  if (problem) return { problem };
  const fates = types.map(({ name }) => ({ name, fate: fateOf(wishes, types, name) }));
  const learned = fates.filter(({ fate }) => fate === LEARN).map(({ name }) => name);
  const mapped = fates.filter(({ fate }) => fate !== LEARN).map(({ name, fate }) => [name, fate === DROP ? null : fate]);
  return {
    json: {
      name: wishes.name.trim(), base: wishes.base || null, start: wishes.start, minutes: Number(wishes.minutes),
      ...(mapped.length ? { types: learned, mapping: Object.fromEntries(mapped) } : {}),
      ...(wishes.videos ? { videos: [...wishes.videos] } : {}),
      ...(wishes.holdout === "share" ? { holdout: { share: Number(wishes.share) / 100 } } : {}),
      ...(wishes.holdout === "videos" ? { holdout: { videos: [...wishes.heldOut] } } : {}),
    },
  };
}

/** @param {Wishes} wishes @returns {string} the query that asks what is ready, and what would be held out */
export function readinessQuery({ videos, holdout, share, heldOut, base }) {
  const percent = Number(share);
  return new URLSearchParams([
    ...[...(videos ?? [])].sort().map((id) => ["videos", id]),
    ["base", base || "none"],
    ...(holdout === "share" && percent >= 5 && percent <= 50 ? [["holdout_share", `${percent / 100}`]] : []),
    ...(holdout === "videos" ? [...heldOut].sort().map((id) => ["holdout_videos", id]) : []),
  ]).toString();
}

/** @param {Wishes} wishes @param {readonly {name: string}[]} types @returns {string} what to mend; empty: nothing */
function problemOf(wishes, types) {
  const { name, videos, minutes } = wishes;
  if (!name.trim()) return "Give the model a name, such as that of your hall.";
  if (name.includes("@")) return "Leave @ and what follows out of the name: each training makes the next version of it.";
  if (videos && videos.size === 0) return "Choose a match, or take all that are reviewed.";
  if (!(Number(minutes) > 0)) return "Say how many minutes the training may take.";
  return problemOfTypes(wishes, types) || problemOfHoldout(wishes);
}

/** @param {Wishes} wishes @param {readonly {name: string}[]} types */
function problemOfTypes(wishes, types) {
  const fate = (/** @type {string} */ name) => fateOf(wishes, types, name);
  if (!types.some(({ name }) => fate(name) === LEARN)) return "Leave one type at least to be learned.";
  const lost = types.find(({ name }) => ![LEARN, DROP].includes(fate(name)) && fate(fate(name)) !== LEARN);
  return lost ? `${lost.name} is to count as ${fate(lost.name)}, which is not learned itself: choose another type for it.` : "";
}

/** @param {Wishes} wishes */
function problemOfHoldout({ holdout, share, heldOut, videos }) {
  if (holdout === "share" && !(Number(share) >= 5 && Number(share) <= 50)) return "The share that is held out is from 5 to 50 percent.";
  if (holdout !== "videos") return "";
  if (heldOut.size === 0) return "Choose a match to hold out, or let Touchline choose.";
  const isNothingLeft = videos && [...videos].every((one) => heldOut.has(one));
  return isNothingLeft ? "All chosen matches are held out: nothing is left to learn from." : "";
}
