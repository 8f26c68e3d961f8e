// Curves of a training as lines in a plane; no document.

/**
 * @typedef {{x: number, y: number}} Point
 * @typedef {{name: string, look: number, points: Point[]}} Line look: which colour and dashes it has
 * @typedef {import("./types.js").Curves} Curves
 */

/** More points than this are no better to see. */
export const MOST_POINTS = 300;
/** The mean over the types, as the API names it. */
export const MEAN = "mean";

/** @param {Curves["loss"]} loss @returns {Line[]} */
export function lossLines(loss) {
  const points = inOneRow(loss).filter(({ value }) => Number.isFinite(value)).map(({ x, value }) => ({ x, y: /** @type {number} */ (value) }));
  return points.length ? [{ name: "loss", look: 0, points: thinned(points, MOST_POINTS) }] : [];
}

/**
 * Count steps on from stage to stage: each stage counts from 0.
 *
 * @template {{step: number, stage?: string | null}} Row
 * @param {readonly Row[]} rows in the order in which they came
 * @returns {(Row & {x: number})[]}
 */
export function inOneRow(rows) {
  let before = 0, last = 0;
  return rows.map((row, index) => {
    if (index > 0 && row.stage !== rows[index - 1].stage) before = last;
    last = before + row.step;
    return { ...row, x: last };
  });
}

/**
 * A line for each type and one for the mean, which comes first.
 *
 * @param {readonly {values: Record<string, number | null>}[]} rows
 * @param {(row: any) => number} xOf
 * @returns {Line[]}
 */
export function typeLines(rows, xOf) {
  const names = [...new Set([MEAN, ...rows.flatMap(({ values }) => Object.keys(values))])].sort(byName);
  return names.map((name, look) => ({
    name, look, points: rows.filter(({ values }) => Number.isFinite(values[name])).map((row) => ({ x: xOf(row), y: Number(row.values[name]) })),
  })).filter(({ points }) => points.length);
}

/** The mean has the same look in each chart, and so has a type. @param {string} one @param {string} other */
function byName(one, other) {
  if (one === MEAN || other === MEAN) return one === MEAN ? -1 : 1;
  return one.localeCompare(other);
}

/**
 * Draw long curves with fewer points: each is the mean of its neighbours.
 *
 * @param {Point[]} points
 * @param {number} most
 */
export function thinned(points, most) {
  if (points.length <= most) return points;
  const size = points.length / most;
  return Array.from({ length: most }, (_, index) => {
    const part = points.slice(Math.floor(index * size), Math.max(Math.floor(index * size) + 1, Math.floor((index + 1) * size)));
    return { x: part[part.length - 1].x, y: part.reduce((sum, { y }) => sum + y, 0) / part.length };
  });
}

/**
 * Choose round numbers for an axis.
 *
 * @param {number} low
 * @param {number} high
 * @param {number} [wanted] about so many
 * @returns {number[]} from at most low to at least high
 */
export function ticksOf(low, high, wanted = 4) {
  const rough = Math.max((high - low) / wanted, Number.EPSILON);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((one) => one * power >= rough * 0.999) ?? 10);
  const first = Math.floor(low / step + 1e-9), last = Math.ceil(high / step - 1e-9);
  const count = Math.max(1, last - first);
  return Array.from({ length: count + 1 }, (_, index) => Number(((first + index) * step).toPrecision(12)));
}

/**
 * Say in words what a chart shows, for those who do not see it.
 *
 * @param {readonly Line[]} lines
 * @param {(value: number) => string} written
 */
export function wordsOf(lines, written) {
  return lines.map(({ name, points }) => `${name}: ${written(points[0].y)} at first, ${written(points[points.length - 1].y)} now.`).join(" ");
}
