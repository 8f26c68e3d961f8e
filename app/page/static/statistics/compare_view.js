// Two matches side by side: #/compare?a=ID&b=ID, or a team in each of them.

import { useEffect, useState } from "preact/hooks";
import { withQuery } from "../core/address.js";
import { call, download } from "../core/api.js";
import { html } from "../core/html.js";
import { attempt, keyVersion, tell } from "../core/notices.js";
import { Problem } from "../core/problem.js";
import { goTo, route } from "../core/router.js";
import { titleOf } from "../video/words.js";
import { shadesOf } from "./colours.js";
import { CompareTable, isLengthAlike } from "./compare_table.js";
import { MatchPicker } from "./match_picker.js";
import { comparisonOf, isSame, opponentOf } from "./options.js";
import { Hatches } from "./series.js";

/**
 * @typedef {import("./types.js").Statistics} Statistics
 * @typedef {import("../video/types.js").Video} Video
 *
 * @typedef {object} Pair
 * @property {Video | null} a
 * @property {Video | null} b
 * @property {Statistics | null} figures of a, with those of b
 * @property {string[]} teams of b
 * @property {string} problem
 */

/** @type {Pair} */
const NOTHING = { a: null, b: null, figures: null, teams: [], problem: "" };

/** What the address asks for. @param {URLSearchParams} query */
function wantedOf(query) {
  const [a, b, team, other] = ["a", "b", "team", "with_team"].map((name) => query.get(name) ?? "");
  return { a, b, team, other };
}

export function CompareView() {
  const { query } = route.value;
  const [pair, setPair] = useState(NOTHING);
  const { a, b, team, other } = wantedOf(query);
  const compared = comparisonOf(query).toString();
  useEffect(() => {
    const leaving = new AbortController();
    readPair(a, b, compared, leaving.signal).then(setPair, tell);
    return () => leaving.abort();
  }, [a, b, compared, keyVersion.value]);
  /** @param {Record<string, string>} changes */
  const set = (changes) => {
    const asked = new URLSearchParams(query);
    for (const [name, value] of Object.entries(changes)) {
      if (value) asked.set(name, value);
      else asked.delete(name);
    }
    goTo(withQuery("/compare", asked));
  };
  const [first, second] = [shownAs(pair.a, a), shownAs(pair.b, b)];
  const figures = first && second ? pair.figures : null;
  const swap = () => set({ a: b, b: a, team: other, with_team: team });
  return html`<article class="statistics compare" data-ready=${figures !== null || pair.problem !== ""}>
    <header class="statistics-title"><div class="row wrap"><h1>Compare two matches</h1><span class="spring"></span>
      ${figures && html`<span class="row no-print"><button type="button" class="small" data-is="swap" onClick=${swap}>Swap</button>
        <button type="button" class="small" data-is="csv" onClick=${() => saveTable(pair, compared)}>CSV</button>
        <button type="button" class="small" onClick=${() => print()}>Print</button></span>`}</div></header>
    <div class="compare-matches">
      <${MatchPicker} label="First match" video=${first} isLoading=${isLoading(a, first, pair)} without=${b}
        onChoose=${(/** @type {string} */ id) => set({ a: id, team: "", with_team: "" })} />
      <${MatchPicker} label="Second match" video=${second} isLoading=${isLoading(b, second, pair)} without=${a}
        onChoose=${(/** @type {string} */ id) => set({ b: id, team: "", with_team: "" })} />
    </div>
    ${first && second && html`<${Options} query=${query} set=${set} />`}
    ${pair.problem && html`<div class="empty"><h2>These two cannot be compared yet</h2><p>${pair.problem}</p></div>`}
    ${figures && html`<${Figures} pair=${pair} figures=${figures} team=${team} other=${other} query=${query} set=${set} />`}
    ${!(a && b) && html`<p class="hint">Choose two matches to see their figures side by side.</p>`}
  </article>`;
}

/** What is counted in both. @param {{query: URLSearchParams, set: (changes: Record<string, string>) => void}} props */
function Options({ query, set }) {
  /** @param {string} name @param {any} event */
  const change = (name, event) => set({ [name]: event.target.checked ? "1" : "" });
  return html`<div class="choices">
    <label><input type="checkbox" name="confirmed" checked=${query.has("confirmed")}
      onChange=${(/** @type {any} */ event) => change("confirmed", event)} /> Only what people confirmed</label>
    <label title="Events name the end of the pitch: in every second half the sides of the match facts are swapped.">
      <input type="checkbox" name="ends" checked=${query.has("ends")}
        onChange=${(/** @type {any} */ event) => change("ends", event)} /> Teams change ends</label></div>`;
}

/** @param {string} id @param {Video | null} video @param {Pair} pair */
function isLoading(id, video, { problem }) {
  return id !== "" && !video && !problem;
}

