// Where a file's first frame is in the player's time.
//
// The service counts from the file's start. Firefox does so, too; Chromium counts from
// zero of the file's own clock, so a file whose clock starts at 10 s begins at 10 s.

const PATIENCE_MS = 3000;

// Give the time at which the player shows the first frame; null if it does not tell.
// Nothing may be sought before that.
export function firstFrameTime(player, { signal }) {
  return new Promise((resolve) => {
    if (!player.requestVideoFrameCallback) return resolve(null);
    const options = { signal, once: true };
    let handle = null;
    const give = (time) => {
      player.cancelVideoFrameCallback(handle);
      resolve(time);
    };
    handle = player.requestVideoFrameCallback((_, frame) => give(frame.mediaTime));
    player.addEventListener("error", () => give(null), options);
    player.addEventListener("loadeddata", () => setTimeout(() => give(null), PATIENCE_MS), options);
    signal.addEventListener("abort", () => give(null));
  });
}
