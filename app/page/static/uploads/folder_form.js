// Videos from the folder on the server that the operator named.

import { useEffect, useState } from "preact/hooks";
import { pagesOf } from "../core/api.js";
import { size } from "../core/format.js";
import { html } from "../core/html.js";
import { IdempotentPost } from "../core/idempotent.js";
import { announce, attempt, keyVersion, tell } from "../core/notices.js";
import { Problem } from "../core/problem.js";
import { refreshSoon } from "../library/store.js";
import { useOnce } from "../ui/action.js";
import { clearTitle, givenFields, Options } from "./options.js";

/** @typedef {{path: string, size_bytes: number}} FolderFile */

const PAGE = "200";

/** @returns {Promise<FolderFile[] | null>} null: the operator named no folder */
async function loadFolder() {
  /** @type {FolderFile[]} */
  const files = [];
  try {
    for await (const page of pagesOf("/imports", { limit: PAGE })) files.push(...page);
  } catch (error) {
    if (error instanceof Problem && error.status === 404) return null;
    throw error;
  }
  return files;
}

export function FolderForm() {
  const [files, setFiles] = useState(/** @type {FolderFile[] | null | undefined} */ (undefined));
  const [path, setPath] = useState("");
  const [post] = useState(() => new IdempotentPost());
  useEffect(() => {
    loadFolder().then(setFiles, tell);
  }, [keyVersion.value]);
  const submit = useOnce(async () => {
    const isAdded = await attempt(async () => {
      await post.send("/videos", { import: path, ...givenFields() });
      return true;
    });
    if (!isAdded) return;
    setPath("");
    clearTitle();
    announce(`${path} is in the list.`);
    await refreshSoon();
  });
  if (files === undefined) return html`<p class="hint">Loading…</p>`;
  if (files === null) {
    return html`<p id="no-folder" class="hint">No folder is set up. The operator of the service names one in
      <span class="mono">TOUCHLINE_IMPORT_DIR</span>; its videos can be added here then.</p>`;
  }
  return html`
    <form id="folder" class="upload-form" onSubmit=${submit}>
      <label>File
        <select name="file" required value=${path} onChange=${(/** @type {any} */ event) => setPath(event.target.value)}>
          <option value="">${files.length ? "Choose one" : "The folder holds no videos"}</option>
          ${files.map((file) => html`<option key=${file.path} value=${file.path}>${file.path} (${size(file.size_bytes)})</option>`)}
        </select>
      </label>
      <${Options} />
      <button class="main" type="submit" disabled=${!path}>Add it</button>
    </form>`;
}
