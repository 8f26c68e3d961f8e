// The list of videos, newest first; its rows stay while their videos do.

import { keep, setAttribute, setText } from "./keyed.js";

export class VideoList {
  constructor(place) {
    this.place = place;
  }

  show(videos) {
    keep(this.place, videos, { key: (video) => video.id, make: makeItem, update: updateItem });
    this.markChosen();
  }

  markChosen() {
    for (const link of this.place.querySelectorAll("a")) {
      setAttribute(link, "aria-current", link.hash === location.hash);
    }
  }
}

export function isOpen(video) {
  return ["queued", "running"].includes(video.status);
}

function makeItem() {
  const item = document.getElementById("video-item").content.firstElementChild.cloneNode(true);
  const still = item.querySelector("img");
  still.addEventListener("error", () => { still.hidden = true; });
  return item;
}

function updateItem(item, video) {
  const part = (name) => item.querySelector(name);
  const isRunning = video.status === "running";
  setAttribute(part("a"), "href", `#/videos/${video.id}`);
  showPoster(part("img"), video);
  setText(part("strong"), video.title || video.filename || video.id);
  setAttribute(part(".badge"), "class", `badge ${video.status}`);
  setText(part(".badge"), isRunning ? `${Math.round(video.progress * 100)} %` : video.status);
  setText(part("time"), new Date(video.created_at).toLocaleString([], { dateStyle: "medium", timeStyle: "short" }));
  part(".bar").hidden = !isRunning;
  part(".bar span").style.width = `${video.progress * 100}%`;
}

// Its place has a fixed size, so nothing moves when the picture comes.
function showPoster(still, video) {
  if (!video.has_poster || still.getAttribute("src") === video.links.poster) return;
  still.hidden = false;
  still.src = video.links.poster;
}
