// A button that acts: not twice at once, and what goes wrong is told.

import { useRef, useState } from "preact/hooks";
import { html } from "../core/html.js";
import { attempt } from "../core/notices.js";

/**
 * Make an action one that is not begun again while it is under way: a double click is one wish.
 *
 * @param {(event: any) => unknown} act
 * @returns {(event?: any) => Promise<void>}
 */
export function useOnce(act) {
  const isUnderWay = useRef(false);
  return async (event) => {
    event?.preventDefault?.(); // A form that is sent twice must not be sent by the browser.
    if (isUnderWay.current) return;
    isUnderWay.current = true;
    try {
      await act(event);
    } finally {
      isUnderWay.current = false;
    }
  };
}

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
