// What can be done with the hits: a playlist, a table, a reel.

import { useState } from "preact/hooks";
import { download } from "../core/api.js";
import { html } from "../core/html.js";
import { announce } from "../core/notices.js";
import { MAX_OF_SEVERAL, MAX_VIDEOS } from "../clips/wanted.js";
import { Action } from "../ui/action.js";
import { toParams } from "./query.js";
import { current, eventsOfHits, hits, margins, query } from "./store.js";

export function HandOn() {
  const [cut, setCut] = useState(/** @type {{Dialog: any, events: unknown[], note: string} | null} */ (null));
  if (hits.value.length === 0) return null;
  const name = current.value?.name ?? "events";
  /** @param {"csv" | "m3u8"} form */
  const load = (form) => {
    const asked = toParams(query.peek());
    asked.set("format", form);
    const { lead, lag } = margins.peek();
    if (form === "m3u8") {
      asked.set("lead_s", String(lead));
      asked.set("lag_s", String(lag));
    }
    return download(`/events?${asked}`, `${name}.${form}`);
  };
  const openCut = async () => {
    const [{ CutDialog }, found] = await Promise.all([import("../clips/cut_dialog.js"), eventsOfHits()]);
    const limit = `A reel takes ${MAX_OF_SEVERAL} events of ${MAX_VIDEOS} matches: these are the first.`;
    if (!found.isAll) announce(limit);
    setCut({ Dialog: CutDialog, events: found.events, note: found.isAll ? "" : limit });
  };
  return html`
    <div class="row wrap hand-on">
      <${Action} act=${() => load("m3u8")} title="For VLC and its like; nothing is rendered">Playlist<//>
      <${Action} act=${() => load("csv")} title="A table, a line an event">Export CSV<//>
      <${Action} act=${openCut}>Cut reel<//>
      ${cut && html`<${cut.Dialog} events=${cut.events} note=${cut.note} margins=${margins.peek()} onClose=${() => setCut(null)} />`}
    </div>`;
}
