// When the whole page is closed or loaded anew: nothing that a person said is lost by it.

import { local } from "../core/storage.js";
import { keepConflicts } from "./conflicts.js";

/**
 * Take what was written until then, and ask first where the browser could not keep what is unsent.
 *
 * @param {import("./review.js").Review} review
 * @returns {() => void} ends it
 */
export function mindLeaving(review) {
  /** @param {BeforeUnloadEvent} event */
  const ask = (event) => {
    const queue = review.decisions?.queue;
    if (queue?.length && !local.isLasting(queue.at)) event.preventDefault();
  };
  /** @param {PageTransitionEvent} event */
  const take = (event) => {
    review.takeLast();
    if (!event.persisted && review.decisions) keepConflicts(review.decisions);
  };
  addEventListener("beforeunload", ask);
  addEventListener("pagehide", take);
  return () => {
    removeEventListener("beforeunload", ask);
    removeEventListener("pagehide", take);
  };
}
