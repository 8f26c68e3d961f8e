// The files on their way, and those that an earlier visit left half sent.

import { useEffect, useState } from "preact/hooks";
import { about, size } from "../core/format.js";
import { html } from "../core/html.js";
import { Action } from "../ui/action.js";
import { titleOf } from "../video/words.js";
import { Duplicate } from "./duplicate.js";
import { fields } from "./options.js";
import { leave, matches } from "./match_parts.js";
import { cancelTransfer, dropJoined, forget, giveUp, interrupted, isFileOf, send, sentOf, transfers } from "./store.js";
import { VIDEO_FILES } from "./video_files.js";
import { tell } from "../core/notices.js";

/** @typedef {import("./transfer.js").Transfer} Transfer */

/** @type {Record<import("./transfer.js").State, string>} */
const WORDS = {
  waiting: "waits for its turn", sending: "", paused: "paused", offline: "interrupted, goes on by itself",
  failed: "stopped", done: "uploaded", known: "not sent",
};

export function TransferList() {
  return html`
    <ul class="transfers" role="list" aria-label="Uploads">
      ${transfers.value.map((transfer) => html`<${Row} key=${transfer.id} transfer=${transfer} />`)}
      ${matches.value.map((match) => html`<${MatchRow} key=${match.id} match=${match} />`)}
      ${interrupted.value.map((one) => html`<${InterruptedRow} key=${one.key} one=${one} />`)}
    </ul>`;
}

/** @param {{match: import("./match_parts.js").MatchParts}} props */
function MatchRow({ match }) {
  const { state, problem, transfers: parts, fields: given } = match;
  const name = given.title || parts[0]?.file.name || "";
  const waits = parts.filter((one) => !one.isOver).length;
  return html`
    <li data-state=${`match-${state.value}`}>
      <div class="row">
        <span class="name" title=${name}>${name}: one match of ${parts.length} files</span>
        ${state.value === "failed" && html`
          <${Action} class="small" aria-label=${`Join ${name} again`} act=${() => match.goOn().then(() => dropJoined(match))}>Try again<//>
          <button type="button" class="quiet small" aria-label=${`Leave the files of ${name} single`} onClick=${() => leave(match)}>×</button>`}
      </div>
      <p class="hint">${waits ? `${waits} still to come; then they become one video` : "all files are there"}</p>
      ${problem.value && state.value === "failed" && html`<p class="hint bad" role="alert">${problem.value}</p>`}
    </li>`;
}

/** @param {{transfer: Transfer}} props */
function Row({ transfer }) {
  const { file, state, problem, sent, videoId } = transfer;
  const share = file.size ? sent.value / file.size : 1;
  const name = file.name;
  return html`
    <li data-state=${state.value}>
      <div class="row">
        <span class="name" title=${name}>${transfer.fields.title || name}</span>
        ${state.value === "sending" && html`<${Action} class="small" aria-label=${`Pause ${name}`} act=${() => transfer.pause()}>Pause<//>`}
        ${["paused", "failed", "offline"].includes(state.value) && html`
          <${Action} class="small" aria-label=${`Resume ${name}`} act=${() => transfer.start()}>${state.value === "failed" ? "Try again" : "Resume"}<//>`}
        ${state.value === "done" && html`<a class="button small" href=${`#/videos/${videoId.value}`} aria-label=${`Open ${name}`}>Open</a>
              <button type="button" class="quiet small" aria-label=${`Close the note on ${name}`} onClick=${() => forget(transfer)}>×</button>`}
        ${state.value !== "done" && html`
          <${Action} class="quiet small" aria-label=${`Cancel ${name}`} act=${() => cancelTransfer(transfer)}>×<//>`}
      </div>
      ${!["done", "known"].includes(state.value) && html`
        <span class="bar" role="progressbar" aria-label=${`Upload of ${name}`} aria-valuemin="0" aria-valuemax="100"
          aria-valuenow=${Math.round(share * 100)}><span style=${{ width: `${share * 100}%` }}></span></span>`}
      <p class="hint">${progressWords(transfer)}</p>
      ${problem.value && state.value !== "done" && html`<p class="hint bad" role="alert">${problem.value}</p>`}
      ${state.value === "known" && transfer.earlier.value && html`<${Known} transfer=${transfer} earlier=${transfer.earlier.value} />`}
      ${state.value === "done" && !transfer.isPart && html`<${Duplicate} videoId=${videoId.value} onGone=${() => forget(transfer)} />`}
    </li>`;
}

/**
 * @param {object} props
 * @param {Transfer} props.transfer
 * @param {import("../video/types.js").Video} props.earlier
 */
function Known({ transfer, earlier }) {
  return html`
    <div class="notice duplicate" role="status">
      <p>The same file is in the library already: “${titleOf(earlier)}”.</p>
      <div class="row wrap">
        <a class="button small" href=${`#/videos/${earlier.id}`} onClick=${() => forget(transfer)}>Open that one</a>
        <${Action} class="small" act=${() => transfer.start()}>Upload it again<//>
      </div>
    </div>`;
}

/** @param {Transfer} transfer */
function progressWords({ file, sent, state, rate }) {
  const parts = [["done", "known"].includes(state.value) ? size(file.size) : `${size(sent.value)} of ${size(file.size)}`];
  const speed = state.value === "sending" ? rate.bytesPerS : null;
  if (speed) parts.push(`${size(speed)}/s`, `${about((file.size - sent.value) / speed)} left`);
  if (state.value === "sending" && sent.value === file.size) parts.splice(1, 2, "storing…");
  if (WORDS[state.value]) parts.push(WORDS[state.value]);
  return parts.join(" · ");
}

/** @param {{one: import("./store.js").Interrupted}} props */
function InterruptedRow({ one }) {
  const [sent, setSent] = useState(/** @type {number | null} */ (null));
  const [problem, setProblem] = useState("");
  useEffect(() => {
    sentOf(one).then(setSent, tell);
  }, [one.url]);
  /** @param {any} event */
  const resume = (event) => {
    const file = event.target.files[0];
    event.target.value = "";
    if (!file) return;
    if (!isFileOf(one, file)) return setProblem(`That is another file: this upload began with ${one.name}, ${size(one.size)}.`);
    interrupted.value = interrupted.value.filter((other) => other !== one);
    return send([file], fields.value);
  };
  return html`
    <li data-state="interrupted">
      <div class="row">
        <span class="name" title=${one.name}>${one.name}</span>
        <label class="button small">Choose the file
          <input class="unseen" type="file" accept=${VIDEO_FILES} aria-label=${`Choose ${one.name} again to go on`} onChange=${resume} />
        </label>
        <${Action} class="quiet small" aria-label=${`Give up ${one.name}`} act=${() => giveUp(one)}>×<//>
      </div>
      <p class="hint">${sent === null ? size(one.size) : `${size(sent)} of ${size(one.size)}`} · interrupted: choose the same file again and it goes on from there.</p>
      ${problem && html`<p class="hint bad" role="alert">${problem}</p>`}
    </li>`;
}
