// Live: streams with their state, and how one is begun.

import { useEffect, useRef } from "preact/hooks";
import { dateTime } from "../core/format.js";
import { html } from "../core/html.js";
import { canUseCamera, sendCamera, sending, stopCamera } from "./camera.js";
import { PushAddress, StopButton } from "./live_bar.js";
import { StartForm } from "./start_form.js";
import { refresh, streams, watch } from "./store.js";
import { factsOf, isOpen, latencyWords, lookAheadWords, STATES } from "./words.js";

/** @typedef {import("./types.js").LiveStream} LiveStream */

export function LiveView() {
  useEffect(watch, []);
  const all = streams.value;
  return html`<div class="live-page">
    <section aria-label="Streams">
      <h1>Live</h1>
      ${all === null && html`<p class="hint">Loading…</p>`}
      ${all?.length === 0 && html`<p class="empty">No stream yet. Start one: its events are there while the match is played.</p>`}
      <ul class="streams" role="list">${all?.map((stream) => html`<${StreamRow} key=${stream.video_id} stream=${stream} />`)}</ul>
    </section>
    <${StartForm} />
  </div>`;
}

/** @param {{stream: LiveStream}} props */
function StreamRow({ stream }) {
  const { video_id: id, name, state, error, end_reason: reason, push, kind } = stream;
  return html`<li class="card" data-id=${id} data-state=${state}>
    <div class="row wrap">
      <a href=${`#/videos/${id}`}><strong>${name}</strong></a>
      <span class=${`badge stream-${state}`} data-is="state">${STATES[state]}</span>
      <span class="spring"></span>
      <small class="hint">${dateTime(stream.created_at)}</small>
      ${isOpen(stream) && state !== "ending" && html`<${StopButton} id=${id} name=${name} onStopped=${refresh} />`}
    </div>
    <small class="hint">${factsOf(stream)}</small>
    ${isOpen(stream) && html`<small class="hint">Look-ahead ${lookAheadWords(stream.look_ahead_s)}${" · "}<span title=${latencyWords(stream.latency).title}>compute latency ${latencyWords(stream.latency).text}</span></small>`}
    ${error && html`<small class="bad">${error.detail}</small>`}
    ${reason && html`<small class="hint" data-is="end-reason">Ended: ${reason}</small>`}
    ${push && html`<${PushAddress} push=${push} />`}
    ${(kind === "listen" || kind === "relay") && !push && isOpen(stream) && html`<small class="hint" data-is="push-soon">The address to send to is shown as soon as a worker listens.</small>`}
    ${kind === "push" && isOpen(stream) && html`<${CameraRow} id=${id} />`}
  </li>`;
}

/** The camera of a stream that a browser sends. @param {{id: string}} props */
function CameraRow({ id }) {
  const now = sending.value;
  if (now?.videoId !== id || now.state === "ended") {
    return html`<div class="row wrap">${now?.videoId === id && now.words && html`<small class="bad">${now.words}</small>`}
      ${canUseCamera() && html`<button type="button" class="small" data-is="send-camera" onClick=${() => sendCamera(id)}>Send the camera</button>`}</div>`;
  }
  return html`<div class="row wrap camera" data-is="camera" data-state=${now.state}>
    <${Preview} media=${now.media} /><small role="status">${now.words}</small>
    <button type="button" class="small" onClick=${stopCamera}>Stop sending</button></div>`;
}

/** @param {{media: MediaStream}} props */
function Preview({ media }) {
  const place = useRef(/** @type {HTMLVideoElement | null} */ (null));
  useEffect(() => { if (place.current) place.current.srcObject = media; }, [media]);
  return html`<video ref=${place} autoplay muted playsinline width="160" height="90" aria-label="What the camera sees"></video>`;
}
