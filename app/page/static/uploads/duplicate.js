// Says when the file that was just uploaded is in the library already.

import { useEffect, useState } from "preact/hooks";
import { call } from "../core/api.js";
import { html } from "../core/html.js";
import { goTo } from "../core/router.js";
import { refreshSoon } from "../library/store.js";
import { Action } from "../ui/action.js";
import { remove } from "../video/actions.js";
import { titleOf } from "../video/words.js";

/** @typedef {import("../video/types.js").Video} Video */

/**
 * @param {object} props
 * @param {string} props.videoId of the upload that has just ended
 * @param {() => void} props.onGone the new one was deleted
 */
export function Duplicate({ videoId, onGone }) {
  const [found, setFound] = useState(/** @type {{now: Video, earlier: Video} | null} */ (null));
  useEffect(() => {
    const leaving = new AbortController();
    lookFor(videoId, leaving.signal).then(setFound, () => {
      // Whether there is an earlier one is good to know, and no more than that.
    });
    return () => leaving.abort();
  }, [videoId]);
  if (!found) return null;
  const { now, earlier } = found;
  const open = async () => {
    await remove(now);
    onGone();
    await refreshSoon();
    goTo(`/videos/${earlier.id}`);
  };
  return html`
    <div class="notice duplicate" role="status">
      <p>The same file is in the library already: “${titleOf(earlier)}”.</p>
      <div class="row wrap">
        <${Action} class="small" act=${open}>Open that one, delete this copy<//>
        <button type="button" class="small" onClick=${() => setFound(null)}>Keep both</button>
      </div>
    </div>`;
}

/**
 * @param {string} videoId
 * @param {AbortSignal} signal
 */
async function lookFor(videoId, signal) {
  const now = /** @type {Video} */ (await call(`/videos/${videoId}`, { signal }));
  if (!now.duplicate_of) return null;
  const earlier = /** @type {Video} */ (await call(`/videos/${now.duplicate_of}`, { signal }));
  return earlier.dropped_at ? null : { now, earlier };
}
