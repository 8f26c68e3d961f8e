// What went wrong, and what was just done.

import { html } from "../core/html.js";
import { news, tell, trouble } from "../core/notices.js";

export function Notices() {
  return html`
    <div id="trouble" class="trouble" role="alert" hidden=${!trouble.value}>
      <span>${trouble.value}</span>
      <button type="button" class="quiet" aria-label="Close this message" onClick=${() => tell(null)}>×</button>
    </div>
    <p id="news" class="news" role="status" hidden=${!news.value}>${news.value}</p>`;
}
