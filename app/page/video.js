// One video: where its analysis stands, then player, timeline and events.

import { call, download } from "./api.js";
import { TimelineView, clock, toneOf } from "./timeline.js";

const STAGES = { probe: "looking at the file", decode: "decoding", spot: "spotting", store: "storing" };
const PAGE = 200;

export class VideoView {
  constructor(place, id, { tell, onGone, onChange }) {
    Object.assign(this, { id, tell, onGone, onChange });
    this.path = `/videos/${id}`;
    place.replaceChildren(document.getElementById("video-view").content.cloneNode(true));
    this.parts = {};
    for (const part of place.querySelectorAll("[data-is]")) this.parts[part.dataset.is] = part;
    this.shownJob = null;
    this.hidden = new Set();
    this.labels = [];
    this.listen();
    this.parts.player.src = `${this.path}/file`;
    this.refresh().catch(tell);
  }

  close() {
    this.isClosed = true;
    this.timeline?.close();
    this.parts.player.removeAttribute("src");
    this.parts.player.load();
  }

  async refresh() {
    let video;
    try {
      video = await call(this.path);
    } catch (problem) {
      if (problem.status === 404 && !this.isClosed) this.onGone();
      throw problem;
    }
    if (this.isClosed) return;
    this.video = video;
    this.showFacts();
    if (video.current_job_id && video.current_job_id !== this.shownJob) {
      this.shownJob = video.current_job_id;
      await this.openResults();
    }
  }

  showFacts() {
    const { video, parts } = this;
    parts.title.textContent = video.title || video.filename || video.id;
    parts.badge.textContent = video.status;
    parts.badge.className = `badge ${video.status}`;
    parts.facts.textContent = factsOf(video);
    const isOpen = ["queued", "running"].includes(video.status);
    parts.progress.hidden = !isOpen;
    parts.cancel.hidden = !isOpen;
    parts.again.hidden = isOpen;
    parts.progress.querySelector("span").style.width = `${video.progress * 100}%`;
    parts.progress.querySelector("p").textContent = progressOf(video);
    parts.error.hidden = video.status !== "failed";
    parts.error.textContent = video.error?.detail ?? "";
    const warnings = Object.values(video.job.warnings ?? {}).join(" ");
    parts.warning.hidden = !warnings;
    parts.warning.textContent = warnings;
  }

  async openResults() {
    this.parts.results.hidden = false;
    this.timeline?.close();
    const known = await call(`${this.path}/timeline?points=1`);
    this.labels = known.labels;
    this.timeline = new TimelineView(this.parts.canvas, {
      path: `${this.path}/timeline`,
      duration: this.video.duration_s ?? known.time_s.at(-1) ?? 1,
      onSeek: (time) => this.seek(time),
    });
    this.showTypes();
    await this.loadEvents();
  }

  showTypes() {
    this.parts.types.replaceChildren(...this.labels.map((label) => {
      const button = document.createElement("button");
      button.type = "button";
      button.style.setProperty("--tone", toneOf(this.labels, label));
      button.setAttribute("aria-pressed", String(!this.hidden.has(label)));
      const count = document.createElement("small");
      count.textContent = this.video.counts?.[label] ?? 0;
      button.append(label, count);
      button.addEventListener("click", () => {
        if (!this.hidden.delete(label)) this.hidden.add(label);
        button.setAttribute("aria-pressed", String(!this.hidden.has(label)));
        this.loadEvents().catch(this.tell);
      });
      return button;
    }));
  }

  query(extra = {}) {
    const query = new URLSearchParams(extra);
    for (const label of this.labels) {
      if (this.hidden.size && !this.hidden.has(label)) query.append("type", label);
    }
    const score = Number(this.parts.score.value);
    if (score > 0) query.set("min_score", score);
    return query;
  }

  async loadEvents(cursor = null) {
    const asked = (this.asked = Symbol());
    const isNothing = this.labels.length > 0 && this.hidden.size === this.labels.length;
    const answer = isNothing
      ? { items: [], next_cursor: null }
      : await call(`${this.path}/events?${this.query({ limit: PAGE, ...(cursor && { cursor }) })}`);
    if (asked !== this.asked || this.isClosed) return;
    this.events = cursor ? [...this.events, ...answer.items] : answer.items;
    this.nextCursor = answer.next_cursor;
    this.showEvents();
  }

