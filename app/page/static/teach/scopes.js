// What the key of this browser may do here.

import { computed } from "@preact/signals";
import { session } from "../core/access.js";

/** Trainings, comparisons and analyses: start, cancel, delete. */
export const canTeach = computed(() => may("write"));
/** Models: choose the default, archive, import. */
export const canSwap = computed(() => may("admin"));

/** @param {string} scope */
function may(scope) {
  const scopes = session.value?.scopes;
  return !scopes || scopes.includes(scope) || scopes.includes("admin");
}
