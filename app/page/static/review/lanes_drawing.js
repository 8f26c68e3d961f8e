// What the lanes' canvas shows: axis, reviewed stretches, curves, marks, the selected event.

import { drawStream } from "../live/drawing.js";
import { drawMarks } from "./lanes.js";
import { AXIS_PX, laneHeight } from "./lanes_pointer.js";
import { prefs } from "./prefs.js";
import { ticksOf, xOf } from "./scale.js";
import { timecode } from "./timecode.js";

/**
 * @typedef {import("./model.js").ReviewModel} ReviewModel
 * @typedef {import("./types.js").Stretch} Stretch
 * @typedef {import("./canvas.js").Colours} Colours
 * @typedef {CanvasRenderingContext2D} Pen
 */

/**
 * Read what is to be drawn; the answer draws it.
 *
 * @param {ReviewModel} model
 * @param {{id: string, time: number} | null} dragged an event on its way to another time
 */
export function drawLanes(model, dragged) {
  const lanes = model.lanes.value;
  const stretch = model.stretch.value;
  const colours = model.colours.value;
  const selected = model.selected.value;
  const reviewed = model.reviewed.value;
  const halves = model.halves.value ?? [];
  const stream = model.stream.value;
  const curves = prefs().curves ? model.curves.value : null;
  const thresholds = { ...model.thresholds.value, ...model.preview.value };
  const height = laneHeight(lanes.length);

  /** @type {(pen: Pen, width: number, whole: number, theme: Colours) => void} */
  return (pen, width, whole, theme) => {
    /** @param {number} index */
    const topOf = (index) => AXIS_PX + index * height;
    drawReviewed(pen, reviewed, stretch, width, whole, theme);
    if (stream) drawStream(pen, stream, { stretch, width, height: whole, theme });
    drawAxis(pen, stretch, width, whole, theme);
    lanes.forEach((lane, index) => {
      pen.fillStyle = theme.line;
      pen.fillRect(0, topOf(index) + height - 0.5, width, 0.5);
      const place = { stretch, width, top: topOf(index), height, colour: colours[lane.type] };
      if (curves) drawCurve(pen, curves, lane.type, thresholds[lane.type], place);
      drawMarks(pen, lane, place);
    });
    for (const { start_s: start, end_s: end } of halves) {
      for (const time of [start, end]) if (time !== null && time !== undefined) drawLine(pen, xOf(time, stretch, width), whole, theme.strong, [4, 3]);
    }
    const at = selected ? lanes.findIndex((lane) => lane.type === selected.type) : -1;
    if (selected && at >= 0) {
      const time = dragged?.id === selected.id ? dragged.time : selected.time_s;
      drawSelection(pen, xOf(time, stretch, width), topOf(at), height, theme);
    }
  };
}

/** @param {Pen} pen @param {readonly Stretch[]} reviewed @param {Stretch} stretch @param {number} width @param {number} height @param {Colours} theme */
function drawReviewed(pen, reviewed, stretch, width, height, theme) {
  pen.fillStyle = theme.main;
  for (const { from, to } of reviewed) {
    if (to < stretch.from || from > stretch.to) continue;
    const [left, right] = [Math.max(0, xOf(from, stretch, width)), Math.min(width, xOf(to, stretch, width))];
    pen.globalAlpha = 0.07;
    pen.fillRect(left, AXIS_PX, right - left, height);
    pen.globalAlpha = 1;
    pen.fillRect(left, AXIS_PX - 3, Math.max(1, right - left), 3);
  }
}

/** @param {Pen} pen @param {Stretch} stretch @param {number} width @param {number} height @param {Colours} theme */
function drawAxis(pen, stretch, width, height, theme) {
  const { times, places } = ticksOf(stretch, width);
  pen.font = "11px system-ui, sans-serif";
  pen.textAlign = "left";
  for (const time of times) {
    const x = Math.round(xOf(time, stretch, width)) + 0.5;
    drawLine(pen, x, height, theme.line);
    pen.fillStyle = theme.soft;
    pen.fillText(timecode(time, places), x + 4, 12);
  }
}

/** @param {Pen} pen @param {number} x @param {number} height @param {string} colour @param {number[]} [dashes] */
function drawLine(pen, x, height, colour, dashes = []) {
  pen.strokeStyle = colour;
  pen.lineWidth = 1;
  pen.setLineDash(dashes);
  pen.beginPath();
  pen.moveTo(x, 0);
  pen.lineTo(x, height);
  pen.stroke();
  pen.setLineDash([]);
}

/**
 * @param {Pen} pen
 * @param {{time_s: number[], scores: Record<string, number[]>}} curves
 * @param {string} type
 * @param {number | undefined} threshold
 * @param {{stretch: Stretch, width: number, top: number, height: number, colour: string}} place
 */
function drawCurve(pen, { time_s: times, scores }, type, threshold, { stretch, width, top, height, colour }) {
  const values = scores[type];
  if (!values?.length) return;
  const bottom = top + height - 1;
  /** @param {number} score */
  const y = (score) => bottom - score * (height - 3);
  pen.beginPath();
  pen.moveTo(xOf(times[0], stretch, width), bottom);
  for (let index = 0; index < times.length; index += 1) pen.lineTo(xOf(times[index], stretch, width), y(values[index]));
  pen.lineTo(xOf(times[times.length - 1], stretch, width), bottom);
  pen.globalAlpha = 0.25;
  pen.fillStyle = colour;
  pen.fill();
  pen.globalAlpha = 0.8;
  if (threshold !== undefined) {
    pen.strokeStyle = colour;
    pen.lineWidth = 1;
    pen.setLineDash([3, 3]);
    pen.beginPath();
    pen.moveTo(0, y(threshold));
    pen.lineTo(width, y(threshold));
    pen.stroke();
    pen.setLineDash([]);
  }
  pen.globalAlpha = 1;
}

/** @param {Pen} pen @param {number} x @param {number} top @param {number} height @param {Colours} theme */
function drawSelection(pen, x, top, height, theme) {
  pen.strokeStyle = theme.ink;
  pen.lineWidth = 2;
  pen.strokeRect(Math.round(x) - 6, top + 1, 12, height - 3);
}
