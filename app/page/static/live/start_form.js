// Where a new stream is asked for: an address, an address to push to, or this device's camera.

import { useState } from "preact/hooks";
import { html } from "../core/html.js";
import { IdempotentPost } from "../core/idempotent.js";
import { attempt } from "../core/notices.js";
import { goTo } from "../core/router.js";
import { canUseCamera, sendCamera } from "./camera.js";
import { begin, models } from "./store.js";
import { missingOf, wantedOf } from "./wanted.js";

/** @typedef {import("./wanted.js").Way} Way */

/** @type {{way: Way, words: string, hint: string}[]} */
const WAYS = [
  { way: "address", words: "From an address", hint: "RTMP, RTSP, HLS, or MPEG-TS over UDP: the service fetches the stream." },
  { way: "listen", words: "Send to this service", hint: "You are shown an RTMP address and a key for your encoder (OBS, a camera, FFmpeg)." },
  { way: "srt", words: "Send by SRT", hint: "You are shown an SRT address for your encoder; MediaMTX takes it beside this service." },
  { way: "camera", words: "This device's camera", hint: "This page sends the picture while it stays open." },
];

export function StartForm() {
  const [form, setForm] = useState({ way: /** @type {Way} */ ("address"), address: "", name: "", model: "", record: true, analyses: false });
  const [isBusy, setBusy] = useState(false);
  const [post] = useState(() => new IdempotentPost());
  const [trouble, setTrouble] = useState("");
  /** @param {Partial<typeof form>} changes */
  const change = (changes) => {
    setForm({ ...form, ...changes });
    setTrouble("");
  };
  /** @param {"address" | "name" | "model"} name */
  const text = (name) => (/** @type {any} */ event) => change({ [name]: event.currentTarget.value });
  /** @param {"record" | "analyses"} name */
  const tick = (name) => (/** @type {any} */ event) => change({ [name]: event.currentTarget.checked });

  /** @param {Event} event */
  const submit = async (event) => {
    event.preventDefault();
    const missing = missingOf(form);
    setTrouble(missing);
    if (missing || isBusy) return;
    setBusy(true);
    const id = await attempt(() => begin(wantedOf(form), post));
    setBusy(false);
    if (!id) return;
    setForm({ ...form, address: "", name: "" });
    if (form.way === "camera") sendCamera(id);
    else if (form.way === "address") goTo(`/videos/${id}`);
  };
  const { hint } = /** @type {(typeof WAYS)[number]} */ (WAYS.find(({ way }) => way === form.way));
  return html`<form id="start-live" class="card live-form" onSubmit=${submit} novalidate>
    <h2>New stream</h2>
    <fieldset class="ways"><legend class="unseen">Where the pictures come from</legend>
      ${WAYS.map(({ way, words }) => html`<label key=${way} class="way"><input type="radio" name="way" value=${way} checked=${form.way === way}
        disabled=${way === "camera" && !canUseCamera()} onChange=${() => change({ way })} /> ${words}</label>`)}
    </fieldset>
    <p class="hint">${hint}${!canUseCamera() && " A browser gives its camera to pages over https, or on localhost, alone."}</p>
    ${form.way === "address" && html`<label>Address
      <input name="address" autocomplete="off" spellcheck="false" placeholder="rtmp://camera.example/live/main" value=${form.address}
        aria-invalid=${Boolean(trouble)} aria-describedby=${trouble ? "live-trouble" : undefined} onInput=${text("address")} /></label>`}
    ${trouble && html`<p id="live-trouble" class="bad" role="alert">${trouble}</p>`}
    <label>Name <input name="name" maxlength="200" placeholder="Cup final" value=${form.name} onInput=${text("name")} /></label>
    <label>Model <select name="model" value=${form.model} onChange=${text("model")}>
      <option value="">The default one for live use</option>
      ${models.value.map(({ name, look_ahead_s: ahead }) => html`<option key=${name} value=${name}>${name}, look-ahead ${ahead} s</option>`)}</select></label>
    <label class="tick"><input type="checkbox" name="record" checked=${form.record} onChange=${tick("record")} /> Record, so that it can be viewed</label>
    <label class="tick"><input type="checkbox" name="analyses" disabled=${!form.record} checked=${form.record && form.analyses}
      onChange=${tick("analyses")} /> Analyse the recording with the full model afterwards</label>
    <button class="main" type="submit" aria-disabled=${isBusy}>Start</button>
  </form>`;
}
