// What the search view knows: what is asked for, what was found, what is saved.

import { computed, signal } from "@preact/signals";
import { call, pagesOf } from "../core/api.js";
import { persisted } from "../core/persisted.js";
import { replaceBy, route } from "../core/router.js";
import { fromParams, fromSaved, isSame, problemOf, toParams, toSaved } from "./query.js";
import { Taken } from "./taken.js";

/**
 * @typedef {import("./query.js").Query} Query
 *
 * @typedef {object} FoundEvent
 * @property {string} id
 * @property {string} type
 * @property {number} time_s
 * @property {number} frame
 * @property {number | null} score
 * @property {string} state
 * @property {string | null} team
 * @property {string | null} team_name
 * @property {Record<string, unknown>} attributes
 *
 * @typedef {object} FoundVideo
 * @property {string} id
 * @property {string | null} title
 * @property {string | null} filename
 * @property {string | null} date
 * @property {string | null} competition
 * @property {boolean} has_thumbnails
 *
 * @typedef {object} Hit One event, or those of a sequence.
 * @property {FoundVideo} video
 * @property {FoundEvent[]} events
 * @property {number} from_s
 * @property {number} to_s
 *
 * @typedef {object} SavedSearch
 * @property {string} id
 * @property {string} name
 * @property {Record<string, any>} query
 * @property {number} version
 */

const PAGE = 50;
const MOST_EMPTY_PAGES = 20;

/** @type {import("@preact/signals").Signal<Hit[]>} */
export const hits = signal([]);
/** @type {import("@preact/signals").Signal<string | null>} */
export const cursor = signal(null);
export const isLoading = signal(false);
/** Why nothing was asked for; empty: it was. */
export const problem = signal("");
export const pending = signal(0);
/** @type {import("@preact/signals").Signal<SavedSearch[]>} */
export const saved = signal([]);
/** Seconds that are played before and after a hit. */
export const margins = persisted("touchline_search_margins", { lead: 4, lag: 3 });

export const query = computed(() => fromParams(route.value.query));
/** The saved search that the address names; null: none. */
export const current = computed(() => saved.value.find(({ id }) => id === route.value.query.get("saved")) ?? null);
export const isChanged = computed(() => current.value !== null && !isSame(fromSaved(current.value.query), query.value));

let asking = new AbortController();

/** Put a query into the address, from where it is read. @param {Query} wanted @param {string | null} [savedId] */
export function askFor(wanted, savedId = route.peek().query.get("saved")) {
  const params = toParams(wanted);
  if (savedId) params.set("saved", savedId);
  const words = params.toString();
  replaceBy(`/search${words ? `?${words}` : ""}`);
}

/** Find the first hits of what the address asks for. */
export async function search() {
  asking.abort();
  asking = new AbortController();
  hits.value = [];
  cursor.value = null;
  problem.value = problemOf(query.peek());
  isLoading.value = false;
  if (!problem.peek()) await read(asking.signal);
}

/** Find more hits. */
export async function more() {
  if (cursor.peek() && !isLoading.peek()) await read(asking.signal);
}

/** Read pages until one has hits: a page of sequences may have none. @param {AbortSignal} leaving */
async function read(leaving) {
  isLoading.value = true;
  try {
    const before = hits.peek().length;
    for (let page = 0; page < MOST_EMPTY_PAGES; page += 1) {
      const asked = toParams(query.peek());
      asked.set("limit", String(PAGE));
      if (cursor.peek()) asked.set("cursor", /** @type {string} */ (cursor.peek()));
      const answer = await call(`/events?${asked}`, { signal: leaving });
      hits.value = [...hits.peek(), ...answer.items.map(hitOf)];
      cursor.value = answer.next_cursor;
      pending.value = answer.pending_videos;
      if (!cursor.peek() || hits.peek().length > before) break;
    }
  } finally {
    if (!leaving.aborted) isLoading.value = false;
  }
}

/** Read the events of hits, as many as clips are made of at once. */
export async function eventsOfHits() {
  const asked = toParams(query.peek());
  asked.set("limit", "1000");
  const taken = new Taken();
  for await (const page of pagesOf("/events", asked)) {
    for (const hit of page.map(hitOf)) if (!taken.add(hit)) return { events: taken.events, isAll: false };
  }
  return { events: taken.events, isAll: true };
}

/** @param {any} item @returns {Hit} */
function hitOf(item) {
  if (item.events) return item;
  const { video, ...event } = item;
  return { video, events: [event], from_s: item.time_s, to_s: item.time_s };
}

export async function loadSaved() {
  /** @type {SavedSearch[]} */
  const found = [];
  for await (const page of pagesOf("/searches", { limit: "1000" })) found.push(...page);
  saved.value = found;
}

/** @param {string} name */
export async function saveAs(name) {
  const made = await call("/searches", { method: "POST", json: { name, query: toSaved(query.peek()) } });
  put(made);
  askFor(query.peek(), made.id);
}

/** @param {SavedSearch} one @param {{name?: string, query?: Record<string, unknown>}} changes */
export async function change(one, changes) {
  put(await call(`/searches/${one.id}`, { method: "PATCH", json: changes, ifMatch: `"${one.version}"` }));
}

/** Let a saved search be what the address asks for. @param {SavedSearch} one */
export function keepChanges(one) {
  return change(one, { query: toSaved(query.peek()) });
}

/** @param {SavedSearch} one */
export async function remove(one) {
  await call(`/searches/${one.id}`, { method: "DELETE" });
  saved.value = saved.peek().filter(({ id }) => id !== one.id);
  if (route.peek().query.get("saved") === one.id) askFor(query.peek(), null);
}

/** @param {SavedSearch} one */
function put(one) {
  const others = saved.peek().filter(({ id }) => id !== one.id);
  saved.value = [...others, one].sort((a, b) => a.name.localeCompare(b.name));
}

/** Types that may be asked for: the project's and its models'. @type {import("@preact/signals").Signal<string[]>} */
export const types = signal([]);

export async function loadTypes() {
  const [own, models] = await Promise.all([call("/types"), call("/models")]);
  const names = [...own.items.map((/** @type {any} */ one) => one.name), ...models.items.flatMap((/** @type {any} */ one) => one.labels ?? [])];
  types.value = [...new Set(names)].sort();
}

