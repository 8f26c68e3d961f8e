// Server-sent events: named events with JSON, joined again by the browser when they break.

import { addressOf } from "./address.js";

/**
 * @typedef {object} StreamOptions
 * @property {Record<string, (data: any, id: string) => void>} on what to do with an event, by its name
 * @property {(isOpen: boolean) => void} [onState] whether events arrive; false: poll meanwhile
 */

const AGAIN_MS = 15000;

/**
 * Listen until closed. The browser reconnects with Last-Event-ID by itself; where the server
 * refuses it (no such route, too many clients) we ask again after a while.
 *
 * @param {string} path
 * @param {StreamOptions} options
 * @returns {() => void} closes it
 */
export function listen(path, { on, onState }) {
  /** @type {EventSource | null} */
  let source = null;
  let timer = 0;
  const again = () => {
    timer = setTimeout(() => (document.hidden ? again() : open()), AGAIN_MS);
  };
  const open = () => {
    const opened = new EventSource(addressOf(path));
    source = opened;
    opened.onopen = () => onState?.(true);
    opened.onerror = () => {
      onState?.(false);
      if (opened.readyState === EventSource.CLOSED) again();
    };
    for (const [name, take] of Object.entries(on)) {
      opened.addEventListener(name, (event) => take(JSON.parse(event.data), event.lastEventId));
    }
  };
  open();
  return () => {
    clearTimeout(timer);
    source?.close();
  };
}
