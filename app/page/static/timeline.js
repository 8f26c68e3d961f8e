// The timeline on a canvas: one score curve a type, events as dots, zoom and pan.

import { call } from "./api.js";

const LEFT = 34, RIGHT = 22, TOP = 8, BOTTOM = 24;
const SHORTEST_S = 2;
const TONES = ["#e4572e", "#1f77b4", "#2ca02c", "#9467bd", "#d9a400", "#17a2b8",
  "#e377c2", "#8c564b", "#7f7f7f", "#bcbd22", "#3f51b5", "#ff7f0e"];

export function toneOf(labels, label) {
  return TONES[Math.max(0, labels.indexOf(label)) % TONES.length];
}

export class TimelineView {
  constructor(canvas, { path, duration, labels, onSeek }) {
    Object.assign(this, { canvas, path, labels, duration: Math.max(duration, 1), onSeek });
    this.from = 0;
    this.to = this.duration;
    this.curves = null;
    this.events = [];
    this.hidden = new Set();
    this.threshold = 0;
    this.now = 0;
    this.listeners = new AbortController();
    this.listen();
    this.load();
  }

  close() {
    this.listeners.abort();
    this.resizes.disconnect();
    clearTimeout(this.later);
    this.loading?.abort();
  }

  show(changes) {
    Object.assign(this, changes);
    this.draw();
  }

  async load() {
    this.loading?.abort();
    this.loading = new AbortController();
    const span = this.to - this.from;
    const points = Math.max(200, Math.round(this.plotWidth()));
    const from = Math.max(0, this.from - span * 0.1).toFixed(3);
    const to = (this.to + span * 0.1).toFixed(3);
    try {
      this.curves = await call(`${this.path}?from_s=${from}&to_s=${to}&points=${points}`,
        { signal: this.loading.signal });
      this.draw();
    } catch (error) {
      if (!this.loading.signal.aborted) throw error;
    }
  }

  look(from, to) {
    const span = Math.min(this.duration, Math.max(SHORTEST_S, to - from));
    this.from = Math.min(Math.max(0, from), this.duration - span);
    this.to = this.from + span;
    this.draw();
    clearTimeout(this.later);
    this.later = setTimeout(() => this.load(), 120);
  }

  listen() {
    const on = (type, does, options = {}) =>
      this.canvas.addEventListener(type, does, { signal: this.listeners.signal, ...options });
    let grip = null;
    on("pointerdown", (event) => {
      grip = { x: event.offsetX, from: this.from, moved: false };
      this.canvas.setPointerCapture(event.pointerId);
    });
    on("pointermove", (event) => {
      if (!grip) return;
      const shift = event.offsetX - grip.x;
      if (Math.abs(shift) > 4) grip.moved = true;
      if (!grip.moved) return;
      const span = this.to - this.from;
      const from = grip.from - (shift / this.plotWidth()) * span;
      this.look(from, from + span);
    });
    on("pointerup", (event) => {
      if (grip && !grip.moved) this.onSeek(this.timeAt(event.offsetX));
      grip = null;
    });
    on("pointercancel", () => { grip = null; });
    on("dblclick", () => this.look(0, this.duration));
    on("wheel", (event) => {
      event.preventDefault();
      const factor = Math.exp(Math.sign(event.deltaY) * 0.25);
      const middle = this.timeAt(event.offsetX);
      this.look(middle - (middle - this.from) * factor, middle + (this.to - middle) * factor);
    }, { passive: false });
    on("keydown", (event) => {
      const span = this.to - this.from;
      const moves = {
        ArrowLeft: [-0.2, -0.2], ArrowRight: [0.2, 0.2], "+": [0.2, -0.2], "-": [-0.2, 0.2],
      }[event.key];
      if (!moves) return;
      event.preventDefault();
      this.look(this.from + moves[0] * span, this.to + moves[1] * span);
    });
    this.resizes = new ResizeObserver(() => this.look(this.from, this.to));
    this.resizes.observe(this.canvas);
    window.matchMedia("(prefers-color-scheme: dark)")
      .addEventListener("change", () => this.draw(), { signal: this.listeners.signal });
  }

  plotWidth() { return Math.max(50, this.canvas.clientWidth - LEFT - RIGHT); }
  plotHeight() { return this.canvas.clientHeight - TOP - BOTTOM; }
  x(time) { return LEFT + ((time - this.from) / (this.to - this.from)) * this.plotWidth(); }
  y(score) { return TOP + (1 - score) * this.plotHeight(); }
  timeAt(x) {
    const time = this.from + ((x - LEFT) / this.plotWidth()) * (this.to - this.from);
    return Math.min(this.duration, Math.max(0, time));
  }

