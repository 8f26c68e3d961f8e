"""What tests of live streams on the page share: a stream that a real worker follows.

The worker's code runs in a thread of the test; what the source sends and what the model
says of it is the test's word. Frame k of the recording shows the number k.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import func

from app.health.tables import WorkerHeartbeat
from app.jobs.kinds import JobKind
from model.video.segments import shifted
from tests.api_server import RunningApi, eventually
from tests.live_fakes import FakeChange, FakeFacts, FakeGap, Script
from tests.videos import draw_video, number_picture
from worker.live_streams.run import run_live
from worker.outcomes import WorkerContext
from worker.runner import run_job

FPS = 25
SEGMENT_S = 2.0
STEP_S = 0.1


@dataclass
class LiveMatch:
    """A stream under way: time goes on by itself once `play` was called.

    Attributes:
        edge_s: how far its source has sent.
        has_sound: whether what is recorded from now on has a track of it.
    """

    folder: Path
    video_id: UUID
    script: Script
    edge_s: float = 0.0
    recorded_s: float = 0.0
    has_sound: bool = False
    _began: datetime | None = None
    _says: list[FakeChange] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _is_over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def begin(self, *, history_s: float) -> None:
        """Let the stream have begun so long ago; its recording is there."""
        self.script.items.put(FakeFacts(width=160, height=96, fps=float(FPS)))
        self._began = datetime.now(UTC) - timedelta(seconds=history_s)
        self._step()
        eventually(lambda: bool(self.script.spotter.times))
        self.go_on(history_s)

    def play(self) -> None:
        """Let time go on from now."""
        self._thread = threading.Thread(target=self._play)
        self._thread.start()

    def say(self, kind: Any, number: int, label: str, media_s: float) -> None:
        """Let the model say something of an event."""
        with self._lock:
            self._says.append(FakeChange(kind, number, label, media_s, 0.8, "left"))
        if self._thread is None:
            self.go_on(self.edge_s + STEP_S)

    def miss(self, seconds: float, reason: str) -> None:
        """Let nothing come for a while, which the recording misses too."""
        with self._lock:
            gap = FakeGap(self.edge_s, self.edge_s + seconds, reason)
            self.script.items.put(gap)
            self.edge_s = self.recorded_s = self.edge_s + seconds

    def end(self) -> None:
        self._is_over.set()
        if self._thread is not None:
            self._thread.join(10)
        self.script.end()

    def _play(self) -> None:
        at = time.monotonic() - self.edge_s
        while not self._is_over.wait(STEP_S):
            if time.monotonic() - at >= self.edge_s:
                self.go_on(self.edge_s + STEP_S)

    def go_on(self, to_s: float) -> None:
        """Send, and record, all up to a time."""
        with self._lock:
            while self.edge_s < to_s - 1e-6:
                self.edge_s = round(self.edge_s + STEP_S, 3)
                is_whole = self.edge_s - self.recorded_s >= SEGMENT_S
                if self.script.sink is not None and is_whole:
                    self._record()
                if self.edge_s > to_s - 2 * STEP_S:
                    self._step()

    def _step(self) -> None:
        assert self._began is not None
        says, self._says = self._says, []
        wall = self._began + timedelta(seconds=self.edge_s)
        self.script.step(self.edge_s, *says, wall=wall)

    def _record(self) -> None:
        path = self.folder / f"{self.video_id}.mp4"
        path.write_bytes(_draw_segment(self.folder, self.recorded_s, self.has_sound))
        self.script.segment(path, self.recorded_s, SEGMENT_S)
        self.recorded_s += SEGMENT_S


@cache
def _draw_segment(folder: Path, start_s: float, has_sound: bool) -> bytes:
    first = round(start_s * FPS)
    path = folder / "segment.mp4"
    draw_video(
        path,
        frames=round(SEGMENT_S * FPS),
        fps=FPS,
        key_every=FPS,
        sound=has_sound,
        options={"movflags": "frag_keyframe+empty_moov+default_base_moof"},
        paint=lambda number, width, height: number_picture(
            number + first, width, height
        ),
    )
    return shifted(path.read_bytes(), start_s)


def beat(api: RunningApi) -> None:
    """Say that a worker with room for streams lives."""
    with api.service.sessions.begin() as session:
        row = WorkerHeartbeat(name="live here", kind="live", info={"streams": 4})
        # A slow machine shall not take it for dead before the test has ended.
        row.seen_at = func.now() + timedelta(hours=1)
        session.add(row)


@contextmanager
def followed(api: RunningApi, video_id: UUID, folder: Path) -> Iterator[LiveMatch]:
    """Let a worker follow a stream until the block ends."""
    service = api.service
    context = WorkerContext(
        settings=service.settings,
        sessions=service.sessions,
        storage=service.storage,
        notifier=service.notifier,
        predictors=None,
        node="live@test",
        leaving=threading.Event(),
    )
    script = Script()
    handlers: Any = {JobKind.LIVE: partial(run_live, parts=script.parts)}
    job_id = UUID(api.client.get(f"/videos/{video_id}").json()["job"]["id"])
    run = partial(run_job, job_id, context=context, handlers=handlers)
    thread = threading.Thread(target=run)
    thread.start()
    match = LiveMatch(folder, video_id, script)
    try:
        yield match
    finally:
        match.end()
        thread.join(30)
        assert not thread.is_alive()
