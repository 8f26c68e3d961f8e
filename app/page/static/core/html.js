// Templates in place of JSX: html`<p class=${name}>${text}</p>`. Texts are escaped.
// Addresses of the service in `src`, `href` and `poster` are those under its base.

import { h } from "preact";
import htm from "htm";
import { addressOf } from "./address.js";

/** @typedef {import("preact").ComponentChildren} Children */

const ADDRESSES = ["src", "href", "poster"];

/**
 * @param {any} type
 * @param {Record<string, any> | null} props
 * @param {...any} children
 */
function element(type, props, ...children) {
  if (props && typeof type === "string") {
    for (const name of ADDRESSES) {
      if (typeof props[name] === "string") props[name] = addressOf(props[name]);
    }
  }
  return h(type, props, ...children);
}

/** @type {(strings: TemplateStringsArray, ...values: any[]) => any} */
export const html = htm.bind(element);
