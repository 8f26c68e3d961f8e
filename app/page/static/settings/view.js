// Settings that stay in this browser: who reviews, light or dark, keys.

import { useEffect, useState } from "preact/hooks";
import { reviewer, session } from "../core/access.js";
import { html } from "../core/html.js";
import { tell } from "../core/notices.js";
import { themeChoice } from "../core/theme.js";

const THEMES = [["system", "As the system"], ["light", "Light"], ["dark", "Dark"]];

export function SettingsView() {
  return html`
    <div class="page-narrow">
      <div>
        <h1>Settings</h1>
        <p class="hint">They stay in this browser.</p>
      </div>
      <section class="card setting" aria-labelledby="reviewer-title">
        <h2 id="reviewer-title">Your name</h2>
        <p class="hint">It is written beside what you decide, so that others see whose decision it is. Undo takes back your own decisions alone.</p>
        <label>Name
          <input id="reviewer" maxlength="100" autocomplete="name" value=${reviewer.value}
            onInput=${(/** @type {any} */ event) => { reviewer.value = event.target.value.trim(); }} />
        </label>
      </section>
      <section class="card setting" aria-labelledby="theme-title">
        <h2 id="theme-title">Appearance</h2>
        <div class="choices" role="radiogroup" aria-labelledby="theme-title">
          ${THEMES.map(([value, label]) => html`
            <label key=${value}><input type="radio" name="theme" value=${value} checked=${themeChoice.value === value}
              onChange=${() => { themeChoice.value = /** @type {"system" | "light" | "dark"} */ (value); }} />${label}</label>`)}
        </div>
      </section>
      <section class="card setting" aria-labelledby="keys-title">
        <h2 id="keys-title">Keys of the review</h2>
        <${Loaded} load=${async () => (await import("../review/key_settings.js")).KeySettings} />
      </section>
      ${session.value?.scopes.includes("admin") && html`
        <section class="card setting" aria-labelledby="webhooks-title">
          <h2 id="webhooks-title">Webhooks</h2>
          <${Loaded} load=${async () => (await import("./webhooks.js")).Webhooks} />
        </section>`}
    </div>`;
}

/**
 * A part whose modules are loaded when it is looked at.
 *
 * @param {{load: () => Promise<any>}} props
 */
function Loaded({ load }) {
  const [Part, setPart] = useState(() => /** @type {any} */ (null));
  useEffect(() => {
    load().then((part) => setPart(() => part), tell);
  }, []);
  return Part ? html`<${Part} />` : html`<p class="hint">Loading…</p>`;
}
