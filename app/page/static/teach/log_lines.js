// The lines of a training's log; no document.

/** @typedef {{at: string, text: string, number: number}} Line */

/**
 * Add the lines that came since; the API tells the last ones of a training.
 *
 * @param {readonly Line[]} all that are shown
 * @param {readonly Line[]} last
 * @returns {Line[] | null} null: there are others between them, which are to be asked for
 */
export function withNewer(all, last) {
  const known = all[all.length - 1]?.number ?? 0;
  const newer = last.filter(({ number }) => number > known);
  if (newer.length && newer[0].number > known + 1) return null;
  return [...all, ...newer];
}
