"""Chromium plays a proxy and shows, for each middle of a frame, that very frame."""

import json
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from model.video.faststart import with_index_first
from model.video.frame_times import FrameTimes
from model.video.probe import probe
from model.video.proxy import make_proxy_in_child
from tests.browsers import chromium, opened_in
from tests.videos import COLUMNS, ROWS, draw_video

PATIENCE_S = 30
UNEVEN_MS = [0, 33, 50, 70, 400, 433, 441, 500, 520, 533, 1600, 1633]
PAGE = """<!doctype html><title>player</title><video muted></video><script>
const [columns, rows, middles] = ARGUMENTS;
const video = document.querySelector("video");
const canvas = new OffscreenCanvas(columns, rows).getContext("2d");
function number() {
  canvas.drawImage(video, 0, 0, columns, rows);
  const { data } = canvas.getImageData(0, 0, columns, rows);
  let found = 0;
  for (let cell = 0; cell < columns * rows; cell++)
    if (data[4 * cell] > 127) found |= 1 << cell;
  return found;
}
const shown = () => new Promise((done) =>
  video.requestVideoFrameCallback((_, { mediaTime }) => done(mediaTime)));
async function look() {
  const heard = [];
  const first = shown();  // or it might be taken for the picture of the first seek
  const whole = await (await fetch("/video")).blob();  // can be read anywhere
  await new Promise((done, fail) => {
    video.onloadeddata = done;
    video.onerror = () => fail(video.error.message);
    video.src = URL.createObjectURL(whole);
  });
  await Promise.race([first, new Promise((done) => setTimeout(done, 2000))]);
  for (const middle of middles) {
    const next = shown();
    video.currentTime = middle;
    heard.push([await next, number()]);
  }
  return { heard, duration: video.duration };
}
look().catch((error) => ({ error: String(error) })).then((told) =>
  fetch("/told", { method: "POST", body: JSON.stringify(told) }));
</script>"""


@pytest.fixture
def browser() -> str:
    return chromium()


def proxy_of(source: Path) -> tuple[bytes, FrameTimes]:
    facts = probe(source)
    with tempfile.TemporaryFile() as scratch:
        made = make_proxy_in_child(
            source, scratch.fileno(), duration_s=facts.duration_s, fps=facts.fps
        )
        return b"".join(with_index_first(scratch.fileno())), made.frame_times


def watch(
    browser: str, folder: Path, video: bytes, middles: list[float]
) -> dict[str, Any]:
    """Have the browser load a video, seek, and tell what it shows."""
    arguments = json.dumps([COLUMNS, ROWS, middles])
    with (
        _player(PAGE.replace("ARGUMENTS", arguments), video) as (address, told),
        opened_in(browser, address, profile=folder / "profile"),
    ):
        assert told.is_there.wait(PATIENCE_S), "the page said nothing"
    return told.answer


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("uneven.mkv", {"codec": "libx265", "times_ms": UNEVEN_MS, "sound": True}),
        ("late.ts", {"frames": 30, "b_frames": 2, "start_ms": 7000, "sound": True}),
        ("prores.mov", {"codec": "prores_ks", "pix_fmt": "yuv422p10le", "frames": 12}),
    ],
)
def test_a_seek_to_the_middle_of_a_frame_shows_it(
    tmp_path: Path, browser: str, name: str, options: dict[str, Any]
) -> None:
    draw_video(tmp_path / name, size=(320, 192), **options)
    video, times = proxy_of(tmp_path / name)
    # Never the frame that is shown already: the player would say nothing.
    wanted = [*range(len(times) - 1, 0, -1), *range(2, len(times), 2), 0]

    told = watch(browser, tmp_path, video, [times.middle_of(one) for one in wanted])

    assert "error" not in told, told
    assert [number for _, number in told["heard"]] == wanted
    media_times = [at for at, _ in told["heard"]]
    exact = [times.time_of(one) for one in wanted]
    assert media_times == pytest.approx(exact, abs=0.001)
    assert told["duration"] == pytest.approx(times.until_s, abs=0.06)


class _Told:
    def __init__(self) -> None:
        self.is_there, self.answer = threading.Event(), dict[str, Any]()


@contextmanager
def _player(page: str, video: bytes) -> Iterator[tuple[str, _Told]]:
    told = _Told()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            is_video = self.path == "/video"
            content = video if is_video else page.encode()
            self.send_response(200)
            self.send_header("content-type", "video/mp4" if is_video else "text/html")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            told.answer = json.loads(body)
            told.is_there.set()
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/", told
    finally:
        server.shutdown()
        server.server_close()
