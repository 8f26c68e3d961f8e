// Colours of teams that can be seen on the page's ground, light and dark.

/** Grounds that charts stand on: --card of css/theme.css, and paper. */
const GROUNDS = { light: "#ffffff", dark: "#181e1b" };
const USUAL = ["#1f6fb4", "#c2571a", "#6b4fb3", "#2c7a4b", "#9a3b6e", "#7a6a10"];
const UNKNOWN = "#7a8580";
/** The index of a series of events without a team. */
export const NOBODY = -1;
const LEAST = 3; // WCAG 2.1, 1.4.11

/**
 * Give a series its colour on light and on dark ground.
 *
 * @param {string | null | undefined} wanted #rrggbb of the match facts
 * @param {number} index of the series
 * @returns {{light: string, dark: string}}
 */
export function shadesOf(wanted, index) {
  const usual = index === NOBODY ? UNKNOWN : USUAL[index % USUAL.length];
  const colour = /^#[0-9a-f]{6}$/i.test(wanted ?? "") ? /** @type {string} */ (wanted) : usual;
  return { light: visible(colour, GROUNDS.light), dark: visible(colour, GROUNDS.dark) };
}

/**
 * Change a colour no more than is needed for it to be seen: darker on light ground, lighter on dark.
 *
 * @param {string} colour #rrggbb
 * @param {string} ground #rrggbb
 */
export function visible(colour, ground) {
  const aim = luminance(ground) > 0.5 ? 0 : 255;
  const parts = partsOf(colour);
  for (let share = 0; share <= 1; share += 0.05) {
    const mixed = parts.map((part) => Math.round(part + (aim - part) * share));
    const found = `#${mixed.map((part) => part.toString(16).padStart(2, "0")).join("")}`;
    if (contrast(found, ground) >= LEAST) return found;
  }
  return aim ? "#ffffff" : "#000000";
}

/**
 * The contrast of two colours as WCAG has it, 1 to 21.
 *
 * @param {string} one #rrggbb
 * @param {string} other #rrggbb
 */
export function contrast(one, other) {
  const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

/** @param {string} colour */
function luminance(colour) {
  const [red, green, blue] = partsOf(colour).map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** @param {string} colour #rrggbb */
function partsOf(colour) {
  return [1, 3, 5].map((start) => Number.parseInt(colour.slice(start, start + 2), 16));
}