  showEvents() {
    const { parts } = this;
    this.rows = this.events.map((event) => this.eventRow(event));
    parts.events.replaceChildren(...this.rows);
    parts["no-events"].hidden = this.events.length > 0;
    parts.more.hidden = !this.nextCursor;
    parts["events-title"].textContent = this.nextCursor ? `First ${this.events.length} events` : `${this.events.length} events`;
    parts["score-text"].textContent = Number(parts.score.value).toFixed(2);
    this.timeline.show({ events: this.events, hidden: this.hidden, threshold: Number(parts.score.value) });
  }

  eventRow(event) {
    const row = document.createElement("tr");
    const dot = document.createElement("span");
    dot.className = "dot";
    dot.style.background = toneOf(this.labels, event.type);
    const meter = document.createElement("meter");
    meter.value = event.score;
    for (const content of [[clock(event.time_s, 2)], [dot, event.type], [meter, event.score.toFixed(2)], [event.frame]]) {
      const cell = document.createElement("td");
      cell.append(...content);
      row.append(cell);
    }
    row.addEventListener("click", () => this.seek(event.time_s));
    return row;
  }

  seek(time) {
    this.parts.player.currentTime = time;
    this.showNow(time);
    const { from, to } = this.timeline;
    if (time < from || time > to) this.timeline.look(time - (to - from) / 2, time + (to - from) / 2);
  }

  showNow(time) {
    this.timeline?.show({ now: time });
    this.events?.forEach((event, index) => {
      this.rows[index].classList.toggle("now", Math.abs(event.time_s - time) < 0.3);
    });
  }

  listen() {
    const { parts } = this;
    const does = (part, action) => parts[part].addEventListener("click", async () => {
      parts[part].disabled = true;
      try { await action(); } catch (problem) { this.tell(problem); } finally { parts[part].disabled = false; }
    });
    parts.score.value = 0;
    let later;
    parts.score.addEventListener("input", () => {
      parts["score-text"].textContent = Number(parts.score.value).toFixed(2);
      clearTimeout(later);
      later = setTimeout(() => this.loadEvents().catch(this.tell), 150);
    });
    parts.player.addEventListener("timeupdate", () => this.showNow(parts.player.currentTime));
    parts.player.addEventListener("error", () => {
      if (this.isClosed) return;
      parts.player.hidden = true;
      parts.unplayable.hidden = false;
    });
    const name = () => this.video.title || this.video.filename || this.id;
    does("more", () => this.loadEvents(this.nextCursor));
    does("csv", () => download(`${this.path}/events?${this.query({ format: "csv" })}`, `${name()}.csv`));
    does("soccernet", () => download(`${this.path}/events?${this.query({ format: "soccernet" })}`, `${name()}.json`));
    does("cancel", async () => { await call(`/jobs/${this.video.job.id}/cancel`, { method: "POST" }); await this.onChange(); });
    does("again", async () => { await call(`${this.path}/jobs`, { method: "POST" }); await this.onChange(); });
    does("delete", async () => {
      if (!window.confirm(`Delete “${name()}” with its file, timeline and events?`)) return;
      await call(this.path, { method: "DELETE" });
      this.onGone();
    });
  }
}

function factsOf(video) {
  const facts = [];
  if (video.duration_s) facts.push(clock(video.duration_s));
  if (video.width) facts.push(`${video.width} × ${video.height}`);
  if (video.fps) facts.push(`${Number(video.fps.toFixed(2))} fps`);
  if (video.codec) facts.push(video.codec.toUpperCase());
  facts.push(`${(video.size_bytes / 2 ** 20).toFixed(1)} MiB`);
  const ran = video.job.checkpoint?.name ?? video.job.model;
  if (ran) facts.push(`model ${ran}`);
  facts.push(new Date(video.created_at).toLocaleString());
  return facts.join(" · ");
}

function progressOf(video) {
  if (video.status === "queued") return "Waits for a worker.";
  const parts = [`${Math.round(video.progress * 100)} %`];
  if (video.stage) parts.push(STAGES[video.stage]);
  if (video.job.eta_s) parts.push(`about ${clock(video.job.eta_s)} left`);
  return parts.join(" · ");
}
