// A search as the page has it, as an address, and as the API takes it.

/**
 * @typedef {object} Query What is empty asks for nothing.
 * @property {string[]} type
 * @property {string[]} team
 * @property {string[]} player
 * @property {string[]} state
 * @property {string} min_score
 * @property {string} q words of the match
 * @property {string} competition
 * @property {string} from_date
 * @property {string} to_date
 * @property {string} order
 * @property {string[]} sequence types one after another, in place of `type`
 * @property {string} within_s
 * @property {boolean} same_team
 */

const LISTS = /** @type {const} */ (["type", "team", "player", "state"]);
const TEXTS = /** @type {const} */ (["min_score", "q", "competition", "from_date", "to_date"]);
export const STATES = ["suggested", "accepted", "edited", "added", "rejected"];
export const MOST_STEPS = 10;
export const DEFAULT_WITHIN_S = "10";

/** @type {Query} */
export const NO_QUERY = {
  type: [], team: [], player: [], state: [], min_score: "", q: "", competition: "", from_date: "", to_date: "",
  order: "desc", sequence: [], within_s: DEFAULT_WITHIN_S, same_team: false,
};

/**
 * Read the query of an address.
 *
 * @param {URLSearchParams} params
 * @returns {Query}
 */
export function fromParams(params) {
  /** @type {Query} */
  const query = { ...NO_QUERY };
  for (const name of LISTS) query[name] = params.getAll(name).filter(Boolean);
  for (const name of TEXTS) query[name] = params.get(name) ?? "";
  query.order = params.get("order") === "asc" ? "asc" : "desc";
  query.sequence = (params.get("sequence") ?? "").split(",").map((step) => step.trim()).filter(Boolean);
  query.within_s = params.get("within_s") ?? DEFAULT_WITHIN_S;
  query.same_team = params.get("same_team") === "true";
  return query;
}

/**
 * Write a query as the parameters of `GET /events`, without what is as if left out.
 *
 * @param {Query} query
 */
export function toParams(query) {
  const params = new URLSearchParams();
  const isSequence = query.sequence.length > 0;
  for (const name of LISTS) {
    if (name === "type" && isSequence) continue;
    for (const value of query[name]) params.append(name, value);
  }
  for (const name of TEXTS) if (query[name].trim()) params.set(name, query[name].trim());
  if (query.order !== "desc") params.set("order", query.order);
  if (isSequence) {
    params.set("sequence", query.sequence.join(","));
    params.set("within_s", query.within_s || DEFAULT_WITHIN_S);
    if (query.same_team) params.set("same_team", "true");
  }
  return params;
}

/**
 * Write a query as a saved search has it.
 *
 * @param {Query} query
 * @returns {Record<string, unknown>}
 */
export function toSaved(query) {
  const params = toParams(query);
  /** @type {Record<string, unknown>} */
  const saved = {};
  for (const name of LISTS) if (params.has(name)) saved[name] = params.getAll(name);
  for (const name of ["q", "competition", "from_date", "to_date", "order"]) if (params.has(name)) saved[name] = params.get(name);
  for (const name of ["min_score", "within_s"]) if (params.has(name)) saved[name] = Number(params.get(name));
  if (query.sequence.length) {
    saved.sequence = query.sequence;
    saved.same_team = query.same_team;
  }
  return saved;
}

/**
 * Read the query of a saved search.
 *
 * @param {Record<string, any>} saved
 * @returns {Query}
 */
export function fromSaved(saved) {
  /** @type {Query} */
  const query = { ...NO_QUERY };
  for (const name of LISTS) query[name] = saved[name] ?? [];
  for (const name of TEXTS) query[name] = saved[name] === null || saved[name] === undefined ? "" : String(saved[name]);
  query.order = saved.order ?? "desc";
  query.sequence = saved.sequence ?? [];
  if (saved.within_s) query.within_s = String(saved.within_s);
  query.same_team = Boolean(saved.same_team);
  return query;
}

/** Whether two queries ask for the same. @param {Query} one @param {Query} other */
export function isSame(one, other) {
  return toParams(one).toString() === toParams(other).toString();
}

/**
 * Why a query cannot be asked; empty: it can.
 *
 * @param {Query} query
 */
export function problemOf(query) {
  if (query.sequence.length === 1) return "A sequence has two types at least: add another one, or take this one out.";
  const within = Number(query.within_s || DEFAULT_WITHIN_S);
  if (query.sequence.length && !(within > 0 && within <= 300)) return "A sequence lies within 300 seconds at most.";
  const score = Number(query.min_score || 0);
  if (!(score >= 0 && score <= 1)) return "The lowest score is a number from 0 to 1.";
  return "";
}

/**
 * Read a field of several values.
 *
 * @param {string} text such as "PASS, SHOT"
 */
export function listOf(text) {
  return [...new Set(text.split(",").map((part) => part.trim()).filter(Boolean))];
}
