// The events behind a figure: how an address names them, and which of a timeline they are.

/**
 * @typedef {import("./figures.js").Wanted} Wanted
 * @typedef {import("./types.js").HalfOfMatch} HalfOfMatch
 * @typedef {import("../video/types.js").Team} Team
 *
 * @typedef {object} Moment
 * @property {string} id
 * @property {string} type
 * @property {number} time_s
 * @property {string | null} team as the match facts name it
 * @property {number | null} half
 */

const LIST = "list", TYPE = "of_type", TEAM = "of_team", HALF = "of_half", FROM = "from", TO = "to";

/**
 * Add to an address which events are to be listed.
 *
 * @param {string} path such as "/videos/ID/statistics"
 * @param {URLSearchParams} query how the page shows figures
 * @param {Wanted | null} wanted null: no list
 * @returns {string} the address, with #
 */
export function listAddress(path, query, wanted) {
  const asked = new URLSearchParams(query);
  for (const name of [LIST, TYPE, TEAM, HALF, FROM, TO]) asked.delete(name);
  if (wanted) {
    asked.set(LIST, wanted.shots ? "shots" : wanted.played ? "played" : "all");
    if (wanted.type !== undefined) asked.set(TYPE, wanted.type);
    if (wanted.team !== undefined) asked.set(TEAM, wanted.team ?? "");
    if (wanted.half !== undefined) asked.set(HALF, String(wanted.half ?? 0));
    if (wanted.from !== undefined) asked.set(FROM, String(wanted.from));
    if (wanted.to !== undefined) asked.set(TO, String(wanted.to));
  }
  const words = asked.toString();
  return `#${path}${words && `?${words}`}`;
}

/**
 * Read what `listAddress` wrote.
 *
 * @param {URLSearchParams} query
 * @returns {Wanted | null} null: no list is asked for
 */
export function wantedOf(query) {
  if (!query.has(LIST)) return null;
  /** @type {Wanted} */
  const wanted = {};
  const list = query.get(LIST);
  if (list === "played") wanted.played = true;
  if (list === "shots") wanted.shots = true;
  const type = query.get(TYPE), team = query.get(TEAM), half = query.get(HALF);
  if (type !== null) wanted.type = type;
  if (team !== null) wanted.team = team || null;
  if (half !== null) wanted.half = Number(half) || null;
  if (query.has(FROM)) wanted.from = Number(query.get(FROM)) || 0;
  if (query.has(TO)) wanted.to = Number(query.get(TO)) || 0;
  return wanted;
}

/**
 * Find the half of a time as the service does.
 *
 * @param {readonly HalfOfMatch[]} halves by time
 * @param {number} time seconds
 * @returns {number | null}
 */
export function halfAt(halves, time) {
  for (let index = halves.length - 1; index >= 0; index -= 1) {
    const { half, start_s: start, end_s: end } = halves[index];
    if (time < start) continue;
    const isInside = time < end || (index === halves.length - 1 && time === end);
    return isInside ? half : null;
  }
  return null;
}

/**
 * Call a team as the match facts do.
 *
 * @param {string | null} word what an event calls it: a name, or a side
 * @param {readonly Team[]} teams
 * @param {boolean} isSwapped whether each has the other's side
 */
export function teamName(word, teams, isSwapped) {
  if (word === null || teams.some(({ name }) => name === word)) return word;
  const index = teams.findIndex(({ side }) => side === word);
  if (index < 0) return word;
  const canSwap = teams.length === 2 && teams.every(({ side }) => side);
  return teams[isSwapped && canSwap ? 1 - index : index].name;
}

/**
 * @param {readonly {id: string, type: string, time_s: number, team?: string | null}[]} events
 * @param {object} facts
 * @param {readonly HalfOfMatch[]} facts.halves
 * @param {readonly Team[]} facts.teams
 * @param {boolean} facts.changesEnds
 * @returns {Moment[]}
 */
export function momentsOf(events, { halves, teams, changesEnds }) {
  return events.map(({ id, type, time_s, team }) => {
    const half = halfAt(halves, time_s);
    const isSwapped = changesEnds && half !== null && half % 2 === 0;
    return { id, type, time_s, half, team: teamName(team ?? null, teams, isSwapped) };
  });
}

/**
 * @param {readonly Moment[]} moments
 * @param {Wanted} wanted
 * @param {readonly HalfOfMatch[]} halves
 */
export function chosen(moments, wanted, halves) {
  const { type, team, half, from = -Infinity, to = Infinity, played } = wanted;
  const lasts = halves.length ? halves[halves.length - 1].end_s : Infinity;
  return moments.filter((one) => (type === undefined || one.type === type)
    && (team === undefined || one.team === team)
    && (half === undefined || one.half === half)
    && (!played || !halves.length || one.half !== null)
    // The last bin holds what happens at its very end, too.
    && one.time_s >= from && (one.time_s < to || (to >= lasts && one.time_s <= to)));
}
