// The match in one line: teams with their colours, competition, date.

import { html } from "../core/html.js";

/** @param {{video: import("./types.js").Video}} props */
export function MatchLine({ video }) {
  const teams = video.teams ?? [];
  const rest = [video.competition, video.date && day(video.date)].filter(Boolean).join(" · ");
  if (!teams.length && !rest) return null;
  return html`
    <span class="match-line">
      ${teams.map((team, index) => html`
        ${index > 0 && html`<span class="versus">–</span>`}
        <span class="team-name"><${Swatch} colour=${team.colour} />${team.name}</span>`)}
      ${rest && html`<span class="match-rest">${rest}</span>`}
    </span>`;
}

/** @param {{colour?: string | null}} props */
export function Swatch({ colour }) {
  return colour ? html`<span class="swatch" style=${{ background: colour }}></span>` : null;
}

/** @param {string} date 2026-05-31, a day and no moment: it is the same everywhere */
function day(date) {
  return new Date(`${date}T12:00:00`).toLocaleDateString(undefined, { dateStyle: "medium" });
}
