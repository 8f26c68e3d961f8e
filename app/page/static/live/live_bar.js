// The row under the picture of a live stream: is it live, how far behind is the playhead, and
// the two figures, look-ahead and compute latency, each by itself.

import { useState } from "preact/hooks";
import { call } from "../core/api.js";
import { counted } from "../core/format.js";
import { html } from "../core/html.js";
import { announce, attempt } from "../core/notices.js";
import { ActionButton, giveBackFocus, useReview } from "../review/context.js";
import { timecode } from "../review/timecode.js";
import { Action } from "../ui/action.js";
import { Confirm } from "../ui/dialog.js";
import { endCamera } from "./camera.js";
import { isOpen, latencyWords, lookAheadWords, recordingWords, STATES } from "./words.js";

/** @typedef {import("./types.js").FollowedStream} FollowedStream */

export function LiveBar() {
  const { model, following } = useReview();
  const stream = model.stream.value;
  if (!stream || !following || !(stream.isFollowed || stream.gaps.length)) return null;
  if (!stream.isFollowed) return html`<div class="live-bar" data-is="live-bar"><span class="badge">was live</span><${Gaps} gaps=${stream.gaps} /></div>`;
  return html`<div class="live-bar" role="group" aria-label="Live" data-is="live-bar" data-edge=${following.atEdge.value}>
    <span class=${`badge stream-${stream.state}`} data-is="stream-state" role="status">${STATES[stream.state]}</span>
    <${Edge} />
    <${Figures} stream=${stream} />
    <${Gaps} gaps=${stream.gaps} />
    ${stream.recording !== "on" && html`<span class=${stream.recording === "stopped" ? "bad" : "hint"} data-is="recording">${recordingWords(stream)}</span>`}
    <span class="spring"></span>
    ${isOpen(stream) && html`<${StopButton} id=${stream.video_id} name=${stream.name} />`}
  </div>`;
}

/** Whether the playhead is at the edge; else how far behind, and the way there. */
function Edge() {
  const { following, model } = useReview();
  if (!following || !model.stream.value) return null;
  const behind = following.behindText.value;
  if (following.atEdge.value) {
    return html`<span class="at-edge" data-is="edge">At the live edge${model.stream.value.hasPicture
      && html`<small title="The picture comes in segments: the events are ahead of it."> · picture ${behind} behind</small>`}</span>`;
  }
  return html`<span data-is="edge"><${ActionButton} action="live-edge" className="small-tool go-live">Go live<//>${" "}<small>${behind} behind</small></span>`;
}

/** @param {{stream: FollowedStream}} props two figures that are never added up */
function Figures({ stream }) {
  const latency = latencyWords(stream.latency);
  return html`<dl class="live-figures">
    <div title="How much video after an event the model waits for; a property of the model, whatever the machine.">
      <dt>Look-ahead</dt><dd data-is="look-ahead">${lookAheadWords(stream.look_ahead_s)}</dd></div>
    <div title=${latency.title}><dt>Compute latency, p95</dt><dd data-is="latency">${latency.text}</dd></div>
  </dl>`;
}

/** @param {{gaps: readonly import("./types.js").Gap[]}} props what is missing, each with the way there */
function Gaps({ gaps }) {
  const { playback } = useReview();
  if (!gaps.length) return null;
  return html`<details class="menu up" data-is="gaps">
    <summary class="button small">${counted(gaps.length, "gap")}</summary>
    <ul class="menu-items" role="list">${gaps.map(({ from_s: from, to_s: to, reason }) => html`<li key=${`${from} ${to}`}>
      <button type="button" class="quiet" onClick=${(/** @type {MouseEvent} */ event) => { giveBackFocus(event); playback.seekTime(Math.max(0, from - 1)); }}>
        <span class="mono">${timecode(from, 1)} – ${timecode(to, 1)}</span> ${reason}</button></li>`)}</ul>
  </details>`;
}

/** @param {{id: string, name: string, onStopped?: () => void}} props */
export function StopButton({ id, name, onStopped = () => {} }) {
  const [isAsked, setAsked] = useState(false);
  return html`<button type="button" class="small danger" data-is="stop" aria-label=${`Stop ${name}`} onClick=${() => setAsked(true)}>Stop</button>
    ${isAsked && html`<${Confirm} title="Stop this stream?" action="Stop" onClose=${() => setAsked(false)}
      words=${`“${name}” is followed no longer. What was recorded becomes the video's file; events and decisions stay.`}
      onConfirm=${() => { setAsked(false); attempt(() => stop(id).then(onStopped)); }} />`}`;
}

/** With the last picture, if this page sends the camera; else at once. @param {string} id */
async function stop(id) {
  if (!(await endCamera(id))) await call(`/live/${id}/stop`, { method: "POST" });
  announce("The stream is being ended.");
}

/** In place of the picture. @param {{stream: FollowedStream}} props */
export function NoPicture({ stream }) {
  return html`<div class="unplayable" data-is="no-picture">
    <p>${pictureWords(stream)}</p>
    ${stream.push && html`<${PushAddress} push=${stream.push} />`}
  </div>`;
}

/** @param {FollowedStream} stream */
function pictureWords({ problem, state, recording, recording_problem: why, error, record }) {
  if (problem) return problem;
  if (state === "failed") return error?.detail ?? "The stream has failed.";
  if (recording === "stopped") return `${why ?? "The recording stopped."} Events go on.`;
  if (!record) return "The stream is not recorded, so there is no picture. Events come, and keys of types add some at the live edge.";
  if (state === "live") return "The first pictures come in a few seconds.";
  return `The stream ${STATES[state]}${state === "waiting" || state === "connecting" ? "; the picture comes some seconds after it begins" : ""}.`;
}

/** Where to send to, to be copied: of SRT one address, of RTMP a key beside it. @param {{push: {url: string, key: string}}} props */
export function PushAddress({ push }) {
  const isWhole = push.url.startsWith("srt:");
  const both = isWhole ? push.url : `${push.url.replace(/\/$/, "")}/${push.key}`;
  return html`<div class="push-address" data-is="push">
    <dl><div><dt>${isWhole ? "SRT address" : "Server"}</dt><dd class="mono">${push.url}</dd></div>
      ${!isWhole && html`<div><dt>Stream key</dt><dd class="mono">${push.key}</dd></div>`}</dl>
    <${Action} class="small" title=${both} act=${async () => {
      // Over plain http a browser has no clipboard for pages.
      if (!navigator.clipboard) throw new Error("This browser lets pages copy over https alone: select the address above, and copy it.");
      await navigator.clipboard.writeText(both);
      announce("The address is copied.");
    }}>${isWhole ? "Copy the address" : "Copy both as one address"}<//>
  </div>`;
}
