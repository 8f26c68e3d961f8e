// The review's button for clips: of the ticked events, or of all that are shown.

import { useState } from "preact/hooks";
import { html } from "../core/html.js";
import { useReview } from "../review/context.js";
import { CutDialog } from "./cut_dialog.js";

export function CutButton() {
  const { model } = useReview();
  const [isOpen, setOpen] = useState(false);
  const { table } = model;
  const ticked = [...model.ticked.value].filter((id) => table.value.get(id)).length;
  const events = () => {
    const chosen = ticked ? table.peek().all.filter(({ id }) => model.ticked.peek().has(id))
      : model.visible.peek().filter(({ state, is_ghost: isGhost }) => state !== "rejected" && !(isGhost && state === "suggested"));
    return chosen.map(({ id, type, time_s }) => ({ video_id: model.videoId, id, type, time_s }));
  };
  return html`<button type="button" class="small" data-is="cut" onClick=${() => setOpen(true)}>Cut clips${ticked > 0 && ` (${ticked})`}</button>
    ${isOpen && html`<${CutDialog} events=${events()} onClose=${() => setOpen(false)} />`}`;
}
