// The page: upload on the left, the list below it, the chosen video on the right.

import { call, storeKey, storedKey } from "./api.js";
import { keep, setAttribute, setText } from "./keyed.js";
import { Poll } from "./poll.js";
import { Upload } from "./upload.js";
import { VideoView } from "./video.js";
import { VideoList, isOpen } from "./videos.js";

const byId = (id) => document.getElementById(id);
const POLL_BUSY_MS = 1500, POLL_QUIET_MS = 8000, READY_MS = 15000;
const PAGE = 30;

const list = new VideoList(byId("videos"));
const poll = new Poll(refresh, { onFailure: tellOfPolling });
const readiness = new Poll(askReadiness, { onFailure: tellNotReady });
let view = null;
let pages = 1;
let hasModels = false;
let keyRefused = null;
// What an action met stays on the page until the next action; what polling met goes
// as soon as polling goes well.
let toldByPolling = false;

start();

function start() {
  new Upload({ tell, onStored: goTo, onEnd: () => { hasModels = false; poll.now(); } });
  listenToKey();
  window.addEventListener("hashchange", route);
  byId("more-videos").addEventListener("click", () => { pages += 1; poll.now(); });
  window.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    tell(event.reason);
  });
  if (storedKey()) storeKey(storedKey());
  route();
  readiness.now();
}

function tell(problem, { isPolling = false } = {}) {
  const place = byId("trouble");
  if (isPolling && !place.hidden && !toldByPolling) return;
  toldByPolling = isPolling;
  place.hidden = !problem;
  setText(place, problem?.message ?? "");
  if (problem?.status === 401 && keyRefused !== storedKey()) {
    keyRefused = storedKey();
    askForKey();
  }
}

function tellOfPolling(problem, rest) {
  const isAway = problem.status === 0 || problem.status >= 500;
  const message = isAway ? `${problem.message} Trying again in ${rest / 1000} s.` : problem.message;
  tell({ status: problem.status, message }, { isPolling: true });
}

function route() {
  view?.close();
  tell(null);
  const id = location.hash.match(/^#\/videos\/([0-9a-f-]+)$/)?.[1];
  view = id ? new VideoView(byId("video"), id, { tell, onGone: leave, onChange: () => poll.now() }) : null;
  if (!view) byId("video").replaceChildren(byId("welcome").content.cloneNode(true));
  list.markChosen();
  poll.now();
}

function goTo(video) {
  location.hash = `#/videos/${video.id}`;
}

function leave() {
  location.hash = "#/";
}

async function refresh() {
  const videos = [];
  let cursor = null;
  for (let page = 0; page < pages && (page === 0 || cursor); page += 1) {
    const after = cursor ? `&cursor=${encodeURIComponent(cursor)}` : "";
    const answer = await call(`/videos?limit=${PAGE}${after}`);
    videos.push(...answer.items);
    cursor = answer.next_cursor;
  }
  list.show(videos);
  byId("no-videos").hidden = videos.length > 0;
  byId("more-videos").hidden = !cursor;
  if (!hasModels) await loadModels();
  await view?.update(videos);
  tell(null, { isPolling: true });
  return videos.some(isOpen) || view?.isOpen ? POLL_BUSY_MS : POLL_QUIET_MS;
}

async function loadModels() {
  const { items } = await call("/models");
  const place = byId("model");
  const isChosen = place.selectedOptions[0]?.defaultSelected === false;
  keep(place, items.filter((model) => !model.problem), {
    key: (model) => model.name,
    make: (model) => new Option(model.name, model.name),
    update: (option, model) => {
      setText(option, model.is_default ? `${model.name} (default)` : model.name);
      option.defaultSelected = model.is_default;
      if (model.is_default && !isChosen) option.selected = true;
    },
  });
  hasModels = true;
}

async function askReadiness() {
  await call("/readyz");
  showReadiness("ready", "ready");
  return READY_MS;
}

function tellNotReady(problem) {
  const checks = Object.entries(problem.body?.checks ?? {}).filter(([, words]) => words !== "ok");
  const words = checks.length ? `not ready: ${checks.map(([name]) => name).join(", ")}` : "not reachable";
  showReadiness("waiting", words, problem.message);
}

function showReadiness(kind, words, title = "") {
  const place = byId("readiness");
  setAttribute(place, "class", `readiness ${kind}`);
  setAttribute(place, "title", title);
  setText(place, words);
}

function listenToKey() {
  byId("key-button").addEventListener("click", askForKey);
  byId("key-dialog").addEventListener("close", () => {
    if (byId("key-dialog").returnValue !== "save") return;
    storeKey(byId("key").value.trim());
    keyRefused = null;
    hasModels = false;
    route();
  });
}

function askForKey() {
  if (byId("key-dialog").open) return;
  byId("key").value = storedKey();
  byId("key-dialog").returnValue = "";
  byId("key-dialog").showModal();
}
