// A button that acts: not twice at once, and what goes wrong is told.

import { useState } from "preact/hooks";
import { html } from "../core/html.js";
import { attempt } from "../core/notices.js";

/**
 * It is not disabled while it acts, for that costs the focus.
 *
 * @param {object} props
 * @param {() => Promise<unknown>} props.act
 * @param {import("../core/html.js").Children} props.children
 * @param {string} [props.class]
 */
export function Action({ act, children, ...rest }) {
  const [isBusy, setBusy] = useState(false);
  const onClick = async () => {
    if (isBusy) return;
    setBusy(true);
    await attempt(act);
    setBusy(false);
  };
  return html`<button type="button" aria-disabled=${isBusy} onClick=${onClick} ...${rest}>${children}</button>`;
}
