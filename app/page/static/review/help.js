// All keys, asked for by ? in the review.

import { html } from "../core/html.js";
import { Dialog } from "../ui/dialog.js";
import { useReview } from "./context.js";
import { KeySettings } from "./key_settings.js";

export function HelpDialog() {
  const { model } = useReview();
  const close = () => { model.dialog.value = null; };
  return html`<${Dialog} id="keys-dialog" title="Keys" onClose=${close} className="keys-dialog">
    <${KeySettings}><button type="button" class="main" onClick=${close}>Close</button><//>
  <//>`;
}
