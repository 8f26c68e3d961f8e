// The page's header: where one can go, and whether the service is ready.

import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { call } from "../core/api.js";
import { html } from "../core/html.js";
import { isKeyAsked } from "../core/notices.js";
import { Poll } from "../core/poll.js";
import { route } from "../core/router.js";

const READY_MS = 15000;
const PLACES = [
  ["library", "#/", "Library"],
  ["live", "#/live", "Live"],
  ["search", "#/search", "Search"],
  ["clips", "#/clips", "Clips"],
  ["teach", "#/teach", "Teach"],
  ["types", "#/types", "Event types"],
  ["settings", "#/settings", "Settings"],
];

const readiness = signal({ kind: "", words: "", title: "" });

export function Header() {
  useEffect(() => {
    const poll = new Poll(askReadiness, { onFailure: tellNotReady });
    poll.now();
    return () => poll.stop();
  }, []);
  const area = route.value.name.split("-")[0];
  const { kind, words, title } = readiness.value;
  return html`
    <header class="top">
      <a class="brand" href="#/"><img src="/page/icon.svg" alt="" width="24" height="24" /> Touchline</a>
      <nav aria-label="Main">
        ${PLACES.map(([place, href, label]) => html`
          <a href=${href} aria-current=${place === area ? "page" : undefined}>${label}</a>`)}
      </nav>
      <span class="spring"></span>
      <p id="readiness" class=${`readiness ${kind}`} role="status" title=${title}>${words}</p>
      <a class="quiet-link" href="/docs">API</a>
      <button id="key-button" class="quiet" type="button" onClick=${askForKey}>Key</button>
    </header>`;
}

function askForKey() {
  isKeyAsked.value = true;
}

async function askReadiness() {
  await call("/readyz");
  readiness.value = { kind: "ready", words: "ready", title: "" };
  return READY_MS;
}

/** @param {any} problem */
function tellNotReady(problem) {
  const checks = Object.entries(problem.body?.checks ?? {}).filter(([, words]) => words !== "ok");
  const words = checks.length ? `not ready: ${checks.map(([check]) => check).join(", ")}` : "not reachable";
  readiness.value = { kind: "waiting", words, title: problem.message };
}
