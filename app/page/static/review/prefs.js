// What a person sets for reviewing; it stays in this browser.

import { signal } from "@preact/signals";
import { persisted } from "../core/persisted.js";
import { local } from "../core/storage.js";
import { loadKeys, saveKeys } from "./keymap.js";
import { loadReaction, STORED_AT as REACTION_AT } from "./reaction.js";
import { loadTimings, saveTimings } from "./timings.js";

/**
 * @typedef {object} Prefs
 * @property {number} lead seconds before an event from which it is played
 * @property {number} tail seconds after it at which a loop begins again
 * @property {boolean} plays whether going to an event plays it
 * @property {boolean} loops
 * @property {boolean} advances whether a decision goes on to the next event
 * @property {boolean} marks whether what was played with its decisions made is reviewed
 * @property {boolean} ghosts
 * @property {boolean} rejected
 * @property {boolean} curves
 * @property {number} target the precision to reach, 0 to 1
 */

/** @type {Prefs} */
const DEFAULTS = {
  lead: 1.5, tail: 1, plays: true, loops: false, advances: true, marks: true,
  ghosts: true, rejected: false, curves: false, target: 0.95,
};

/** @type {import("@preact/signals").Signal<Partial<Prefs>>} */
const stored = persisted("touchline_review", {});

/** @returns {Prefs} */
export function prefs() { return { ...DEFAULTS, ...stored.value }; }

/** @param {Partial<Prefs>} changes */
export function setPrefs(changes) { stored.value = { ...stored.peek(), ...changes }; }

const keyMap = signal(loadKeys(local));

/** The keys in force. */
export const keys = {
  get map() { return keyMap.value; },
  /** @param {import("./keymap.js").KeyMap} map */
  set(map) {
    keyMap.value = map;
    saveKeys(local, map);
  },
};

const reactionSignal = signal(loadReaction(local));

export const reaction = {
  get now() { return reactionSignal.value; },
  /** @param {import("./reaction.js").Reaction} changed */
  set(changed) {
    reactionSignal.value = changed;
    local.setItem(REACTION_AT, JSON.stringify(changed));
  },
};

const timingsSignal = signal({ timings: loadTimings(local) });

export const timings = {
  get now() { return timingsSignal.value.timings; },
  /** @param {(timings: import("./timings.js").Timings) => void} change */
  update(change) {
    const { timings: own } = timingsSignal.peek();
    change(own);
    saveTimings(local, own);
    timingsSignal.value = { timings: own };
  },
};
