// A list of event types as the editor changes it; no document.

/**
 * @typedef {object} EventType
 * @property {string} name
 * @property {string | null} key "1" to "9"
 * @property {string | null} colour #rrggbb
 */

export const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9"];
/* Told apart by people who see few colours, too (Okabe and Ito), on light and dark. */
export const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6bb1", "#a6761d", "#999999"];

/**
 * @param {EventType[]} types
 * @param {string} [name]
 * @returns {EventType[]} with one more, which takes the first key and colour that are free
 */
export function added(types, name = "") {
  const isFree = (/** @type {"key" | "colour"} */ part) => (/** @type {string} */ one) => !types.some((type) => type[part] === one);
  const colour = COLOURS.find(isFree("colour")) ?? COLOURS[types.length % COLOURS.length];
  return [...types, { name, key: KEYS.find(isFree("key")) ?? null, colour }];
}

/**
 * @param {EventType[]} types
 * @param {number} index
 * @param {Partial<EventType>} change a key that another type has goes from that one
 */
export function changed(types, index, change) {
  return types.map((type, place) => {
    if (place === index) return { ...type, ...change };
    return change.key && type.key === change.key ? { ...type, key: null } : type;
  });
}

/**
 * @param {EventType[]} types
 * @param {number} index
 * @param {number} step -1: up, 1: down
 */
export function moved(types, index, step) {
  const to = index + step;
  if (to < 0 || to >= types.length) return types;
  const list = [...types];
  [list[index], list[to]] = [list[to], list[index]];
  return list;
}

/**
 * @param {EventType[]} types
 * @returns {string} what to mend; empty: nothing
 */
export function problemOf(types) {
  const seen = new Set();
  for (const { name } of types) {
    const plain = name.trim().toLowerCase();
    if (!plain) return "Every type needs a name.";
    if (seen.has(plain)) return `Two types are called ${name.trim()}.`;
    seen.add(plain);
  }
  return "";
}
