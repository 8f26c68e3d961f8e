// The errors of compared models, as they are asked for and told apart; no document.

import { RIGHTS } from "./words.js";

/**
 * @typedef {import("./types.js").ComparisonError} ComparisonError
 *
 * @typedef {object} Wanted
 * @property {string} type empty: all
 * @property {string} kind empty: all
 * @property {string} model whose errors; empty: of any
 * @property {boolean} differs only where the models differ
 */

/** @param {Wanted} wanted @param {string | null} cursor @param {number} limit */
export function queryOf({ type, kind, model }, cursor, limit) {
  return new URLSearchParams({
    ...(type && { type }), ...(kind && { kind }), ...(model && { model }), ...(cursor && { cursor }), limit: `${limit}`,
  });
}

/** Whether one model is right where another is not. @param {Pick<ComparisonError, "by">} error */
export function differs({ by }) {
  return new Set(Object.values(by).map(({ kind }) => kind in RIGHTS)).size > 1;
}