/** A video that was read, if it is the one asked for still. @param {Video | null} video @param {string} id */
function shownAs(video, id) {
  return video?.id === id ? video : null;
}

/**
 * @param {object} props
 * @param {Pair} props.pair
 * @param {Statistics} props.figures
 * @param {string} props.team empty: all that happened
 * @param {string} props.other
 * @param {URLSearchParams} props.query
 * @param {(changes: Record<string, string>) => void} props.set
 */
function Figures({ pair, figures, team, other, query, set }) {
  const shared = figures.teams.filter((name) => pair.teams.some((one) => isSame(one, name)));
  const isAlike = isLengthAlike(figures.comparison);
  const isPerMinute = query.has("per") ? query.get("per") === "minute" : !isAlike;
  const series = [pair.a, pair.b].map((video, index) => {
    const own = [team, other][index];
    const colour = video?.teams?.find(({ name }) => isSame(name, own))?.colour;
    const name = own ? `${own}, ${video ? titleOf(video) : ""}` : video ? titleOf(video) : "";
    return { team: own || undefined, name, index, shades: shadesOf(colour, index) };
  });
  /** @param {string} value */
  const chooseTeam = (value) => set({ team: value, with_team: opponentOf(value, other, pair.teams) });
  const canChoose = figures.teams.length > 0 && pair.teams.length > 0;
  return html`<${Hatches} />
    <section class="card statistics-section">
      <div class="section-title compare-choices no-print">
        ${canChoose && html`<label>Team of the first match <select name="team" value=${team}
          onChange=${(/** @type {any} */ event) => chooseTeam(event.target.value)}><option value="">both teams</option>
          ${figures.teams.map((one) => html`<option key=${one} value=${one}>${one}${shared.includes(one) ? " (in both)" : ""}</option>`)}</select></label>`}
        ${canChoose && team && html`<label>of the second <select name="with_team" value=${other}
          onChange=${(/** @type {any} */ event) => set({ with_team: event.target.value })}>
          ${pair.teams.map((one) => html`<option key=${one} value=${one}>${one}</option>`)}</select></label>`}
        <span class="spring"></span>
        <fieldset class="segmented"><legend class="unseen">Counts</legend>
          ${[["number", "In all"], ["minute", "A minute"]].map(([value, words]) => html`<label key=${value}><input type="radio" name="per" value=${value}
            checked=${(value === "minute") === isPerMinute} onChange=${() => set({ per: value })} />${words}</label>`)}</fieldset>
      </div>
      <p class="hint">${hintOf(isAlike, isPerMinute)}</p>
      <${CompareTable} figures=${figures.comparison} series=${series} isPerMinute=${isPerMinute} videos=${[pair.a, pair.b]} />
    </section>`;
}

/** @param {boolean} isAlike whether the matches are of one length @param {boolean} isPerMinute */
function hintOf(isAlike, isPerMinute) {
  if (isPerMinute) return `Events and shots a minute of play${isAlike ? "" : ", for the matches differ in length"}. Difference: first less second.`;
  return `Events and shots in all${isAlike ? "" : "; the matches differ in length, so compare them a minute of play"}. Difference: first less second.`;
}

/**
 * @param {string} a
 * @param {string} b
 * @param {string} asked how they are compared
 * @param {AbortSignal} signal
 * @returns {Promise<Pair>}
 */
async function readPair(a, b, asked, signal) {
  /** @param {string} id */
  const video = (id) => (id ? call(`/videos/${id}`, { signal }).catch(noneIfGone) : null);
  const [first, second] = await Promise.all([video(a), video(b)]);
  if (!first || !second) {
    const isGone = (a && !first) || (b && !second);
    return { ...NOTHING, a: first, b: second, problem: isGone ? "A match is not here any more: choose another one." : "" };
  }
  try {
    const [figures, its] = await Promise.all([
      call(`/videos/${a}/statistics?${asked}`, { signal }), call(`/videos/${b}/statistics?longest=0`, { signal })]);
    return { a: first, b: second, figures, teams: its.teams, problem: "" };
  } catch (error) {
    if (!(error instanceof Problem) || ![404, 409, 422].includes(error.status)) throw error;
    return { ...NOTHING, a: first, b: second, problem: error.message };
  }
}

/** @param {unknown} error */
function noneIfGone(error) {
  if (error instanceof Problem && (error.status === 404 || error.status === 422)) return null;
  throw error;
}

/** @param {Pair} pair @param {string} asked */
function saveTable({ a, b }, asked) {
  if (!a || !b) return;
  attempt(() => download(`/videos/${a.id}/statistics?${asked}&format=csv`, `${titleOf(a)} - ${titleOf(b)}.csv`));
}
