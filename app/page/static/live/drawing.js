// What the lanes show of a live stream: its gaps, and how far its model and its pictures are.

import { xOf } from "../review/scale.js";

/**
 * @typedef {import("../review/types.js").Stretch} Stretch
 * @typedef {{stretch: Stretch, width: number, height: number, theme: import("../review/canvas.js").Colours}} Place
 */

const STRIPE_PX = 7;
const LABEL_PX = 64; // a narrower gap has no words

/**
 * Mark what is missing: striped, with the reason where there is room.
 *
 * @param {CanvasRenderingContext2D} pen
 * @param {readonly import("./types.js").Gap[]} gaps
 * @param {Place} place
 */
export function drawGaps(pen, gaps, { stretch, width, height, theme }) {
  for (const { from_s: from, to_s: to, reason } of gaps) {
    if (to < stretch.from || from > stretch.to) continue;
    const left = Math.max(0, xOf(from, stretch, width));
    const wide = Math.max(2, Math.min(width, xOf(to, stretch, width)) - left);
    pen.save();
    pen.beginPath();
    pen.rect(left, 0, wide, height);
    pen.clip();
    pen.globalAlpha = 0.18;
    pen.fillStyle = theme.ink;
    pen.fillRect(left, 0, wide, height);
    pen.globalAlpha = 0.4;
    pen.strokeStyle = theme.ink;
    pen.lineWidth = 1;
    pen.beginPath();
    for (let x = left - height; x < left + wide; x += STRIPE_PX) {
      pen.moveTo(x, height);
      pen.lineTo(x + height, 0);
    }
    pen.stroke();
    if (wide >= LABEL_PX) {
      pen.globalAlpha = 1;
      pen.fillStyle = theme.ink;
      pen.font = "11px system-ui, sans-serif";
      pen.fillText(reason, left + 4, height - 5);
    }
    pen.restore();
  }
}

/**
 * Mark the gaps, and where the model and the recording are.
 *
 * @param {CanvasRenderingContext2D} pen
 * @param {import("./types.js").FollowedStream} stream
 * @param {Place} place
 */
export function drawStream(pen, { gaps, isFollowed, edge_s: edge, recorded_s: recorded, hasPicture }, place) {
  drawGaps(pen, gaps, place);
  if (!isFollowed) return;
  const { stretch, width, height, theme } = place;
  const x = xOf(edge, stretch, width);
  if (hasPicture && recorded < edge) {
    const left = Math.max(0, xOf(recorded, stretch, width));
    pen.globalAlpha = 0.06;
    pen.fillStyle = theme.ink;
    if (x > left) pen.fillRect(left, 0, x - left, height);
    pen.globalAlpha = 1;
  }
  if (x < 0 || x > width) return;
  pen.fillStyle = theme.main;
  pen.fillRect(Math.round(x), 0, 2, height);
}
