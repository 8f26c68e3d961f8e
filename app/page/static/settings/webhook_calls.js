// Calls about webhooks, and words for what comes back; no document.

import { call } from "../core/api.js";

/**
 * @typedef {object} Webhook
 * @property {string} id
 * @property {string} url
 * @property {string | null} description
 * @property {string[]} events
 * @property {boolean} enabled
 * @property {{at: string, reason: string} | null} disabled
 * @property {string | null} failing_since
 * @property {string | null} previous_secret_until
 */

/**
 * @typedef {object} Delivery
 * @property {string} id
 * @property {string} type
 * @property {string} status
 * @property {string} created_at
 * @property {{at: string, status_code: number | null, error: string | null}[]} attempts
 */

export const FILTERS = [
  ["*", "Everything"],
  ["video.*", "Videos: analysed, failed, canceled"],
  ["clip.*", "Clips: rendered, failed, canceled"],
  ["review.completed", "A video has been reviewed to its end"],
  ["training.*", "Trainings"],
];

const PING_LOOKS = 40;
const PING_PAUSE_MS = 500;
const DAYS_SHOWN = 3;

/** @returns {Promise<Webhook[]>} */
export async function loadWebhooks() {
  return (await call("/webhooks?limit=1000")).items;
}

/**
 * @param {Webhook} webhook
 * @param {number} [now] milliseconds
 * @returns {Promise<Delivery[]>} its latest messages, the newest first
 */
export async function latestDeliveries({ id }, now = Date.now()) {
  const since = new Date(now - DAYS_SHOWN * 86400 * 1000).toISOString();
  return (await call(`/webhooks/${id}/deliveries?${new URLSearchParams({ since, limit: "20" })}`)).items;
}

/**
 * Send a ping and wait until it has been tried.
 *
 * @param {Webhook} webhook
 * @returns {Promise<Delivery>} still pending: nothing has tried to send it
 */
export async function ping({ id }) {
  /** @type {Delivery} */
  let sent = await call(`/webhooks/${id}/ping`, { method: "POST" });
  for (let look = 0; look < PING_LOOKS && sent.status === "pending"; look += 1) {
    await new Promise((resolve) => { setTimeout(resolve, PING_PAUSE_MS); });
    sent = await call(`/webhooks/${id}/deliveries/${sent.id}`);
  }
  return sent;
}

/**
 * @param {Delivery} delivery
 * @returns {string} what its latest attempt came to
 */
export function outcomeOf({ status, attempts }) {
  const last = attempts[attempts.length - 1];
  if (!last) return status === "held" ? "held: the webhook is off" : "not sent yet";
  const answer = last.status_code ? `answered ${last.status_code}` : last.error ?? "no answer";
  return `${status}: ${answer}${attempts.length > 1 ? `, attempt ${attempts.length}` : ""}`;
}
