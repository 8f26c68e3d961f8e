// The player of hits, with what goes to the next and the previous one.

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { keepFresh } from "../core/fresh_source.js";
import { html } from "../core/html.js";
import { attempt } from "../core/notices.js";
import { Icon } from "../review/icons.js";
import { timecode } from "../review/timecode.js";
import { titleOf } from "../video/words.js";
import { hits, margins } from "./store.js";

/** @typedef {import("./reel.js").Reel} Reel */

/** @param {{reel: Reel}} props */
export function HitPlayer({ reel }) {
  const place = useRef(/** @type {HTMLVideoElement | null} */ (null));
  const [isBroken, setBroken] = useState(false);
  const video = reel.video.value;
  const source = video?.links?.playable ?? (video ? `/videos/${video.id}/file` : undefined);
  // Before the file can be there: who listens later misses the first frame.
  useLayoutEffect(() => {
    if (place.current && source) reel.attach(place.current);
  }, [source]);
  useEffect(() => {
    const player = place.current;
    const stop = player ? keepFresh(player) : undefined;
    return () => {
      stop?.();
      reel.close();
      player?.removeAttribute("src");
      player?.load();
    };
  }, []);
  return html`
    <section class="hit-player" aria-label="Player">
      <div class="hit-picture">
        <video ref=${place} src=${source} preload="auto" playsinline tabindex="-1" hidden=${!source || isBroken}
          aria-label=${video ? `Video: ${titleOf(video)}` : "Video"} onClick=${() => attempt(async () => reel.toggle())}
          onError=${() => setBroken(Boolean(source))} onLoadedData=${() => setBroken(false)}></video>
        ${!source && html`<p>Choose a hit: it is played here, and then the next one.</p>`}
        ${isBroken && html`<p>${whyBroken(video)}</p>`}
      </div>
      <div class="hit-controls" role="group" aria-label="Playing">
        <${Tool} name="Previous hit (P)" icon="previous" act=${() => reel.go(-1)} />
        <${Tool} name="Play or pause (Space)" icon=${reel.isPlaying.value ? "pause" : "play"} act=${async () => reel.toggle()} isMain />
        <${Tool} name="Next hit (N)" icon="next" act=${() => reel.go(1)} />
        <span class="mono" data-is="time">${timecode(reel.time.value)}</span>
        <span class="hint" data-is="place">${reel.index.value >= 0 ? `${reel.index.value + 1} of ${hits.value.length}` : ""}</span>
        <span class="spring"></span>
        <span class="row"><${Margin} label="Before" name="lead" /> <${Margin} label="After" name="lag" /></span>
      </div>
    </section>`;
}

/** @param {{name: string, icon: string, act: () => Promise<unknown>, isMain?: boolean}} props */
function Tool({ name, icon, act, isMain = false }) {
  return html`<button type="button" class=${`tool ${isMain ? "main-tool" : ""}`} aria-label=${name} title=${name}
    onClick=${(/** @type {MouseEvent} */ event) => {
      // After a click of the mouse the keys are the player's again, not the button's.
      if (event.detail > 0) /** @type {HTMLElement} */ (event.currentTarget).blur();
      attempt(act);
    }}><${Icon} name=${icon} /></button>`;
}

/** @param {{label: string, name: "lead" | "lag"}} props */
function Margin({ label, name }) {
  return html`<label class="margin">${label} <input type="number" min="0" max="60" step="0.5" name=${name} value=${margins.value[name]}
    onChange=${(/** @type {any} */ event) => {
      const value = Number(event.target.value);
      if (Number.isFinite(value) && value >= 0 && value <= 600) margins.value = { ...margins.peek(), [name]: value };
    }} /> s</label>`;
}

/** @param {{dropped_at?: string | null} | null | undefined} video */
function whyBroken(video) {
  return video?.dropped_at
    ? "The file of this match was removed by the project's rules."
    : "This browser cannot play the file. Open the match in review to have a version made that it can.";
}
