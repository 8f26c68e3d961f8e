// Icons, drawn on 16 by 16. They are decoration: buttons have words of their own.

import { html } from "../core/html.js";

/** @type {Record<string, string>} */
const PATHS = {
  play: "M4 2.5v11l9-5.5z",
  pause: "M4 2.5h3v11H4zM9 2.5h3v11H9z",
  frameBack: "M11 3v10L4.5 8zM3 3h1.5v10H3z",
  frameForward: "M5 3v10l6.5-5zM11.5 3H13v10h-1.5z",
  secondBack: "M8 3v10L2.5 8zM14 3v10L8.5 8z",
  secondForward: "M8 3v10l5.5-5zM2 3v10l5.5-5z",
  previous: "M8 2 2.5 8 8 14l1.2-1.1L4.8 8l4.4-4.9zM13 2 7.5 8 13 14l1.2-1.1L9.8 8l4.4-4.9z",
  next: "M8 2l5.5 6L8 14l-1.2-1.1L11.2 8 6.800 3.1zM3 2l5.5 6L3 14l-1.2-1.1L6.200 8 1.800 3.1z",
  loop: "M5 3h6a4 4 0 0 1 4 4h-1.800A2.200 2.200 0 0 0 11 4.800H5V7L1.500 3.900 5 .8zM11 13H5a4 4 0 0 1-4-4h1.800A2.200 2.200 0 0 0 5 11.200h6V9l3.500 3.100L11 15.200z",
  sound: "M2 6h2.500L8 3v10l-3.500-3H2zM10 5.200a3.500 3.500 0 0 1 0 5.600zM10 2.500a6 6 0 0 1 0 11V12a4.500 4.500 0 0 0 0-8z",
  silent: "M2 6h2.500L8 3v10l-3.500-3H2zM10 6l1-1 1.500 1.500L14 5l1 1-1.500 1.500L15 9l-1 1-1.500-1.500L11 10l-1-1 1.500-1.500z",
  whole: "M2 2h5v1.600H3.600V7H2zM9 2h5v5h-1.600V3.600H9zM2 9h1.600v3.400H7V14H2zM12.400 9H14v5H9v-1.600h3.400z",
  check: "M6.300 12.600 2 8.300l1.300-1.300 3 3 6.400-6.600L14 4.700z",
  cross: "M3.600 2.300 8 6.700l4.400-4.400 1.300 1.300L9.300 8l4.400 4.400-1.300 1.300L8 9.300l-4.400 4.400-1.300-1.300L6.700 8 2.300 3.600z",
  plus: "M7.100 2h1.800v5.100H14v1.800H8.900V14H7.100V8.900H2V7.100h5.100z",
  minus: "M2 7.100h12v1.800H2z",
  left: "M10.500 2 12 3.300 7.200 8l4.800 4.700-1.500 1.300-6-6z",
  right: "M5.500 2 4 3.300 8.800 8 4 12.700 5.500 14l6-6z",
  undo: "M6 3v2.600h3.500a4 4 0 0 1 0 8H5V12h4.500a2.400 2.400 0 0 0 0-4.800H6V10L1.800 6.500z",
  redo: "M10 3v2.600H6.500a4 4 0 0 0 0 8H11V12H6.500a2.400 2.400 0 0 1 0-4.800H10V10l4.200-3.500z",
  fit: "M1.500 2H3v12H1.500zM13 2h1.500v12H13zM4 8l3-2.600v1.800h2V5.400L12 8l-3 2.600V8.800H7v1.800z",
  keys: "M1 4h14v9H1zm1.500 1.500v6h11v-6zM4 6.700h1.400v1.400H4zm2.600 0H8v1.400H6.600zm2.600 0h1.400v1.400H9.200zM5 9.300h6v1.300H5z",
};

/** @param {{name: string}} props */
export function Icon({ name }) {
  return html`<svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
    <path d=${PATHS[name]} fill="currentColor" /></svg>`;
}
