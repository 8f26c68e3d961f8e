// The sections of a match's statistics, and what is said where facts are missing.

import { useState } from "preact/hooks";
import { html } from "../core/html.js";
import { FactsDialog } from "../video/facts_dialog.js";
import { BinsChart, BinsTable } from "./bins.js";
import { halfName, headlines, seriesOf, sumOf } from "./figures.js";
import { listAddress } from "./moments.js";
import { Sequences } from "./sequences.js";
import { Hatches, Legend } from "./series.js";
import { ShotsChart, ShotsTable } from "./shots.js";
import { BarTable, HalvesTable } from "./tables.js";

/**
 * @typedef {import("./types.js").Statistics} Statistics
 * @typedef {import("./types.js").Series} Series
 * @typedef {import("../video/types.js").Video} Video
 */

/** @param {{video: Video, statistics: Statistics, query: URLSearchParams, onChange: () => void}} props */
export function Sections({ video, statistics, query, onChange }) {
  const series = seriesOf(statistics, video.teams);
  const path = `/videos/${video.id}/statistics`;
  /** @param {import("./figures.js").Wanted} wanted */
  const address = (wanted) => listAddress(path, query, wanted);
  if (statistics.count === 0) {
    const isConfirmed = Boolean(query.get("confirmed"));
    return html`<div class="empty"><h2>No events</h2>
      <p>${isConfirmed ? "Nobody has confirmed an event of this match yet." : "The timeline of this match has no events."}</p>
      <p><a class="button" href=${`#/videos/${video.id}`}>Open the review</a></p></div>`;
  }
  const rows = statistics.types.map((type) => ({
    name: type, values: series.map(({ team }) => sumOf(statistics.counts, { type, team })), wanted: { type },
  }));
  return html`
    <${Hatches} />
    <${Missing} video=${video} statistics=${statistics} onChange=${onChange} />
    <div class="statistics-grid">
      <div class="statistics-stack">
        <${Section} title="At a glance"><${BarTable} caption="The match at a glance" rows=${headlines(statistics, series)} series=${series}
          addressOf=${address} videoId=${video.id} /><//>
        <${Section} title="Tempo" hint="Events a minute of play">
          <${BarTable} caption="Events a minute of play" rows=${tempoRows(statistics, series)} series=${series.filter(({ team }) => team !== null)}
            addressOf=${address} isShared /><//>
      </div>
      <${Section} title="Events by type"><${BarTable} caption="Events by type" rows=${rows} series=${series} addressOf=${address} isShared /><//>
    </div>
    <${OverTime} statistics=${statistics} series=${series} address=${address} />
    <${Section} title="Passes before a shot" hint=${passesHint(statistics)}>
      ${statistics.passes_before_shots.length === 0
        ? html`<p class="hint">No event is a shot (SHOT, GOAL).</p>`
        : html`<${Legend} series=${series.filter(({ team }) => team !== null)} />
          <${ShotsChart} statistics=${statistics} series=${series} /><${ShotsTable} statistics=${statistics} series=${series} />`}<//>
    <${Section} title="Longest sequences" hint="What one team does in a row, without a gap of more than 10 s">
      ${statistics.longest_sequences.length ? html`<${Sequences} statistics=${statistics} series=${series} />`
        : html`<p class="hint">No two events follow each other within 10 s.</p>`}<//>
    ${statistics.halves.length > 0 && html`<${Section} title="By half">
      <${HalvesTable} statistics=${statistics} series=${series} addressOf=${address} /><//>`}`;
}

/** @param {{title: string, hint?: string, children: import("../core/html.js").Children}} props */
export function Section({ title, hint = "", children }) {
  return html`<section class="card statistics-section"><div class="section-title"><h2>${title}</h2>
    ${hint && html`<p class="hint">${hint}</p>`}</div>${children}</section>`;
}

