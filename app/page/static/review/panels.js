// Beside the player: the list, what to check first, thresholds, options, as tabs.

import { useState } from "preact/hooks";
import { html } from "../core/html.js";
import { CheckPanel } from "./check_panel.js";
import { EventList } from "./list.js";
import { OptionsPanel } from "./options_panel.js";
import { ThresholdsPanel } from "./thresholds_panel.js";

const TABS = [
  { id: "events", words: "Events", panel: EventList },
  { id: "check", words: "Check first", panel: CheckPanel },
  { id: "thresholds", words: "Thresholds", panel: ThresholdsPanel },
  { id: "options", words: "Options", panel: OptionsPanel },
];

export function SidePanels() {
  const [open, setOpen] = useState("events");
  const at = TABS.findIndex((tab) => tab.id === open);
  const { panel } = TABS[at];

  /** Arrows move between tabs. @param {KeyboardEvent} event */
  const onKey = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step || event.altKey || event.ctrlKey || event.metaKey) return; // Alt and an arrow is the browser's way back.
    event.preventDefault();
    const next = TABS[(at + step + TABS.length) % TABS.length].id;
    setOpen(next);
    document.getElementById(`tab-${next}`)?.focus();
  };
  return html`<div class="panels">
    <div class="tabs" role="tablist" aria-label="Panels" onKeyDown=${onKey}>
      ${TABS.map(({ id, words }) => html`<button key=${id} type="button" role="tab" id=${`tab-${id}`} aria-selected=${id === open}
        aria-controls="side-panel" tabindex=${id === open ? 0 : -1} onClick=${() => setOpen(id)}>${words}</button>`)}
    </div>
    <div id="side-panel" class="panel" role="tabpanel" aria-labelledby=${`tab-${open}`}><${panel} /></div>
  </div>`;
}
