// A video from an address on the web: the service fetches it.

import { useState } from "preact/hooks";
import { html } from "../core/html.js";
import { IdempotentPost } from "../core/idempotent.js";
import { announce, attempt } from "../core/notices.js";
import { useOnce } from "../ui/action.js";
import { refreshSoon } from "../library/store.js";
import { clearTitle, givenFields, Options } from "./options.js";

export function UrlForm() {
  const [url, setUrl] = useState("");
  const [post] = useState(() => new IdempotentPost());
  const submit = useOnce(async () => {
    const isAdded = await attempt(async () => {
      await post.send("/videos", { url: url.trim(), ...givenFields() });
      return true;
    });
    if (!isAdded) return;
    setUrl("");
    clearTitle();
    announce("The service fetches the video; it is in the list.");
    await refreshSoon();
  });
  return html`
    <form id="by-url" class="upload-form" onSubmit=${submit}>
      <label>Address of the file
        <input name="url" type="url" required placeholder="https://example.org/match.mp4" autocomplete="off" value=${url}
          onInput=${(/** @type {any} */ event) => setUrl(event.target.value)} />
      </label>
      <${Options} />
      <button class="main" type="submit" disabled=${!url.trim()}>Fetch it</button>
    </form>`;
}
