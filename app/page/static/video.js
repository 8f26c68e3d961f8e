// One video: where its analysis stands, then player, timeline and events.

import { call, download, pagesOf } from "./api.js";
import { EventList, countWords, momentOf } from "./events.js";
import { firstFrameTime } from "./player.js";
import { keep, setAttribute, setText } from "./keyed.js";
import { TimelineView, clock, toneOf } from "./timeline.js";
import { isOpen } from "./videos.js";

const STAGES = { probe: "looking at the file", decode: "decoding", spot: "spotting", store: "storing" };
const PAGE = 1000;
const QUIET_MS = 7500;

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
    this.list = new EventList(this.parts.events, {
      onSeek: (event) => this.seek(momentOf(event, this.video.fps)),
    });
    this.leaving = new AbortController();
    this.listen();
    this.firstTime = 0;
    this.firstShown = firstFrameTime(this.parts.player, { signal: this.leaving.signal });
    this.parts.player.src = `${this.path}/file`;
  }

  close() {
    this.leaving.abort();
    this.timeline?.close();
    this.parts.player.removeAttribute("src");
    this.parts.player.load();
  }

  get isClosed() { return this.leaving.signal.aborted; }
  get isOpen() { return Boolean(this.video && isOpen(this.video)); }

  // Take the video's state from the list that was just read; ask for one that is not in
  // it, seldom while nothing is expected to change.
  async update(videos) {
    const listed = videos.find((video) => video.id === this.id);
    const isDue = !this.video || this.isOpen || Date.now() - this.askedAt > QUIET_MS;
    if (!listed && !isDue) return;
    const video = listed ?? await this.ask();
    if (!video || this.isClosed) return;
    this.video = video;
    this.showFacts();
    if (video.current_job_id && video.current_job_id !== this.shownJob) await this.openResults(video);
    else if (this.shownJob) this.showTypes();
  }

  async ask() {
    this.askedAt = Date.now();
    try {
      return await call(this.path, { signal: this.leaving.signal });
    } catch (problem) {
      if (this.isClosed) return null;
      if (problem.status === 404) this.onGone();
      throw problem;
    }
  }

  showFacts() {
    const { video, parts } = this;
    if (video.has_poster) setAttribute(parts.player, "poster", video.links.poster);
    setText(parts.title, video.title || video.filename || video.id);
    setText(parts.badge, video.status);
    setAttribute(parts.badge, "class", `badge ${video.status}`);
    setText(parts.facts, factsOf(video));
    swap(parts.again, parts.cancel, this.isOpen);
    parts.progress.hidden = !this.isOpen;
    parts.progress.querySelector("span").style.width = `${video.progress * 100}%`;
    setText(parts.progress.querySelector("p"), progressOf(video));
    parts.error.hidden = video.status !== "failed";
    setText(parts.error, video.error?.detail ?? "");
    const warnings = Object.values(video.job.warnings ?? {}).join(" ");
    parts.warning.hidden = !warnings;
    setText(parts.warning, warnings);
  }

  // Read a timeline once, when its job becomes the one shown.
  async openResults(video) {
    const job = video.current_job_id;
    try {
      await this.loadResults(video);
      this.shownJob = job;
    } catch (problem) {
      if (this.isClosed) return;
      const mayPass = problem.status === 0 || problem.status >= 502;
      if (mayPass) throw problem;
      this.shownJob = job; // Asking again would not help.
      this.tell(problem);
    }
  }

  async loadResults(video) {
    const { signal } = this.leaving;
    const known = await call(`${this.path}/timeline?points=1`, { signal });
    const first = await call(`${this.path}/timeline?to_s=1&points=2000`, { signal });
    if (this.isClosed) return;
    this.firstTime = first.time_s[0] ?? 0;
    this.parts.results.hidden = false;
    this.labels = known.labels;
    this.showTypes();
    this.showCurves(video.duration_s ?? known.time_s.at(-1) ?? 1);
    this.list.clear(this.labels);
    this.isWhole = false;
    for await (const events of pagesOf(`${this.path}/events`, { limit: PAGE }, { signal })) {
      await this.list.append(events, { signal });
      if (this.isClosed) return;
      this.filter();
    }
    this.isWhole = true;
    this.filter();
  }

  // Another run of the same video keeps the stretch that is looked at.
  showCurves(duration) {
    if (this.timeline) {
      this.timeline.labels = this.labels;
      this.timeline.load().catch(this.tell);
      return;
    }
    this.timeline = new TimelineView(this.parts.canvas, {
      path: `${this.path}/timeline`, duration, labels: this.labels, onSeek: (time) => this.seek(time),
    });
  }

  showTypes() {
    keep(this.parts.types, this.labels, {
      key: (label) => label,
      make: (label) => this.typeButton(label),
      update: (button, label) => {
        button.style.setProperty("--tone", toneOf(this.labels, label));
        setAttribute(button, "aria-pressed", !this.hidden.has(label));
        setText(button.lastElementChild, this.video.counts?.[label] ?? 0);
      },
    });
  }

  typeButton(label) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(label, document.createElement("small"));
    button.addEventListener("click", () => {
      if (!this.hidden.delete(label)) this.hidden.add(label);
      this.showTypes();
      this.filter();
    });
    return button;
  }

  // What the files to download hold: the same as what is shown.
  query(extra) {
    const query = new URLSearchParams(extra);
    for (const label of this.labels) {
      if (this.hidden.size && !this.hidden.has(label)) query.append("type", label);
    }
    const score = Number(this.parts.score.value);
    if (score > 0) query.set("min_score", score);
    return query;
  }

  filter() {
    const { parts } = this;
    const threshold = Number(parts.score.value);
    const shown = this.list.filter((event) => event.score >= threshold && !this.hidden.has(event.type));
    parts["no-events"].hidden = shown.length > 0 || !this.isWhole;
    setText(parts["events-title"], countWords(shown.length, this.list.all.length, this));
    setText(parts["score-text"], threshold.toFixed(2));
    this.timeline?.show({ events: shown, hidden: this.hidden, threshold });
  }

  // How much later the player's time is than ours.
  async shift() {
    const shown = await this.firstShown;
    return shown === null ? 0 : shown - this.firstTime;
  }

  async seek(time) {
    this.showNow(time);
    this.parts.player.currentTime = time + await this.shift();
    const { from, to } = this.timeline;
    if (time < from || time > to) this.timeline.look(time - (to - from) / 2, time + (to - from) / 2);
  }

  showNow(time) {
    this.timeline?.show({ now: time });
    this.list.mark(time);
  }

  listen() {
    const { parts } = this;
    parts.score.value = 0;
    let later;
    parts.score.addEventListener("input", () => {
      cancelAnimationFrame(later);
      later = requestAnimationFrame(() => this.filter());
    });
    parts.player.addEventListener("timeupdate", async () => {
      const shift = await this.shift();
      this.showNow(Math.max(0, parts.player.currentTime - shift));
    });
    parts.player.addEventListener("error", () => {
      if (this.isClosed) return;
      parts.player.hidden = true;
      parts.unplayable.hidden = false;
    });
    const name = () => this.video.title || this.video.filename || this.id;
    const save = (format, ending) =>
      download(`${this.path}/events?${this.query({ format })}`, `${name()}.${ending}`);
    this.does("csv", () => save("csv", "csv"));
    this.does("soccernet", () => save("soccernet", "json"));
    this.does("cancel", async () => { await call(`/jobs/${this.video.job.id}/cancel`, { method: "POST" }); await this.onChange(); });
    this.does("again", async () => { await call(`${this.path}/jobs`, { method: "POST" }); await this.onChange(); });
    this.does("delete", async () => {
      if (!window.confirm(`Delete “${name()}” with its file, timeline and events?`)) return;
      await call(this.path, { method: "DELETE" });
      this.onGone();
    });
  }

  // Let a button act, not twice at once. It is not disabled, for that costs the focus.
  does(part, action) {
    const button = this.parts[part];
    button.addEventListener("click", async () => {
      if (!this.video || button.ariaDisabled === "true") return;
      button.ariaDisabled = "true";
      try { await action(); } catch (problem) { this.tell(problem); } finally { button.ariaDisabled = "false"; }
    });
  }
}

// Show one of two buttons in the other's place; the focus goes along.
function swap(first, second, isSecond) {
  const [shown, gone] = isSecond ? [second, first] : [first, second];
  const hadFocus = gone === document.activeElement;
  shown.hidden = false;
  gone.hidden = true;
  if (hadFocus) shown.focus();
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
