// Signs this browser in with a key, when one is asked for or the user wants another; and out.

import { useState } from "preact/hooks";
import { session, signIn, signOut } from "../core/access.js";
import { html } from "../core/html.js";
import { isKeyAsked, keyChanged } from "../core/notices.js";
import { Action, useOnce } from "./action.js";
import { Dialog } from "./dialog.js";

export function KeyDialog() {
  return isKeyAsked.value ? html`<${Form} />` : null;
}

function Form() {
  const [problem, setProblem] = useState("");
  const who = session.value;
  const close = () => {
    isKeyAsked.value = false;
  };
  /** @param {SubmitEvent} event */
  const submit = useOnce(async (event) => {
    const form = /** @type {HTMLFormElement} */ (event.target);
    try {
      await signIn(String(new FormData(form).get("key")).trim());
    } catch (error) {
      return setProblem(error instanceof Error ? error.message : String(error));
    }
    close();
    return keyChanged();
  });
  const leave = async () => {
    await signOut();
    close();
    keyChanged();
  };
  return html`
    <${Dialog} id="key-dialog" title="Key" onClose=${close}>
      <form onSubmit=${submit}>
        ${problem && html`<p class="trouble inline" role="alert">${problem}</p>`}
        <p>${whoWords(who)}</p>
        <label>Key <input id="key" name="key" type="password" autocomplete="current-password" required maxlength="500" autofocus /></label>
        <div class="row end">
          ${who?.csrf_token && html`<${Action} class="quiet" act=${leave}>Sign out<//>`}
          <button type="button" onClick=${close}>Close</button>
          <button class="main" type="submit">Sign in</button>
        </div>
      </form>
    <//>`;
}

/** @param {import("../core/access.js").Session | null} who */
function whoWords(who) {
  if (who?.csrf_token) return `Signed in with the key “${who.name}”, which may: ${who.scopes.join(", ")}.`;
  if (who) return "This service asks for no key on this machine. Sign in with one to work as its owner.";
  return "This service asks for a key: the one that its operator set as TOUCHLINE_API_KEY, or one of “touchline keys create”.";
}
