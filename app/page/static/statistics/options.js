// How figures are made, as the address and the API say it.

/** States that a person has decided on. */
export const CONFIRMED = ["accepted", "edited", "added"];

/**
 * How two matches are compared: the same options hold for both.
 *
 * @param {URLSearchParams} query of the address: b, team, with_team, confirmed, ends
 * @returns {URLSearchParams} of GET /videos/{a}/statistics
 */
export function comparisonOf(query) {
  const asked = askedOf(query);
  const [b, team, other] = ["b", "team", "with_team"].map((name) => query.get(name) ?? "");
  asked.set("with", b);
  if (team) asked.set("team", team);
  if (team && other) asked.set("with_team", other);
  return asked;
}

/**
 * Choose whom a team of the first match is held against.
 *
 * @param {string} team of the first match; empty: all that happened
 * @param {string} other that was chosen before; empty: none
 * @param {readonly string[]} teams of the second match
 * @returns {string} the same team, else the one before, else the first; empty: all that happened
 */
export function opponentOf(team, other, teams) {
  if (!team) return "";
  return teams.find((one) => isSame(one, team)) ?? teams.find((one) => isSame(one, other)) ?? teams[0];
}

/** @param {string} one @param {string} other names of teams */
export function isSame(one, other) {
  return one.trim().toLowerCase() === other.trim().toLowerCase();
}

/**
 * @param {URLSearchParams} query of the address: confirmed, ends
 * @returns {URLSearchParams} of GET /videos/{id}/statistics
 */
export function askedOf(query) {
  const asked = new URLSearchParams();
  if (query.get("confirmed")) for (const state of CONFIRMED) asked.append("state", state);
  if (query.get("ends")) asked.set("changes_ends", "true");
  return asked;
}
