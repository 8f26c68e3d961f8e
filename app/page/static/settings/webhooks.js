// The webhooks of the project: where messages about its videos are sent.

import { useEffect, useState } from "preact/hooks";
import { html } from "../core/html.js";
import { IdempotentPost } from "../core/idempotent.js";
import { keyVersion, tell } from "../core/notices.js";
import { useOnce } from "../ui/action.js";
import { Dialog } from "../ui/dialog.js";
import { FILTERS, loadWebhooks } from "./webhook_calls.js";
import { WebhookRow } from "./webhook_row.js";

/** @typedef {import("./webhook_calls.js").Webhook} Webhook */

export function Webhooks() {
  const [webhooks, setWebhooks] = useState(/** @type {Webhook[] | null} */ (null));
  const [isAdding, setAdding] = useState(false);
  const [secret, setSecret] = useState("");
  const load = () => loadWebhooks().then(setWebhooks, tell);
  useEffect(() => { load(); }, [keyVersion.value]);
  if (!webhooks) return html`<p class="hint">Loading…</p>`;
  return html`
    <p class="hint">Of the whole project, not of this browser. Each gets signed messages when something has happened:
      an analysis, a clip or a review has ended.</p>
    <ul class="webhooks" role="list">
      ${webhooks.map((one) => html`<${WebhookRow} key=${one.id} webhook=${one} onChange=${load} onSecret=${setSecret} />`)}
      ${webhooks.length === 0 && html`<li class="hint">None yet.</li>`}
    </ul>
    <button id="add-webhook" type="button" onClick=${() => setAdding(true)}>Add a webhook</button>
    ${isAdding && html`<${NewWebhook} onClose=${() => setAdding(false)} onMade=${(/** @type {string} */ made) => {
      setAdding(false);
      setSecret(made);
      load();
    }} />`}
    ${secret && html`<${SecretOnce} secret=${secret} onClose=${() => setSecret("")} />`}`;
}

/** @param {{onClose: () => void, onMade: (secret: string) => void}} props */
function NewWebhook({ onClose, onMade }) {
  const [problem, setProblem] = useState("");
  const [post] = useState(() => new IdempotentPost());
  const add = useOnce(async (event) => {
    const form = new FormData(/** @type {HTMLFormElement} */ (event.target));
    const text = (/** @type {string} */ name) => String(form.get(name)).trim();
    const json = { url: text("url"), description: text("description") || null, events: form.getAll("events") };
    if (json.events.length === 0) return setProblem("Choose what it is to be told.");
    try {
      const made = await post.send("/webhooks", json);
      return onMade(made.secret);
    } catch (error) {
      return setProblem(error instanceof Error ? error.message : String(error));
    }
  });
  return html`
    <${Dialog} title="Add a webhook" onClose=${onClose}>
      <form class="fields" onSubmit=${add}>
        ${problem && html`<p class="trouble inline" role="alert">${problem}</p>`}
        <label>Address <input name="url" type="url" required maxlength="2048" placeholder="https://" autocomplete="off" autofocus /></label>
        <label>What it is for <input name="description" maxlength="200" autocomplete="off" /></label>
        <fieldset>
          <legend>Messages</legend>
          ${FILTERS.map(([value, words]) => html`
            <label key=${value}><input type="checkbox" name="events" value=${value} defaultChecked=${value === "*"} /> ${words}</label>`)}
        </fieldset>
        <div class="row end"><button type="submit" class="main">Add</button></div>
      </form>
    <//>`;
}

/** @param {{secret: string, onClose: () => void}} props */
function SecretOnce({ secret, onClose }) {
  return html`
    <${Dialog} title="The secret of the webhook" onClose=${onClose}>
      <p>Your receiver checks signatures with it. It is shown this once: copy it now.</p>
      <input id="webhook-secret" aria-label="Secret" readonly value=${secret} onFocus=${(/** @type {any} */ event) => event.target.select()} />
      <div class="row end">
        <button type="button" class="main" onClick=${onClose}>I have copied it</button>
      </div>
    <//>`;
}