  draw() {
    const density = window.devicePixelRatio || 1;
    const [width, height] = [this.canvas.clientWidth, this.canvas.clientHeight];
    this.canvas.width = width * density;
    this.canvas.height = height * density;
    const pen = this.canvas.getContext("2d");
    pen.scale(density, density);
    const style = getComputedStyle(this.canvas);
    const soft = style.getPropertyValue("--soft"), line = style.getPropertyValue("--line");
    this.drawGrid(pen, soft, line);
    pen.save();
    pen.beginPath();
    pen.rect(LEFT, 0, this.plotWidth(), height);
    pen.clip();
    this.drawCurves(pen);
    this.drawEvents(pen, style.getPropertyValue("--card"));
    this.drawNow(pen, style.getPropertyValue("--ink"));
    pen.restore();
  }

  drawGrid(pen, soft, line) {
    pen.font = "11px system-ui, sans-serif";
    pen.fillStyle = soft;
    pen.strokeStyle = line;
    pen.lineWidth = 1;
    pen.textAlign = "right";
    for (const score of [0, 0.5, 1]) {
      const y = Math.round(this.y(score)) + 0.5;
      stroke(pen, [[LEFT, y], [LEFT + this.plotWidth(), y]]);
      pen.fillText(score.toFixed(1), LEFT - 7, y + 4);
    }
    pen.textAlign = "center";
    const step = niceStep((this.to - this.from) / Math.max(2, this.plotWidth() / 90));
    for (let time = Math.ceil(this.from / step) * step; time <= this.to; time += step) {
      const x = Math.round(this.x(time)) + 0.5;
      stroke(pen, [[x, TOP], [x, TOP + this.plotHeight()]]);
      pen.fillText(clock(time, step < 1 ? 1 : 0), x, TOP + this.plotHeight() + 17);
    }
    if (this.threshold > 0) {
      pen.strokeStyle = soft;
      pen.setLineDash([4, 4]);
      const y = this.y(this.threshold);
      stroke(pen, [[LEFT, y], [LEFT + this.plotWidth(), y]]);
      pen.setLineDash([]);
    }
  }

  drawCurves(pen) {
    if (!this.curves) return;
    const { labels, time_s: times, scores } = this.curves;
    for (const label of labels) {
      if (this.hidden.has(label)) continue;
      const tone = toneOf(labels, label);
      const points = times.map((time, index) => [this.x(time), this.y(scores[label][index])]);
      if (!points.length) continue;
      pen.globalAlpha = 0.13;
      pen.fillStyle = tone;
      pen.beginPath();
      pen.moveTo(points[0][0], this.y(0));
      for (const [x, y] of points) pen.lineTo(x, y);
      pen.lineTo(points[points.length - 1][0], this.y(0));
      pen.fill();
      pen.globalAlpha = 0.85;
      pen.strokeStyle = tone;
      pen.lineWidth = 1.3;
      stroke(pen, points);
      pen.globalAlpha = 1;
    }
  }

  drawEvents(pen, card) {
    for (const event of this.events) {
      if (event.time_s < this.from) continue;
      if (event.time_s > this.to) break; // They are sorted by time.
      pen.beginPath();
      pen.arc(this.x(event.time_s), this.y(event.score), 4, 0, 2 * Math.PI);
      pen.fillStyle = toneOf(this.labels, event.type);
      pen.fill();
      pen.strokeStyle = card;
      pen.lineWidth = 1.2;
      pen.stroke();
    }
  }

  drawNow(pen, ink) {
    pen.strokeStyle = ink;
    pen.lineWidth = 1.5;
    const x = this.x(this.now);
    stroke(pen, [[x, TOP], [x, TOP + this.plotHeight()]]);
  }
}

export function clock(time, places = 0) {
  const whole = Number(time.toFixed(places));
  const hours = Math.floor(whole / 3600), minutes = Math.floor(whole / 60) % 60;
  const seconds = (whole % 60).toFixed(places).padStart(places ? 3 + places : 2, "0");
  const short = `${String(minutes).padStart(hours ? 2 : 1, "0")}:${seconds}`;
  return hours ? `${hours}:${short}` : short;
}

function stroke(pen, points) {
  pen.beginPath();
  points.forEach(([x, y], index) => (index ? pen.lineTo(x, y) : pen.moveTo(x, y)));
  pen.stroke();
}

function niceStep(least) {
  const steps = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];
  return steps.find((step) => step >= least) ?? 7200;
}
