"""A live stream from its first picture to the file of its recording.

What comes of the source goes to the spotter, what that says to the writer. A worker
that takes over begins where the one before was heard of last, and marks the gap.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.orm import Session

from app.jobs.tables import Job
from app.live.items import Gap, Held
from app.live.tables import LiveStream, Phase
from app.live.webhooks import tell_events
from app.live.writing import (
    begin_analysis,
    last_event_s,
    last_seq,
    provisional_events,
)
from app.timelines.tables import Analysis
from app.videos.tables import Video
from model.errors import Canceled, ModelError, SourceError
from worker.job_task import HandlerContext, JobResult, JobTask, Reporter
from worker.live_streams.clock import StreamClock
from worker.live_streams.ending import ended
from worker.live_streams.events import EventBook, Moment
from worker.live_streams.parts import PARTS, LoadedSpotter, Parts, Step, kind_of
from worker.live_streams.recording import StoredSegments
from worker.live_streams.scratch import scratch_of
from worker.live_streams.sources import opened_source
from worker.live_streams.writer import StreamWriter

STAGE = "live"

log = structlog.get_logger(__name__)


class _Stopped(Exception):
    """Somebody asked for the end of the stream."""


def run_live(
    task: JobTask,
    context: HandlerContext,
    reporter: Reporter,
    *,
    parts: Parts = PARTS,
) -> JobResult:
    """Follow a stream to its end, then make one file of its recording.

    Raises:
        ModelError, JobFailure: it never began, or the model cannot be used.
        Canceled: the run must stop; another one goes on.
    """
    if task.video_id is None:
        raise ValueError("a live stream is of a video")
    held = Held(task.video_id, task.job_id, task.token)
    reporter.progress(STAGE, 0.0)
    with context.sessions() as session:
        stream = session.get_one(LiveStream, task.video_id)
        job = session.get_one(Job, task.job_id)
        is_last_try = job.failures >= context.settings.max_attempts
    writer = StreamWriter(
        held, context.sessions, also=_teller(held, stream, context.settings.base_url)
    )
    with scratch_of(context.settings.data_dir, task.token) as folder:
        with writer.running():
            # One that is ending was followed to its end by a worker that died then.
            if not stream.stop_requested and stream.phase != Phase.ENDING:
                loaded = parts.load_spotter(str(task.params["model"]), context.settings)
                follow = _Following(held, stream, loaded, context, reporter, writer)
                follow.is_last_try = is_last_try
                reason = follow.to_the_end(parts, folder)
                over = {"phase": Phase.ENDING, "end_reason": reason}
                writer.note(**over, push=None, ingest=None)
        if writer.is_lost:
            raise Canceled("the stream is somebody else's")
        return ended(held, context, reporter, folder)


def _teller(
    held: Held, stream: LiveStream, base_url: str
) -> Callable[[Session, bool], UUID | None]:
    """Make what tells webhooks of events that have become final."""
    every_s, told_s = stream.webhook_batch_s, time.monotonic()

    def tell(session: Session, is_last: bool) -> UUID | None:
        nonlocal told_s
        if every_s is None:
            return None
        if not is_last and time.monotonic() - told_s < every_s:
            return None
        told_s = time.monotonic()
        return tell_events(session, held.video_id, base_url=base_url)

    return tell


class _Following:
    """One run of a stream, while pictures come.

    Attributes:
        is_last_try: a failure that may pass is not tried again: the stream ends.
    """

    def __init__(
        self,
        held: Held,
        stream: LiveStream,
        loaded: LoadedSpotter,
        context: HandlerContext,
        reporter: Reporter,
        writer: StreamWriter,
    ) -> None:
        self._held, self._stream, self._loaded = held, stream, loaded
        self._context, self._reporter, self._writer = context, reporter, writer
        self._spotter = loaded.spotter
        self.is_last_try = False
        self._clock = self._make_clock()
        self._now: Moment | None = None
        self._gaps: list[Gap] = []  # whose end by the wall is not known yet
        self._decoded_s = 0.0
        self._book = self._begin()
        writer.status.edge_s, writer.status.steps = stream.edge_s, stream.steps

    def to_the_end(self, parts: Parts, folder: Path) -> str | None:
        """Follow the source until it ends, or somebody stops it.

        Args:
            parts: make source and pictures.
            folder: takes what is being recorded.

        Returns:
            Why it ended, if neither was so: nothing that was before is lost by it.

        Raises:
            ModelError: it never began, or another try may do better.
            Canceled: the run must stop.
        """
        sink = None
        if self._stream.record:
            sink = StoredSegments(
                *(self._held, self._context, self._writer),
                clock=self._clock,
                first_number=self._stream.segments,
                known_s=self._stream.recorded_s,
                problem=self._stream.recording_problem,
            )
        settings = self._context.settings
        try:
            with (
                opened_source(self._stream, settings, self._writer, parts) as source,
                parts.open_live(
                    source,
                    self._spotter.frame_spec,
                    record=sink,
                    folder=folder,
                    on_wait=self._check,
                ) as items,
            ):
                self._follow(items)
        except _Stopped:
            log.info("live_stopped")
        except ModelError as exc:
            if not self._ends_with(exc):
                raise
            log.info("live_source_ended", why=str(exc))
            return str(exc)
        finally:
            self._say(self._spotter.close())
            for gap in self._gaps:
                self._writer.gap(gap)
        return None

    def _ends_with(self, problem: ModelError) -> bool:
        if self._clock.began_at is None or isinstance(problem, Canceled):
            return False
        may_pass = problem.retryable and not isinstance(problem, SourceError)
        return self.is_last_try or not may_pass

    def _make_clock(self) -> StreamClock:
        stream = self._stream
        clock = StreamClock(stream.began_at, stream.edge_s, stream.kind == "file")
        if clock.begins_anew:
            with self._context.sessions() as session:
                clock.edge_s = max(stream.edge_s, last_event_s(session, self._held))
        return clock

    def _begin(self) -> EventBook:
        """Show the timeline; go on with what an earlier run found."""
        checkpoint = self._loaded.checkpoint
        with self._context.sessions.begin() as session:
            begin_analysis(session, self._held, checkpoint, self._loaded.spotting)
            analysis = session.get_one(Analysis, self._held.job_id)
            fps = session.get_one(Video, self._held.video_id).fps
            self._has_rate = fps is not None
            book = EventBook(
                fps=fps or self._spotter.fps,
                next_seq=last_seq(session, self._held) + 1,
                counts=dict(analysis.event_counts),
            )
            left = provisional_events(session, self._held)
        self._writer.note(
            phase=Phase.CONNECTING, look_ahead_s=self._spotter.look_ahead_s
        )
        if left and self._stream.began_at is not None:
            now = datetime.now(UTC)
            moment = Moment(
                (now - self._stream.began_at).total_seconds(), now, decoded_at=now
            )
            settled = book.settle(left, now=moment)
            self._writer.changes(settled, book.counts, decoded_s=time.monotonic())
        return book

    def _follow(self, items: Iterator[Any]) -> None:
        for item in items:
            self._check()
            match kind_of(item):
                case "step":
                    self._take_step(item)
                case "gap":
                    self._take_gap(item)
                case "facts":
                    self._take_facts(item)

    def _check(self) -> None:
        """Look whether to go on.

        Raises:
            _Stopped, Canceled: no.
        """
        self._reporter.touch()
        if self._writer.is_lost:
            raise Canceled("the stream is somebody else's")
        if self._writer.must_stop:
            raise _Stopped

    def _take_step(self, step: Step) -> None:
        if self._clock.is_known(step.media_s):
            return
        if self._now is None:
            self._take_first(step)
        media_s = step.media_s + self._clock.offset_s
        behind_s = time.monotonic() - step.decoded_at
        decoded_at = datetime.now(UTC) - timedelta(seconds=behind_s)
        self._now = Moment(media_s, step.wall, decoded_at)
        for gap in self._gaps:
            self._writer.gap(self._clock.pass_gap(gap, self._now))
        self._gaps.clear()
        self._clock.note(self._now)
        self._decoded_s = step.decoded_at
        self._say(self._spotter.push(step.image, media_s))
        status = self._writer.status
        status.edge_s, status.steps = media_s, status.steps + 1

    def _take_first(self, step: Step) -> None:
        gap = self._clock.begin(step, least_s=1 / self._spotter.fps)
        if gap is not None:
            self._writer.gap(gap)
        self._writer.note(phase=Phase.LIVE, began_at=self._clock.began_at)

    def _take_gap(self, gap: Any) -> None:
        if self._clock.is_known(gap.to_s):
            return
        offset_s = self._clock.offset_s
        reason = str(gap.reason)
        self._gaps.append(Gap(gap.from_s + offset_s, gap.to_s + offset_s, reason))
        if getattr(gap, "is_hole", True):
            self._say(self._spotter.gap())

    def _take_facts(self, facts: Any) -> None:
        told = asdict(facts) if is_dataclass(facts) else dict(vars(facts))  # type: ignore[arg-type]  # an instance
        if not self._has_rate:
            # By the first rate for good: by another one, frames would be counted twice.
            self._book.fps = _fps_of(told) or self._spotter.fps
            self._has_rate = True
        self._writer.facts(told, fps=self._book.fps)

    def _say(self, said: Any) -> None:
        if self._now is None or not said:
            return
        # The spotter is given the stream's own times.
        changes = self._book.take(said, offset_s=0.0, now=self._now)
        counts = self._book.counts
        self._writer.changes(changes, counts, decoded_s=self._decoded_s)


def _fps_of(facts: Any) -> float | None:
    fps = (facts or {}).get("fps")
    return float(fps) if isinstance(fps, int | float) and fps > 0 else None
