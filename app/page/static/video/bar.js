// What stands above a video: title, match, where its analysis is, and what to do with it all.

import { useState } from "preact/hooks";
import { html } from "../core/html.js";
import { attempt } from "../core/notices.js";
import { Action } from "../ui/action.js";
import { Confirm } from "../ui/dialog.js";
import { cancel, remove } from "./actions.js";
import { AnalyseDialog } from "./analyse_dialog.js";
import { FactsDialog } from "./facts_dialog.js";
import { MatchLine } from "./match_line.js";
import { fileFacts, isByHand, isLive, isOpen, progressOf, statusOf, titleOf } from "./words.js";

/**
 * @param {object} props
 * @param {import("./types.js").Video} props.video
 * @param {() => void} props.onChange ask for the video anew
 * @param {() => void} props.onGone it was deleted
 * @param {() => number} [props.currentTime] where the player stands, for kick-offs
 * @param {import("../core/html.js").Children} [props.children] more buttons
 */
export function VideoBar({ video, onChange, onGone, currentTime, children }) {
  const [asked, setAsked] = useState("");
  const close = () => setAsked("");
  const warnings = Object.values(video.job.warnings ?? {}).join(" ");
  return html`
    <div class="video-bar">
      <div class="row wrap">
        <h1 data-is="title" title=${fileFacts(video)}>${titleOf(video)}</h1>
        <span data-is="badge" class=${`badge ${video.status}`}>${statusOf(video)}</span>
        <${MatchLine} video=${video} />
        <span class="spring"></span>
        ${children}
        <button type="button" class="small" data-is="facts" onClick=${() => setAsked("facts")}>Details</button>
        ${isOpen(video)
          ? html`<${Action} key="act" class="small" data-is="cancel" act=${async () => { await cancel(video); onChange(); }}>Cancel<//>`
          : !isLive(video) && html`<button key="again" type="button" class="small" data-is="again" onClick=${() => setAsked("analyse")}>
              ${isByHand(video) ? "Analyse" : "Analyse again"}</button>`}
        <button type="button" class="small danger" data-is="delete" onClick=${() => setAsked("delete")}>Delete</button>
      </div>
      ${isOpen(video) && html`
        <div class="progress" data-is="progress">
          <span class="bar"><span style=${{ width: `${video.progress * 100}%` }}></span></span>
          <p class="hint">${progressOf(video)}</p>
        </div>`}
      ${video.status === "failed" && html`<p class="trouble inline" data-is="error">${video.error?.detail}</p>`}
      ${warnings && html`<p class="notice" data-is="warning">${warnings}</p>`}
    </div>
    ${asked === "facts" && html`<${FactsDialog} video=${video} onSaved=${onChange} onClose=${close} currentTime=${currentTime} />`}
    ${asked === "analyse" && html`<${AnalyseDialog} video=${video} onDone=${onChange} onClose=${close} />`}
    ${asked === "delete" && html`<${DeleteDialog} video=${video} onGone=${onGone} onClose=${close} />`}`;
}

/**
 * @param {object} props
 * @param {import("./types.js").Video} props.video
 * @param {() => void} props.onGone
 * @param {() => void} props.onClose
 */
export function DeleteDialog({ video, onGone, onClose }) {
  const confirm = async () => {
    const isDone = await attempt(async () => {
      await remove(video);
      return true;
    });
    onClose();
    if (isDone) onGone();
  };
  return html`<${Confirm} title="Delete this video?" action="Delete" onConfirm=${confirm} onClose=${onClose}
    words=${`“${titleOf(video)}” goes with its file, its timeline and everything people decided. This cannot be undone.`} />`;
}
