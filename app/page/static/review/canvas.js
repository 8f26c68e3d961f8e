// A canvas that is drawn again when something it reads changes, once a frame at most.

import { effect } from "@preact/signals";
import { theme } from "../core/theme.js";

/**
 * Draw whenever a signal that `draw` reads changes, the canvas is resized, or the theme
 * is another one.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {() => (pen: CanvasRenderingContext2D, width: number, height: number, colours: Colours) => void} read
 *   reads the signals at once and gives what draws later
 * @returns {() => void} ends it
 *
 * @typedef {{ink: string, soft: string, line: string, strong: string, ground: string, card: string, main: string, sunken: string}} Colours
 */
export function keepDrawn(canvas, read) {
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  /** @type {ReturnType<typeof read> | null} */
  let draw = null;
  let request = 0;
  let colours = coloursOf(canvas);
  const paint = () => {
    request = 0;
    const density = window.devicePixelRatio || 1;
    const { clientWidth: width, clientHeight: height } = canvas;
    if (!draw || !width || !height) return;
    const [wide, high] = [Math.round(width * density), Math.round(height * density)];
    if (canvas.width !== wide) canvas.width = wide;
    if (canvas.height !== high) canvas.height = high;
    pen.setTransform(density, 0, 0, density, 0, 0);
    pen.clearRect(0, 0, width, height);
    draw(pen, width, height, colours);
  };
  const later = () => { request ||= requestAnimationFrame(paint); };
  const stopTheme = effect(() => {
    theme.value;
    requestAnimationFrame(() => {
      colours = coloursOf(canvas);
      later();
    });
  });
  const stop = effect(() => {
    draw = read();
    later();
  });
  const resizes = new ResizeObserver(later);
  resizes.observe(canvas);
  return () => {
    stop();
    stopTheme();
    resizes.disconnect();
    cancelAnimationFrame(request);
  };
}

/** @param {HTMLElement} element @returns {Colours} */
function coloursOf(element) {
  const style = getComputedStyle(element);
  /** @param {string} name */
  const value = (name) => style.getPropertyValue(name).trim();
  return {
    ink: value("--ink"), soft: value("--soft"), line: value("--line"), strong: value("--line-strong"),
    ground: value("--ground"), card: value("--card"), main: value("--main"), sunken: value("--sunken"),
  };
}
