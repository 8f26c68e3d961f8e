// Signals whose value stays in this browser.

import { effect, signal } from "@preact/signals";
import { local } from "./storage.js";

/**
 * A signal kept in localStorage; without storage it lasts as long as the page.
 *
 * @template T
 * @param {string} name
 * @param {T} initial
 * @param {{isText?: boolean}} [options] isText: stored as it is, not as JSON
 * @returns {import("@preact/signals").Signal<T>}
 */
export function persisted(name, initial, { isText = false } = {}) {
  const stored = signal(read(name, initial, isText));
  effect(() => local.setItem(name, isText ? String(stored.value) : JSON.stringify(stored.value)));
  return stored;
}

/**
 * @template T
 * @param {string} name
 * @param {T} initial
 * @param {boolean} isText
 * @returns {T}
 */
function read(name, initial, isText) {
  try {
    const text = local.getItem(name);
    if (text === null) return initial;
    return isText ? /** @type {T} */ (text) : JSON.parse(text);
  } catch {
    return initial;
  }
}
