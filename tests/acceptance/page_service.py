"""What tests of the page share: a real API whose workers are played by the test.

The rows that a worker would write are written by the test, so that there are as many
events as in a long match, and jobs stand where the test wants them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import numpy as np
from playwright.sync_api import Page
from sqlalchemy import func

from app.clips.service import ThumbnailKeys
from app.core.db.base import new_id, utc_now
from app.core.storage.keys import scores_key
from app.jobs.kinds import JobKind
from app.jobs.queries import jobs_page
from app.jobs.requests import request
from app.jobs.tables import Job, JobStatus
from app.timelines.tables import Analysis, Event
from app.videos.tables import Video
from model.spotting.timeline import Timeline
from model.video.jpeg import encode_jpeg
from tests.api_server import RunningApi
from tests.videos import COLUMNS, ROWS, match_picture

LABELS = ("PASS", "DRIVE", "SHOT")
FPS = 30
EVENTS = 1300  # More than one answer of the API holds.
PATIENCE_MS = 60_000
SHOWN_FRAME = """([columns, rows]) => {
  const player = document.querySelector('video');
  const canvas = new OffscreenCanvas(player.videoWidth, player.videoHeight);
  const pen = canvas.getContext('2d');
  pen.drawImage(player, 0, 0);
  let number = 0;
  for (let place = 0; place < columns * rows; place += 1) {
    const x = (place % columns + 0.5) * canvas.width / columns;
    const y = (Math.floor(place / columns) + 0.5) * canvas.height / rows;
    if (pen.getImageData(x, y, 1, 1).data[0] > 127) number |= 1 << place;
  }
  return number;
}"""
"""Reads the number of the frame that the player shows, as `read_number` does."""


@dataclass(frozen=True)
class PageService:
    """A running API; a test does by hand what a worker would."""

    api: RunningApi
    file: Path

    def upload(self, title: str) -> UUID:
        """Upload the match as any client does; its job stays queued."""
        with self.file.open("rb") as file:
            answer = self.api.client.post(
                "/videos", files={"file": file}, data={"title": title}
            )
        assert answer.status_code == 202, answer.text
        return UUID(answer.json()["id"])

    def break_connections(self) -> None:
        """Let every connection break, as when a network goes away."""
        for connection in list(self.api.server.server_state.connections):
            connection.loop.call_soon_threadsafe(connection.transport.abort)

    def set_job(self, video_id: UUID, **values: object) -> None:
        """Let the latest job stand where a worker would have brought it."""
        with self.api.service.sessions.begin() as session:
            job = session.scalars(jobs_page(video_id, before=None, limit=0)).one()
            for name, value in values.items():
                setattr(job, name, value)

    def finish(
        self, video_id: UUID, *, events: int = EVENTS, team: str | None = None
    ) -> None:
        """Store a timeline with an event in each frame, as a new job's."""
        job_id, analysis_id, now = new_id(), new_id(), utc_now()
        frames = np.arange(events, dtype=np.int64)
        scores = np.full((events, len(LABELS) + 1), 0.25, np.float32)
        timeline = Timeline(LABELS, scores, frames / FPS, frames, frames)
        key = scores_key(video_id, job_id, new_id())
        stored = self.api.service.storage.put(key, timeline.to_bytes())
        rows = [_event(video_id, analysis_id, int(frame)) for frame in frames]
        rows[0].team = team
        counts = {name: sum(row.label == name for row in rows) for name in LABELS}
        with self.api.service.sessions.begin() as session:
            job = Job(id=job_id, video_id=video_id, created_at=now)
            job.status, job.progress = JobStatus.SUCCEEDED, 1.0
            job.result, job.finished_at = {"counts": counts}, now
            session.add(job)
            session.flush()
            analysis = Analysis(id=analysis_id, video_id=video_id, job_id=job_id)
            analysis.checkpoint, analysis.warnings = {}, {}
            analysis.scores_key, analysis.scores_sha256 = key, stored.sha256
            analysis.event_counts, analysis.requested_at = counts, now
            analysis.created_at = now
            session.add(analysis)
            session.flush()
            session.add_all(rows)
            video = session.get_one(Video, video_id)
            video.current_analysis_id, video.fps = analysis_id, float(FPS)
            video.duration_s = EVENTS / FPS

    def draw_poster(self, video_id: UUID, *, data: bytes | None = None) -> None:
        """Store the pictures that a run of a media worker makes, and end its job."""
        if data is None:
            data = encode_jpeg(match_picture(7, 640, 360))
        keys = ThumbnailKeys.of_run(video_id, new_id())
        for key in keys.all():
            self.api.service.storage.put(key, data)
        with self.api.service.sessions.begin() as session:
            keys.save(session, video_id)
            job = request(session, kind=JobKind.THUMBNAILS, video_id=video_id)
            job.status, job.finished_at = JobStatus.SUCCEEDED, func.now()


def _event(video_id: UUID, analysis_id: UUID, frame: int) -> Event:
    return Event(
        video_id=video_id,
        analysis_id=analysis_id,
        seq=frame,
        time_ms=round(frame * 1000 / FPS),
        pts=frame,
        frame=frame,
        label=LABELS[frame % len(LABELS)],
        score=(frame % 100) / 100,
    )


def assert_at(page: Page, moment: float) -> None:
    """Wait until the player stands at a moment."""
    read = "document.querySelector('video').currentTime"
    wait_until(page, lambda: abs(page.evaluate(read) - moment) < 1e-3)


def shows(page: Page, frame: int) -> bool:
    """Whether the player shows the frame of that number."""
    return bool(page.evaluate(SHOWN_FRAME, [COLUMNS, ROWS]) == frame)


def asked_for(page: Page, ending: str) -> list[str]:
    """Collect the page's requests for a path from now on."""
    found: list[str] = []

    def note(url: str) -> None:
        if url.split("?")[0].endswith(ending):
            found.append(url)

    page.on("request", lambda request: note(request.url))
    return found


def wait_until(page: Page, look: Callable[[], bool]) -> None:
    """Let the page go on until something is seen."""
    for _ in range(PATIENCE_MS // 50):
        if look():
            return
        page.wait_for_timeout(50)
    raise AssertionError("it was not seen in time")


def mark_focused(page: Page) -> None:
    """Put a mark on the very node that has the focus."""
    page.evaluate("document.activeElement.marked = true")


def is_marked_focused(page: Page) -> bool:
    """Whether the node with the mark has the focus still."""
    return bool(page.evaluate("document.activeElement.marked === true"))
