"""What tests of the review view share: a match whose every frame tells its number.

The service is real, and so is the browser; a test writes what a worker would, with the
code that a worker runs.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
from playwright.sync_api import Browser, BrowserContext, Page, expect

from app.core.db.base import new_id
from app.core.storage.keys import frame_times_key
from app.videos.frame_times import show_frame_times
from app.videos.tables import Video
from model.checkpoint.spotting_options import LabelOptions, SpottingOptions
from model.spotting.timeline import Timeline
from model.video.frame_times import FrameTimes
from tests.acceptance.page_service import PATIENCE_MS, SHOWN_FRAME, wait_until
from tests.api_server import RunningApi
from tests.integration.analyses import analyse
from tests.integration.uploaded import Uploaded
from tests.videos import COLUMNS, ROWS, draw_video

LABELS = ("PASS", "DRIVE", "SHOT")
FPS = 30
FRAMES = 600
THRESHOLD = 0.5
PEAK_STEPS = 2.5  # how wide a peak of the score curves is
GHOST = 150
SPOTS = (
    *((45, "PASS", 0.9), (100, "DRIVE", 0.6), (GHOST, "SHOT", 0.3)),
    *((220, "PASS", 0.55), (300, "SHOT", 0.8), (420, "DRIVE", 0.7)),
)
SUGGESTED = [frame for frame, _, score in SPOTS if score >= THRESHOLD]
Spots = Sequence[tuple[int, str, float]]

# Most tests say where the playhead goes: nothing shall move it by itself.
STILL = '{"plays": false, "advances": false, "marks": false}'


@dataclass(frozen=True)
class ReviewService:
    """A running API with drawn matches."""

    api: RunningApi
    folder: Path

    def draw(self, name: str = "even", **options: Any) -> Path:
        """Draw a match once; options are those of `draw_video`."""
        path = self.folder / f"{name}.mp4"
        if not path.exists():
            draw_video(path, **{"frames": FRAMES, "fps": FPS, **options})
        return path

    def upload(self, path: Path, *, title: str = "Cup final") -> UUID:
        """Upload a match as any client does."""
        with path.open("rb") as file:
            answer = self.api.client.post(
                "/videos", files={"file": file}, data={"title": title}
            )
        assert answer.status_code == 202, answer.text
        return UUID(answer.json()["id"])

    def analyse(
        self,
        video_id: UUID,
        spots: Spots = SPOTS,
        *,
        times_s: Sequence[float] = (),
        weights: str = "f00d",
    ) -> None:
        """End the video's job as a worker that found these spots would.

        `weights` is the SHA-256 of those of the checkpoint that is said to have run.
        """
        times = np.array(times_s or np.arange(FRAMES) / FPS)
        video = self.api.client.get(f"/videos/{video_id}").json()
        self.probe(video_id, times)
        analyse(
            Uploaded(video_id, UUID(video["job"]["id"]), self.api.service.sessions),
            drawn_timeline(spots, times),
            SpottingOptions(dict.fromkeys(LABELS, LabelOptions(THRESHOLD, 0.2))),
            storage=self.api.service.storage,
            weights=weights,
        )

    def probe(self, video_id: UUID, times_s: Any = None) -> None:
        """Store what a worker that decodes the video finds out of its frames."""
        times = np.arange(FRAMES) / FPS if times_s is None else times_s
        key = frame_times_key(video_id, new_id())
        found = FrameTimes(times, float(times[-1]) + 1 / FPS)
        self.api.service.storage.put(key, found.to_bytes())
        with self.api.service.sessions.begin() as session:
            session.execute(show_frame_times(video_id, key))
            row = session.get_one(Video, video_id)
            row.fps, row.duration_s = found.fps, found.until_s

    def match(self, *, weights: str = "f00d", **options: Any) -> UUID:
        """Upload and analyse the match that most tests use."""
        video_id = self.upload(self.draw(), **options)
        self.analyse(video_id, weights=weights)
        return video_id

    def events(self, video_id: UUID, **query: Any) -> list[dict[str, Any]]:
        """Read events as the service has them."""
        answer = self.api.client.get(f"/videos/{video_id}/events", params=query)
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    def states(self, video_id: UUID) -> dict[int, str]:
        """Read the state of each event, by its frame."""
        return {
            one["frame"]: one["state"] for one in self.events(video_id, state="all")
        }


def drawn_timeline(spots: Spots, times_s: Any) -> Timeline:
    """Draw score curves that have a peak for each spot."""
    count = len(times_s)
    frames = np.arange(count, dtype=np.int64)
    scores = np.full((count, len(LABELS) + 1), 0.01, np.float32)
    for frame, label, score in spots:
        column = LABELS.index(label) + 1
        peak = score * np.exp(-(((frames - frame) / PEAK_STEPS) ** 2))
        scores[:, column] = np.maximum(scores[:, column], peak)
    scores[:, 0] = np.clip(1 - scores[:, 1:].sum(axis=1), 0, 1)
    return Timeline(LABELS, scores, np.asarray(times_s, np.float64), frames, frames)


def open_context(
    browser: Browser, url: str, *, prefs: str = STILL, **options: Any
) -> BrowserContext:
    """Open a browser of its own, as one person's."""
    context = browser.new_context(
        base_url=url, **{"viewport": {"width": 1280, "height": 800}, **options}
    )
    context.set_default_timeout(PATIENCE_MS)
    if prefs:
        context.add_init_script(
            "if (location.protocol === 'http:'"
            " && !localStorage.getItem('touchline_review'))"
            f" localStorage.setItem('touchline_review', '{prefs}')"
        )
    return context


