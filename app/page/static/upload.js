// The form that sends a video: its file, its fields, how far it is.

import { upload } from "./api.js";

const byId = (id) => document.getElementById(id);

export class Upload {
  constructor({ tell, onStored, onEnd }) {
    Object.assign(this, { tell, onStored, onEnd, sending: null });
    byId("file").addEventListener("change", showChosenFile);
    listenToDrops();
    byId("abort").addEventListener("click", () => this.sending?.abort());
    byId("upload").addEventListener("submit", (event) => { event.preventDefault(); this.send(); });
    window.addEventListener("beforeunload", (event) => { if (this.sending) event.preventDefault(); });
  }

  async send() {
    const file = byId("file").files[0];
    if (!file || this.sending) return;
    const progress = byId("upload-progress"), started = Date.now();
    progress.hidden = false;
    this.sending = upload(formOf(file), (loaded, total) => {
      progress.querySelector("span").style.width = `${(loaded / total) * 100}%`;
      progress.querySelector("p").textContent = progressWords(loaded, total, started);
    });
    byId("abort").hidden = false;
    byId("send").disabled = true;
    this.tell(null);
    try {
      const video = await this.sending.done;
      byId("upload").reset();
      showChosenFile();
      this.onStored(video);
    } catch (problem) {
      this.tell(problem);
      byId("send").disabled = false;
    } finally {
      this.sending = null;
      progress.hidden = true;
      byId("abort").hidden = true;
      this.onEnd();
    }
  }
}

// Fields first: a bad one is refused before the file travels.
function formOf(file) {
  const form = new FormData();
  for (const [name, id] of [["title", "title"], ["callback_url", "callback"], ["model", "model"]]) {
    if (byId(id).value.trim()) form.append(name, byId(id).value.trim());
  }
  form.append("file", file);
  return form;
}

function listenToDrops() {
  const drop = byId("drop"), file = byId("file");
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
}

function showChosenFile() {
  const file = byId("file").files[0];
  byId("send").disabled = !file;
  byId("file-name").textContent = file ? file.name : "Choose a match video";
  byId("file-facts").textContent = file ? size(file.size) : "or drop it here";
}

function progressWords(loaded, total, started) {
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
