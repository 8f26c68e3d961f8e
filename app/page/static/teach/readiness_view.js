// What is reviewed, match by match and type by type, and what is missing.

import { html } from "../core/html.js";
import { readiness } from "./store.js";
import { minutesOf } from "./words.js";

/** @typedef {import("./types.js").Readiness} Readiness */

export function ReadinessView() {
  const known = readiness.value;
  return html`<section id="readiness-card" class="card teach-section" aria-labelledby="readiness-title">
    <div class="section-title"><h2 id="readiness-title">What is reviewed</h2>
      ${known && html`<p class="hint">${minutesOf(known.minutes)} of ${known.matches.length} ${known.matches.length === 1 ? "match" : "matches"}</p>`}</div>
    ${!known && html`<p class="hint">Loading…</p>`}
    ${known && html`
      ${known.matches.length === 0
        ? html`<p class="empty-note">Nothing is reviewed yet. Open a match of the <a href="#/">library</a>, tag what happens, and press V to mark what you have seen as reviewed.</p>`
        : html`<${Matches} known=${known} /><${Needs} known=${known} />`}
      <${Problems} problems=${known.problems.filter(({ code }) => code !== "nothing-reviewed" || known.matches.length > 0)} />
      ${known.matches.length > 0 && html`<${Notes} known=${known} />`}`}
  </section>`;
}

/** @param {{problems: Readiness["problems"]}} props */
export function Problems({ problems }) {
  return html`${problems.map(({ code, detail, is_blocking: isBlocking }) => html`
    <p key=${`${code} ${detail}`} class=${isBlocking ? "trouble inline" : "notice"} data-code=${code}>${detail}</p>`)}`;
}

/** @param {{known: Readiness}} props */
function Matches({ known }) {
  const types = Object.keys(known.counts);
  return html`<div class="table-scroll" role="region" aria-label="Reviewed events by match and type" tabindex="0"><table class="figures grid">
    <caption class="unseen">Minutes and events that are reviewed, by match</caption>
    <thead><tr><th scope="col">Match</th><th scope="col" class="number">Reviewed</th>
      ${types.map((type) => html`<th key=${type} scope="col" class="number">${type}</th>`)}</tr></thead>
    <tbody>
      ${known.matches.map(({ video_id: id, title, minutes, counts }) => html`<tr key=${id}>
        <th scope="row" class="match-name"><a href=${`#/videos/${id}`}>${title}</a></th><td class="number">${minutesOf(minutes)}</td>
        ${types.map((type) => html`<td key=${type} class="number">${counts[type]?.events ?? 0}</td>`)}</tr>`)}
      <tr class="sum"><th scope="row">All</th><td class="number">${minutesOf(known.minutes)}</td>
        ${types.map((type) => html`<td key=${type} class="number">${known.counts[type].events}</td>`)}</tr>
      <tr><th scope="row">Rejected suggestions</th><td></td>
        ${types.map((type) => html`<td key=${type} class="number">${known.counts[type].rejected}</td>`)}</tr>
    </tbody></table></div>`;
}

/** What would help most, from learning curves. @param {{known: Readiness}} props */
function Needs({ known }) {
  return html`<div data-is="needs">
    ${known.needs.length > 0 && html`<h3>What would help most</h3>`}
    <${NeedLists} needs=${known.needs} others=${known.no_gain_seen} />
    ${known.needs_note && html`<p class="hint">${known.needs_note}</p>`}</div>`;
}

/**
 * Types of which more would help, and apart from them those of which it hardly would, or nobody knows.
 *
 * @param {{needs: readonly import("./types.js").Need[], others: readonly import("./types.js").Need[]}} props
 */
export function NeedLists({ needs, others }) {
  return html`${needs.length > 0 && html`<ol class="needs">${needs.map(({ type, text }) => html`<li key=${type}>${text}</li>`)}</ol>`}
    ${others.length > 0 && html`<details class="more" data-is="no-gain-seen"><summary>More would hardly help, or nobody can tell</summary>
      <ul class="needs">${others.map(({ type, text }) => html`<li key=${type}>${text}</li>`)}</ul></details>`}`;
}

/** What the problems do not say already. @param {{known: Readiness}} props */
function Notes({ known: { split, holdout, agreement, worker, problems } }) {
  const isSaid = (/** @type {string | null | undefined} */ words) => !words || problems.some(({ detail }) => detail === words);
  return html`
    ${!isSaid(split?.note) && html`<p class="hint" data-is="split">${split?.note}</p>`}
    ${holdout && html`<p class="hint" data-is="holdout">${holdoutWords(holdout)}</p>`}
    ${!isSaid(worker.detail) && html`<p class="hint" data-is="worker">${worker.detail}</p>`}
    ${agreement && agreement.decided_twice > 0 && html`<p class="hint" data-is="agreement">${agreementWords(agreement)}</p>`}`;
}

/** @param {NonNullable<Readiness["holdout"]>} holdout @returns {string} what a training would be judged by */
export function holdoutWords({ minutes, videos, counts }) {
  const events = Object.entries(counts).map(([type, count]) => `${count} ${type}`).join(", ");
  return `Held out to judge by: ${minutesOf(minutes)} of ${videos.map(({ title }) => title).join(", ")} (${events || "no event"}).`;
}

/** @param {Record<string, number>} agreement */
export function agreementWords({ decided_twice: twice, kept_verdict: verdict, kept_type: type, within_s: within }) {
  const percent = Math.round((100 * verdict) / twice);
  return `Two people decided on ${twice} ${twice === 1 ? "event" : "events"} and agree on ${percent} % of them whether it is one`
    + ` (${type} of one type, ${within} of those within half a second). A model can hardly be better than that.`;
}