/** @param {{statistics: Statistics, series: readonly Series[], address: import("./tables.js").AddressOf}} props */
function OverTime({ statistics, series, address }) {
  const [type, setType] = useState("");
  const isThere = statistics.types.includes(type);
  const chosen = isThere ? type : undefined;
  return html`<section class="card statistics-section"><div class="section-title"><h2>Over time</h2>
      <p class="hint">Events in each five minutes${statistics.halves.length ? " of the match clock" : " of the video"}${chosen ? `: ${chosen}` : ""}</p>
      <span class="spring"></span>
      <label class="no-print">Type <select value=${isThere ? type : ""} onChange=${(/** @type {any} */ event) => setType(event.target.value)}>
        <option value="">all types</option>${statistics.types.map((one) => html`<option key=${one} value=${one}>${one}</option>`)}
      </select></label></div>
    <${BinsChart} statistics=${statistics} series=${series} type=${chosen} addressOf=${address} />
    <${BinsTable} statistics=${statistics} series=${series} type=${chosen} addressOf=${address} />
  </section>`;
}

/** @param {Statistics} statistics @param {readonly Series[]} series */
function tempoRows({ tempo, halves }, series) {
  return tempo.map((one) => ({
    name: `${one.half === null ? "Whole match" : halfName(one.half, halves.length)}, ${one.minutes.toFixed(0)} min`,
    places: 2,
    wanted: one.half === null ? { played: true } : { half: one.half },
    values: series.filter(({ team }) => team !== null).map(({ team }) => (team === undefined
      ? one.per_minute : one.teams.find((each) => each.team === team)?.per_minute ?? (one.per_minute === null ? null : 0))),
  }));
}

/** @param {Statistics} statistics */
function passesHint({ mean_passes_before_shot: mean, passes_before_shots: shots }) {
  if (mean === null) return "";
  return `${mean.toFixed(1)} on average, over ${shots.length} ${shots.length === 1 ? "shot" : "shots"}`;
}

/**
 * Say which facts are missing, and let them be set.
 *
 * @param {{video: Video, statistics: Statistics, onChange: () => void}} props
 */
function Missing({ video, statistics, onChange }) {
  const [isAsked, setAsked] = useState(false);
  const found = missing(video, statistics);
  return html`
    ${found.map(({ words, action }) => html`<p key=${words} class="notice statistics-missing"><span>${words}</span>
      ${action === "facts" && html`<button type="button" class="small no-print" onClick=${() => setAsked(true)}>Set match facts</button>`}
      ${action === "review" && html`<a class="button small no-print" href=${`#/videos/${video.id}`}>Open the review</a>`}</p>`)}
    ${isAsked && html`<${FactsDialog} video=${video} onSaved=${onChange} onClose=${() => setAsked(false)} />`}`;
}

/**
 * @param {Video} video
 * @param {Statistics} statistics
 * @returns {{words: string, action: "facts" | "review"}[]}
 */
export function missing(video, { counts, halves, teams }) {
  const names = (video.teams ?? []).map(({ name }) => name);
  const unnamed = teams.filter((team) => !names.includes(team));
  const outside = halves.length ? sumOf(counts, { half: null }) : 0;
  /** @type {{words: string, action: "facts" | "review"}[]} */
  const found = [];
  if (!halves.length) {
    found.push({ words: "The halves of this match are not set: figures take the whole video, breaks too, as one stretch.", action: "facts" });
  }
  if (!counts.some(({ team }) => team !== null)) {
    found.push({ words: "No event has a team, so figures are those of both teams together. Teams can be given to events in the review.", action: "review" });
  } else if (unnamed.length) {
    found.push({ words: `Events name ${unnamed.map((one) => `“${one}”`).join(" and ")}, which the match facts do not know: give each team its side.`, action: "facts" });
  }
  if (outside) {
    const events = outside === 1 ? "One event lies" : `${outside} events lie`;
    found.push({ words: `${events} outside the halves, and so in no bin, sequence or tempo.`, action: "facts" });
  }
  return found;
}
