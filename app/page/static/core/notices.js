// What the page tells: problems stay until the next one or until closed, news goes by itself.

import { signal } from "@preact/signals";
import { Problem } from "./problem.js";

const NEWS_MS = 5000;

/** @type {import("@preact/signals").Signal<string>} */
export const trouble = signal("");
/** @type {import("@preact/signals").Signal<string>} */
export const news = signal("");
export const isKeyAsked = signal(false);

let wasKeyAsked = false;
let timer = 0;

/**
 * Show an error of an action; a refused key asks for another. null: nothing is wrong any more.
 *
 * @param {unknown} error
 */
export function tell(error) {
  if (error instanceof DOMException && error.name === "AbortError") return;
  trouble.value = error ? (error instanceof Error ? error.message : String(error)) : "";
  if (error instanceof Problem && error.status === 401 && !wasKeyAsked) {
    wasKeyAsked = true; // Whoever closes the dialog is not asked again and again.
    isKeyAsked.value = true;
  }
}

/**
 * Say that something was done.
 *
 * @param {string} words
 */
export function announce(words) {
  news.value = words;
  clearTimeout(timer);
  timer = setTimeout(() => {
    news.value = "";
  }, NEWS_MS);
}

/**
 * Run an action of the user; what goes wrong is told, never thrown.
 *
 * @template T
 * @param {() => Promise<T>} action
 * @returns {Promise<T | undefined>}
 */
export async function attempt(action) {
  try {
    tell(null);
    return await action();
  } catch (error) {
    tell(error);
    return undefined;
  }
}

/** Goes up when another key was given: what was refused is asked for again. */
export const keyVersion = signal(0);

export function keyChanged() {
  wasKeyAsked = false;
  tell(null);
  keyVersion.value += 1;
}
