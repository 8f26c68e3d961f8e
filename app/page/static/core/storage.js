// The browser's storage. Where it is not allowed or full, what is kept lasts as long as the page.

/** @typedef {Pick<Storage, "getItem" | "setItem" | "removeItem"> & {names: () => string[], isLasting: (name: string) => boolean}} Kept */

/** What stays in this browser. */
export const local = kept(() => globalThis.localStorage);
/** What stays in this tab. */
export const tab = kept(() => globalThis.sessionStorage);

/**
 * Use a storage, and this page's memory for what it does not take.
 *
 * @param {() => Storage} find throws where the browser allows none
 * @returns {Kept} isLasting: whether a value outlives the page, or there is none
 */
export function kept(find) {
  /** @type {Map<string, string>} */
  const memory = new Map();
  /**
   * @template T
   * @param {(storage: Storage) => T} does
   * @param {T} otherwise
   */
  const attempt = (does, otherwise) => {
    try {
      return does(find());
    } catch {
      return otherwise;
    }
  };
  return {
    getItem: (name) => memory.get(name) ?? attempt((storage) => storage.getItem(name), null),
    setItem(name, text) {
      memory.delete(name);
      /** @param {Storage} storage */
      const write = (storage) => {
        storage.setItem(name, text);
        return true;
      };
      if (attempt(write, false)) return;
      attempt((storage) => storage.removeItem(name), undefined); // What was there is old by now.
      if (!attempt(write, false)) memory.set(name, text);
    },
    removeItem(name) {
      memory.delete(name);
      attempt((storage) => storage.removeItem(name), undefined);
    },
    names: () => [...new Set([...memory.keys(), ...attempt((storage) => Object.keys(storage), [])])],
    isLasting: (name) => !memory.has(name),
  };
}
