// The page: header, what went wrong, and the view that the address asks for.

import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { loadSession } from "./core/access.js";
import { html } from "./core/html.js";
import { tell } from "./core/notices.js";
import { route } from "./core/router.js";
import "./core/theme.js";
import { LibraryView } from "./library/view.js";
import { Header } from "./ui/header.js";
import { KeyDialog } from "./ui/key_dialog.js";
import { Notices } from "./ui/notices.js";

const SESSION_MS = 3000;

/** The modules of a view are loaded when it is opened first. */
/** @type {Record<string, () => Promise<any>>} */
const VIEWS = {
  video: async () => (await import("./review/view.js")).ReviewView,
  statistics: async () => (await import("./statistics/view.js")).StatisticsView,
  compare: async () => (await import("./statistics/compare_view.js")).CompareView,
  live: async () => (await import("./live/view.js")).LiveView,
  clips: async () => (await import("./clips/view.js")).ClipsView,
  search: async () => (await import("./search/view.js")).SearchView,
  teach: async () => (await import("./teach/view.js")).TeachView,
  "teach-training": async () => (await import("./teach/training_view.js")).TrainingView,
  "teach-comparison": async () => (await import("./teach/comparison_view.js")).ComparisonView,
  "teach-model": async () => (await import("./teach/model_view.js")).ModelView,
  types: async () => (await import("./settings/types_view.js")).TypesView,
  settings: async () => (await import("./settings/view.js")).SettingsView,
};

addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  tell(event.reason);
});

// A browser presses a button on and on while Enter is held.
addEventListener("keydown", (event) => {
  const { target, key, repeat } = event;
  if (repeat && key === "Enter" && target instanceof HTMLButtonElement) event.preventDefault();
}, { capture: true });

function App() {
  const { name, id } = route.value;
  useEffect(() => tell(null), [name, id]);
  return html`
    <a class="skip" href="#main" onClick=${skipToMain}>Skip to content</a>
    <${Header} />
    <${Notices} />
    <main id="main" class=${`view view-${name}`} tabindex="-1">
      ${name === "library" && html`<${LibraryView} />`}
      ${name in VIEWS && html`<${LoadedView} key=${`${name} ${id}`} name=${name} id=${id} />`}
    </main>
    <${KeyDialog} />
  `;
}

/** @param {{name: string, id: string}} props */
function LoadedView({ name, id }) {
  const [View, setView] = useState(() => /** @type {any} */ (null));
  useEffect(() => {
    VIEWS[name]().then((view) => setView(() => view), tell);
  }, []);
  return View ? html`<${View} id=${id} />` : html`<p class="hint">Loading…</p>`;
}

/** @param {Event} event the address is the router's, so the link must not change it */
function skipToMain(event) {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

// A server that does not answer must not keep the page from saying so.
await Promise.race([loadSession(), new Promise((resolve) => { setTimeout(resolve, SESSION_MS); })]);
render(html`<${App} />`, /** @type {HTMLElement} */ (document.getElementById("app")));
