// One webhook: what it gets, how it does, and what can be done with it.

import { useState } from "preact/hooks";
import { call } from "../core/api.js";
import { dateTime } from "../core/format.js";
import { html } from "../core/html.js";
import { attempt } from "../core/notices.js";
import { Action } from "../ui/action.js";
import { Confirm } from "../ui/dialog.js";
import { latestDeliveries, outcomeOf, ping } from "./webhook_calls.js";

/** @typedef {import("./webhook_calls.js").Delivery} Delivery */

/**
 * @param {object} props
 * @param {import("./webhook_calls.js").Webhook} props.webhook
 * @param {() => void} props.onChange it has changed: look again
 * @param {(secret: string) => void} props.onSecret it has a new secret
 */
export function WebhookRow({ webhook, onChange, onSecret }) {
  const [deliveries, setDeliveries] = useState(/** @type {Delivery[] | null} */ (null));
  const [pinged, setPinged] = useState("");
  const [asked, setAsked] = useState(/** @type {"" | "rotate" | "delete"} */ (""));
  const path = `/webhooks/${webhook.id}`;
  const name = webhook.description || webhook.url;
  const look = async () => setDeliveries(await latestDeliveries(webhook));
  const sendPing = async () => {
    setPinged("Sending…");
    const sent = await attempt(() => ping(webhook));
    setPinged(sent ? `Ping ${outcomeOf(sent)}` : "");
    if (deliveries) await attempt(look);
  };
  const turn = async () => {
    await call(path, { method: "PATCH", json: { enabled: !webhook.enabled } });
    onChange();
  };
  const rotate = async () => {
    setAsked("");
    const made = await attempt(() => call(`${path}/rotate`, { method: "POST" }));
    if (made) onSecret(made.secret);
    onChange();
  };
  const remove = async () => {
    setAsked("");
    await attempt(() => call(path, { method: "DELETE" }));
    onChange();
  };
  return html`
    <li class="webhook" aria-label=${name}>
      <strong>${name}</strong>
      ${webhook.description && html`<span class="hint">${webhook.url}</span>`}
      <span class="hint">${webhook.events.join(", ")}</span>
      <${State} webhook=${webhook} />
      <div class="row wrap">
        <${Action} class="small" act=${sendPing}>Ping<//>
        <${Action} class="small" aria-expanded=${deliveries !== null} act=${async () => (deliveries ? setDeliveries(null) : look())}>Messages<//>
        <${Action} class="small" act=${turn}>${webhook.enabled ? "Switch off" : "Switch on"}<//>
        <button type="button" class="small" onClick=${() => setAsked("rotate")}>Rotate secret</button>
        <button type="button" class="small danger" onClick=${() => setAsked("delete")}>Delete</button>
      </div>
      <p class="hint" role="status">${pinged}</p>
      ${deliveries && html`<${Deliveries} path=${path} deliveries=${deliveries} onChange=${look} />`}
      ${asked === "rotate" && html`<${Confirm} title="Rotate the secret?" action="Rotate" onConfirm=${rotate} onClose=${() => setAsked("")}
        words="There will be a new secret. For a day messages are signed with both, so that the receiver can change over." />`}
      ${asked === "delete" && html`<${Confirm} title=${`Delete ${name}?`} action="Delete" onConfirm=${remove} onClose=${() => setAsked("")}
        words="Nothing more is sent there, and the record of its messages goes with it." />`}
    </li>`;
}

/** @param {{webhook: import("./webhook_calls.js").Webhook}} props */
function State({ webhook: { disabled, failing_since: failingSince, previous_secret_until: until } }) {
  const isRotating = until && new Date(until) > new Date();
  return html`
    ${disabled && html`<span class="warn">Off since ${dateTime(disabled.at)}. ${disabled.reason}</span>`}
    ${!disabled && failingSince && html`<span class="warn">Nothing has arrived since ${dateTime(failingSince)}.</span>`}
    ${isRotating && html`<span class="hint">The secret before counts until ${dateTime(until)}.</span>`}`;
}

/** @param {{path: string, deliveries: Delivery[], onChange: () => Promise<void>}} props */
function Deliveries({ path, deliveries, onChange }) {
  /** @param {Delivery} delivery */
  const again = async ({ id }) => {
    await call(`${path}/deliveries/${id}/retry`, { method: "POST" });
    await onChange();
  };
  if (deliveries.length === 0) return html`<p class="hint">No message in the last three days.</p>`;
  return html`
    <ul class="deliveries" role="list">
      ${deliveries.map((one) => html`
        <li key=${one.id} class="row wrap">
          <span>${one.type}</span>
          <span class="hint">${dateTime(one.created_at)}</span>
          <span class=${one.status === "failed" ? "warn" : "hint"}>${outcomeOf(one)}</span>
          <span class="spring"></span>
          <${Action} class="quiet small" aria-label=${`Send ${one.type} again`} act=${() => again(one)}>Send again<//>
        </li>`)}
    </ul>`;
}
