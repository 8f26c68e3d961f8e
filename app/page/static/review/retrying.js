// Something that is done again until it works, where trying again may help.

import { keyVersion, tell } from "../core/notices.js";
import { isTransient } from "./sending.js";

const REST_MS = 3000;

/**
 * Do something; while the service is away or asks for a key, do it again.
 *
 * @template T
 * @param {() => Promise<T>} act
 * @param {AbortSignal} leaving
 * @returns {Promise<T>}
 */
export async function retried(act, leaving) {
  for (let tries = 0; ; tries += 1) {
    try {
      const done = await act();
      if (tries > 0) tell(null);
      return done;
    } catch (error) {
      if (leaving.aborted || !isTransient(error)) throw error;
      tell(error);
      await rest(leaving);
      leaving.throwIfAborted();
    }
  }
}

/** For a while, or until another key was given. @param {AbortSignal} leaving */
async function rest(leaving) {
  const before = keyVersion.peek();
  /** @type {(() => void)[]} */
  const closers = [];
  await new Promise((/** @type {(value?: undefined) => void} */ resolve) => {
    const end = () => resolve();
    const timer = setTimeout(end, REST_MS);
    leaving.addEventListener("abort", end);
    closers.push(
      () => clearTimeout(timer), () => leaving.removeEventListener("abort", end),
      keyVersion.subscribe((now) => { if (now !== before) end(); }));
  });
  for (const close of closers) close();
}
