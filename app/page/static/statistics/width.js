// How wide a chart may be, so that its letters have the size of the page's.

import { useEffect, useRef, useState } from "preact/hooks";

const USUAL_PX = 900, LEAST_PX = 260;

/**
 * @returns {[import("preact").RefObject<HTMLElement | null>, number]} for the element around the chart; its width in pixels
 */
export function useWidth() {
  const place = useRef(/** @type {HTMLElement | null} */ (null));
  const [width, setWidth] = useState(USUAL_PX);
  useEffect(() => {
    const watch = new ResizeObserver(([{ contentRect }]) => {
      // Hidden, and while it prints, it keeps the width it had.
      if (contentRect.width && !matchMedia("print").matches) setWidth(Math.max(LEAST_PX, Math.floor(contentRect.width)));
    });
    if (place.current) watch.observe(place.current);
    return () => watch.disconnect();
  }, []);
  return [place, width];
}
