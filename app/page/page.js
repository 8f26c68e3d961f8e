// The page: upload on the left, the list below it, the chosen video on the right.

import { call, storeKey, storedKey, upload } from "./api.js";
import { VideoView } from "./video.js";

const byId = (id) => document.getElementById(id);
const POLL_BUSY_MS = 1500, POLL_QUIET_MS = 8000, READY_MS = 15000;

let sending = null;
let view = null;
let pages = 1;
// What an action met stays on the page until the next action; what polling met goes
// as soon as polling goes well.
let toldByPolling = false;

start();

function start() {
  listenToUpload();
  listenToKey();
  window.addEventListener("hashchange", route);
  byId("more-videos").addEventListener("click", () => { pages += 1; refresh(); });
  window.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    tell(event.reason);
  });
  if (storedKey()) storeKey(storedKey());
  route();
  loadModels();
  keepRefreshing();
  keepAskingReadiness();
}

function tell(problem, { isPolling = false } = {}) {
  const place = byId("trouble");
  if (isPolling && !place.hidden && !toldByPolling) return;
  toldByPolling = isPolling;
  place.hidden = !problem;
  place.textContent = problem?.message ?? "";
  if (problem?.status === 401) askForKey();
}

function route() {
  view?.close();
  tell(null);
  const id = location.hash.match(/^#\/videos\/([0-9a-f-]+)$/)?.[1];
  view = id ? new VideoView(byId("video"), id, { tell, onGone: leave, onChange: refresh }) : null;
  if (!view) byId("video").replaceChildren(byId("welcome").content.cloneNode(true));
  markChosen();
}

function leave() {
  location.hash = "#/";
  refresh();
}

async function keepRefreshing() {
  const isBusy = document.hidden ? false : await refresh();
  setTimeout(keepRefreshing, isBusy ? POLL_BUSY_MS : POLL_QUIET_MS);
}

async function refresh() {
  try {
    const videos = [];
    let cursor = null;
    for (let page = 0; page < pages && (page === 0 || cursor); page += 1) {
      const after = cursor ? `&cursor=${encodeURIComponent(cursor)}` : "";
      const answer = await call(`/videos?limit=30${after}`);
      videos.push(...answer.items);
      cursor = answer.next_cursor;
    }
    showVideos(videos, Boolean(cursor));
    await view?.refresh();
    tell(null, { isPolling: true });
    return videos.some((video) => ["queued", "running"].includes(video.status));
  } catch (problem) {
    tell(problem, { isPolling: true });
    return false;
  }
}

function showVideos(videos, hasMore) {
  byId("videos").replaceChildren(...videos.map(videoItem));
  byId("no-videos").hidden = videos.length > 0;
  byId("more-videos").hidden = !hasMore;
  markChosen();
}

function videoItem(video) {
  const item = document.createElement("li");
  const link = document.createElement("a");
  link.href = `#/videos/${video.id}`;
  const name = document.createElement("strong");
  name.textContent = video.title || video.filename || video.id;
  const facts = document.createElement("small");
  const badge = document.createElement("span");
  badge.className = `badge ${video.status}`;
  badge.textContent = video.status === "running" ? `${Math.round(video.progress * 100)} %` : video.status;
  facts.append(badge, new Date(video.created_at).toLocaleString([], { dateStyle: "medium", timeStyle: "short" }));
  link.append(name, facts);
  if (video.status === "running") {
    const bar = document.createElement("div");
    bar.className = "bar";
    const done = document.createElement("span");
    done.style.width = `${video.progress * 100}%`;
    bar.append(done);
    link.append(bar);
  }
  item.append(link);
  return item;
}

function markChosen() {
  for (const link of byId("videos").querySelectorAll("a")) {
    link.setAttribute("aria-current", String(link.hash === location.hash));
  }
}

async function loadModels() {
  const { items } = await call("/models");
  const usable = items.filter((model) => !model.problem);
  byId("model").replaceChildren(...usable.map((model) => {
    const option = new Option(model.is_default ? `${model.name} (default)` : model.name, model.name);
    option.selected = model.is_default;
    return option;
  }));
}

async function keepAskingReadiness() {
  const place = byId("readiness");
  try {
    await call("/readyz");
    place.className = "readiness ready";
    place.textContent = "ready";
    place.title = "";
  } catch (problem) {
    const checks = Object.entries(problem.body?.checks ?? {}).filter(([, words]) => words !== "ok");
    place.className = "readiness waiting";
    place.textContent = checks.length ? `not ready: ${checks.map(([name]) => name).join(", ")}` : "not reachable";
    place.title = problem.message;
  }
  setTimeout(keepAskingReadiness, READY_MS);
}

function listenToUpload() {
  const drop = byId("drop"), file = byId("file");
  file.addEventListener("change", showChosenFile);
  for (const type of ["dragenter", "dragover"]) {
    drop.addEventListener(type, (event) => { event.preventDefault(); drop.classList.add("over"); });
  }
  for (const type of ["dragleave", "drop"]) {
    drop.addEventListener(type, (event) => { event.preventDefault(); drop.classList.remove("over"); });
  }
  drop.addEventListener("drop", (event) => {
    if (event.dataTransfer.files.length) file.files = event.dataTransfer.files;
    showChosenFile();
  });
  byId("abort").addEventListener("click", () => sending?.abort());
  byId("upload").addEventListener("submit", (event) => { event.preventDefault(); send(); });
  window.addEventListener("beforeunload", (event) => { if (sending) event.preventDefault(); });
}

function showChosenFile() {
  const file = byId("file").files[0];
  byId("send").disabled = !file;
  byId("file-name").textContent = file ? file.name : "Choose a match video";
  byId("file-facts").textContent = file ? size(file.size) : "or drop it here";
}

async function send() {
  const file = byId("file").files[0];
  if (!file || sending) return;
  const form = new FormData();
  // Fields first: a bad one is refused before the file travels.
  for (const [name, id] of [["title", "title"], ["callback_url", "callback"], ["model", "model"]]) {
    if (byId(id).value.trim()) form.append(name, byId(id).value.trim());
  }
  form.append("file", file);
  const progress = byId("upload-progress"), started = Date.now();
  progress.hidden = false;
  sending = upload(form, (loaded, total) => {
    progress.querySelector("span").style.width = `${(loaded / total) * 100}%`;
    progress.querySelector("p").textContent = uploadWords(loaded, total, started);
  });
  byId("abort").hidden = false;
  byId("send").disabled = true;
  tell(null);
  try {
    const video = await sending.done;
    byId("upload").reset();
    showChosenFile();
    location.hash = `#/videos/${video.id}`;
  } catch (problem) {
    tell(problem);
    byId("send").disabled = false;
  } finally {
    sending = null;
    progress.hidden = true;
    byId("abort").hidden = true;
    loadModels();
  }
  refresh();
}

function uploadWords(loaded, total, started) {
  const seconds = (Date.now() - started) / 1000;
  const rate = loaded / Math.max(seconds, 0.1);
  const left = (total - loaded) / Math.max(rate, 1);
  const words = loaded < total ? `about ${Math.ceil(left)} s left` : "storing…";
  return `${size(loaded)} of ${size(total)} · ${size(rate)}/s · ${words}`;
}

function size(bytes) {
  const units = ["B", "KiB", "MiB", "GiB"];
  let unit = 0;
  while (bytes >= 1024 && unit < units.length - 1) { bytes /= 1024; unit += 1; }
  return `${bytes.toFixed(unit && bytes < 100 ? 1 : 0)} ${units[unit]}`;
}

function listenToKey() {
  byId("key-button").addEventListener("click", askForKey);
  byId("key-dialog").addEventListener("close", () => {
    if (byId("key-dialog").returnValue !== "save") return;
    storeKey(byId("key").value.trim());
    loadModels();
    route();
    refresh();
  });
}

function askForKey() {
  if (byId("key-dialog").open) return;
  byId("key").value = storedKey();
  byId("key-dialog").returnValue = "";
  byId("key-dialog").showModal();
}