def open_review(page: Page, video_id: UUID) -> None:
    """Open a match and wait until its events and its first frame are there."""
    page.goto(f"/#/videos/{video_id}")
    expect(page.locator(".review[data-ready=true]")).to_be_visible()
    wait_until(page, lambda: bool(page.evaluate(HAS_PICTURE)))


def keep_streams_out(page: Page) -> None:
    """Let no stream tell a page what others do."""
    page.route(re.compile(r"/stream(\?|$)"), lambda route: route.abort())


@contextmanager
def apart(page: Page, video_id: UUID) -> Iterator[None]:
    """Keep from an open page, also when it asks, that others changed a match."""
    own = re.compile(f"/videos/{video_id}$")
    page.route(own, lambda route: route.abort())
    yield
    page.unroute(own)


HAS_PICTURE = "document.querySelector('video')?.readyState >= 2"


def shown_frame(page: Page) -> int:
    """Read the number that is painted in the frame on screen."""
    return int(page.evaluate(SHOWN_FRAME, [COLUMNS, ROWS]))


def told_frame(page: Page) -> int:
    """Read the frame's number that the page tells."""
    return int(page.locator("[data-is=frame]").input_value())


def go_to(page: Page, frame: int) -> None:
    """Send the player to a frame by the field."""
    field = page.locator("[data-is=frame]")
    field.fill(str(frame))
    field.press("Enter")
    settle(page, frame)


def settle(page: Page, frame: int) -> None:
    """Wait until the picture on screen is that frame's."""
    seen: list[int] = []

    def look() -> bool:
        seen.append(shown_frame(page))
        return seen[-1] == frame and told_frame(page) == frame

    try:
        wait_until(page, look)
    except AssertionError:
        raise AssertionError(f"frame {frame} was sought, {seen[-1]} shown") from None


def select(page: Page, frame: int) -> None:
    """Select the event at a frame in the list."""
    page.locator(f"[data-is=events] [data-frame='{frame}']").first.click()
    settle(page, frame)


def eventually(page: Page, look: Callable[[], object], wanted: object) -> None:
    """Wait until something is as it should be; tell what it was if not."""
    seen: list[object] = []

    def is_it() -> bool:
        seen.append(look())
        return seen[-1] == wanted

    try:
        wait_until(page, is_it)
    except AssertionError:
        raise AssertionError(f"wanted {wanted}, was {seen[-1]}") from None
