// The picture, and the row of controls under it.

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { call } from "../core/api.js";
import { keepFresh } from "../core/fresh_source.js";
import { html } from "../core/html.js";
import { attempt } from "../core/notices.js";
import { NoPicture } from "../live/live_bar.js";
import { ActionButton, giveBackFocus, hintOf, useReview } from "./context.js";
import { DraftInput } from "./fields.js";
import { Icon } from "./icons.js";
import { RATES } from "./playback.js";
import { prefs } from "./prefs.js";
import { matchClock, parseTime, timecode } from "./timecode.js";

/** @typedef {HTMLVideoElement | null} VideoOrNull */

export function Player() {
  const { model, playback } = useReview();
  const place = useRef(/** @type {VideoOrNull} */ (null));
  const [isBroken, setBroken] = useState(false);
  const { source, isFed, isGrowing } = usePicture(place);
  const video = model.video.value;
  const stream = model.stream.value;
  return html`<div class="player" data-is="player">
    <video ref=${place} src=${source} preload="auto" playsinline hidden=${isBroken || (isGrowing && !isFed)} tabindex="-1"
      poster=${video?.has_poster ? video.links.poster : undefined}
      aria-label=${`Video: ${video?.title || video?.filename || ""}`}
      onClick=${() => playback.toggle()} onError=${() => setBroken(Boolean(source))}
      onLoadedData=${() => setBroken(false)}></video>
    ${isBroken && html`<${Unplayable} />`}
    ${isGrowing && stream && (!isFed || stream.problem) && html`<${NoPicture} stream=${stream} />`}
  </div>`;
}

/**
 * Let the player have the video's file, or the recording of a live stream as it grows.
 *
 * @param {{current: VideoOrNull}} place
 */
function usePicture(place) {
  const { model, playback, following } = useReview();
  const video = model.video.value;
  const stream = model.stream.value;
  const isGrowing = video?.status === "live" || Boolean(stream?.isFollowed);
  const isFed = isGrowing && Boolean(stream?.hasPicture);
  const source = isGrowing || !video ? undefined : video.links?.playable ?? `${model.path}/file`;
  // Before the file can be there: who listens later misses the first frame, which tells where the file begins.
  useLayoutEffect(() => {
    const player = place.current;
    if (player && (source || isFed)) playback.attach(player, { isAbsolute: isFed });
    const stop = player && isFed ? following?.attach(player) : undefined;
    return () => {
      stop?.();
      playback.detach();
    };
  }, [source, isFed]);
  useEffect(() => {
    const player = place.current;
    const stop = player ? keepFresh(player) : undefined;
    return () => {
      stop?.();
      player?.removeAttribute("src");
      player?.load();
    };
  }, []);
  return { source, isFed, isGrowing };
}

/** The browser cannot play the file; the service may make one that it can. */
function Unplayable() {
  const { model, loader } = useReview();
  const { playable, dropped_at: droppedAt } = model.video.value ?? {};
  if (droppedAt) {
    return html`<div class="unplayable"><p>The video's file was removed on ${new Date(droppedAt).toLocaleDateString()} by
      the project's rules. The timeline and the events work without it.</p></div>`;
  }
  const make = () => attempt(async () => {
    await call(`${model.path}/proxy`, { method: "POST" });
    await loader.readVideo();
  });
  return html`<div class="unplayable">
    <p>${playable === "pending"
      ? "A version that browsers can play is being made. It appears here by itself."
      : "This browser cannot play the file. The timeline and the events work without it."}</p>
    ${playable === "none" && html`<button type="button" onClick=${make}>Make a version that it can play</button>`}
  </div>`;
}

export function Transport() {
  const { model } = useReview();
  return html`<div class="transport" role="group" aria-label="Playing">
    <div class="transport-keys">
      <${ActionButton} action="previous-event" icon="previous" />
      <${ActionButton} action="second-back" icon="secondBack" />
      <${ActionButton} action="frame-back" icon="frameBack" />
      <${ActionButton} action="play" icon=${model.isPlaying.value ? "pause" : "play"} className="main-tool" />
      <${ActionButton} action="frame-forward" icon="frameForward" />
      <${ActionButton} action="second-forward" icon="secondForward" />
      <${ActionButton} action="next-event" icon="next" />
    </div>
    <${Where} />
    <span class="spring"></span>
    <${Speed} />
    <${ActionButton} action="loop" icon="loop" isPressed=${prefs().loops} />
    <${Sound} />
  </div>`;
}

/** Where the playhead is; both fields go where they are told. */
function Where() {
  const { model, playback } = useReview();
  const time = model.time.value;
  const clock = matchClock(time, model.halves.value);
  /** @param {string} text */
  const toTime = (text) => {
    const wanted = parseTime(text);
    if (wanted !== null) playback.seekTime(wanted);
  };
  /** @param {string} text */
  const toFrame = (text) => { if (/^\d+$/.test(text.trim())) playback.seek(Number(text)); };
  return html`<div class="where">
    ${clock && html`<span class="match-clock" title="Match clock" data-is="clock">${clock}</span>`}
    <${Field} name="time" label="Time" text=${timecode(time)} onGiven=${toTime} size="9" />
    <label class="frame-field"><span>Frame</span>
      <${Field} name="frame" label="Frame" text=${String(model.frame.value)} onGiven=${toFrame} size="6" /></label>
    ${!model.frames.value.isExact && html`<span class="badge" title="The file has not been decoded yet: frames are counted by its header.">about</span>`}
  </div>`;
}

/** @param {{name: string, label: string, text: string, size: string, onGiven: (text: string) => void}} props */
function Field({ name, label, text, size, onGiven }) {
  return html`<${DraftInput} class="mono plain" data-is=${name} aria-label=${label} size=${size} inputmode="decimal"
    value=${text} onGiven=${onGiven} onFocus=${(/** @type {any} */ event) => event.currentTarget.select()} />`;
}

function Speed() {
  const { model, playback } = useReview();
  const rates = RATES.includes(model.rate.value) ? RATES : [...RATES, model.rate.value].sort((a, b) => a - b);
  return html`<label class="speed" title=${`${hintOf("slower")}; ${hintOf("faster")}`}><span class="unseen">Speed</span>
    <select data-is="speed" value=${String(model.rate.value)}
      onChange=${(/** @type {any} */ event) => playback.setRate(Number(event.currentTarget.value))}>
      ${rates.map((rate) => html`<option key=${rate} value=${String(rate)}>${rate}×</option>`)}
    </select></label>`;
}

function Sound() {
  const { playback } = useReview();
  const [isSilent, setSilent] = useState(false);
  /** @param {MouseEvent} event */
  const toggle = (event) => {
    giveBackFocus(event);
    if (playback.player) playback.player.muted = !isSilent;
    setSilent(!isSilent);
  };
  /** @param {MouseEvent} event */
  const whole = (event) => {
    giveBackFocus(event);
    if (document.fullscreenElement) document.exitFullscreen();
    else playback.player?.requestFullscreen?.().catch(() => {});
  };
  return html`
    <button type="button" class="tool" aria-label="Mute" title="Mute" aria-pressed=${isSilent} onClick=${toggle}>
      <${Icon} name=${isSilent ? "silent" : "sound"} /></button>
    <button type="button" class="tool wide-only" aria-label="Full screen" title="Full screen" onClick=${whole}>
      <${Icon} name="whole" /></button>`;
}
