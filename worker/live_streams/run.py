"""A live stream from its first picture to the file of its recording.

What comes of the source goes to the spotter, what that says to the writer. A worker
that takes over begins where the one before was heard of last, and marks the gap.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, is_dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.orm import Session

from app.jobs.kinds import NO_MODEL
from app.live.items import Gap, Held
from app.live.queries import segments_of
from app.live.tables import LiveStream, Phase
from app.live.webhooks import tell_events
from app.live.writing import begin_analysis, end_stream, last_seq, provisional_events
from app.sources.queries import save_file
from app.timelines.tables import Analysis
from app.videos.first_jobs import first_jobs
from model.errors import Canceled
from worker.job_task import HandlerContext, JobResult, JobTask, Reporter
from worker.live_streams.events import EventBook, Moment
from worker.live_streams.parts import PARTS, LoadedSpotter, Parts, Step, kind_of
from worker.live_streams.recording import Joined, StoredSegments, join_segments
from worker.live_streams.sources import opened_source
from worker.live_streams.writer import StreamWriter

STAGE = "live"
END_REASONS = ("SourceSilent", "SourceUnreachable")  # of one that had begun: its end

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
    writer = StreamWriter(
        held, context.sessions, also=_teller(held, stream, context.settings.base_url)
    )
    with writer.running():
        if not stream.stop_requested:
            loaded = parts.load_spotter(str(task.params["model"]), context.settings)
            follow = _Following(held, stream, loaded, context, reporter, writer)
            follow.to_the_end(parts)
        writer.note(phase=Phase.ENDING, push=None, ingest=None)
    if writer.is_lost:
        raise Canceled("the stream is somebody else's")
    return _result(held, context, reporter)


def _teller(
    held: Held, stream: LiveStream, base_url: str
) -> Callable[[Session], UUID | None]:
    """Make what tells webhooks of events that have become final."""
    every_s, told_s = stream.webhook_batch_s, time.monotonic()

    def tell(session: Session) -> UUID | None:
        nonlocal told_s
        if every_s is None or time.monotonic() - told_s < every_s:
            return None
        told_s = time.monotonic()
        return tell_events(session, held.video_id, base_url=base_url)

    return tell


@dataclass(slots=True)
class _Clock:
    """Keeps the time of a stream over several runs.

    Attributes:
        began_at: wall clock at 0 s; None: no picture has come.
        edge_s: of the last picture before this run.
        offset_s: what is added to the source's times; known with the first picture.
    """

    began_at: datetime | None
    edge_s: float
    offset_s: float = 0.0

    def begin(self, step: Step, *, least_s: float) -> Gap | None:
        """Take the first picture of a run; gives what is missing before it."""
        if self.began_at is None:
            self.began_at = step.wall - timedelta(seconds=step.media_s)
            return None
        by_wall_s = (step.wall - self.began_at).total_seconds()
        at_s = max(by_wall_s, self.edge_s + least_s)
        self.offset_s = at_s - step.media_s
        return Gap(self.edge_s, at_s, "worker changed")


class _Following:
    """One run of a stream, while pictures come."""

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
        self._clock = _Clock(stream.began_at, stream.edge_s)
        self._now: Moment | None = None
        self._decoded_s = 0.0
        self._book = self._begin()
        writer.status.edge_s, writer.status.steps = stream.edge_s, stream.steps

    def to_the_end(self, parts: Parts) -> None:
        """Follow the source until it ends, or somebody stops it."""
        sink = None
        if self._stream.record and self._stream.recording_problem is None:
            sink = StoredSegments(
                *(self._held, self._context, self._writer),
                offset_s=lambda: self._clock.offset_s,
                first_number=self._stream.segments,
            )
        settings = self._context.settings
        try:
            with (
                opened_source(self._stream, settings, self._writer, parts) as source,
                parts.open_live(
                    source,
                    self._spotter.frame_spec,
                    record=sink,
                    folder=settings.data_dir,
                    on_wait=self._check,
                ) as items,
            ):
                self._follow(items)
        except _Stopped:
            log.info("live_stopped")
        except Exception as exc:
            if type(exc).__name__ not in END_REASONS or self._clock.began_at is None:
                raise
            log.info("live_source_ended", why=str(exc))
        finally:
            self._say(self._spotter.close())

    def _begin(self) -> EventBook:
        """Show the timeline; go on with what an earlier run found."""
        checkpoint = self._loaded.checkpoint
        with self._context.sessions.begin() as session:
            begin_analysis(session, self._held, checkpoint, self._loaded.spotting)
            analysis = session.get_one(Analysis, self._held.job_id)
            book = EventBook(
                fps=_fps_of(self._stream.facts) or self._spotter.fps,
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
        if self._now is None:
            self._take_first(step)
        media_s = step.media_s + self._clock.offset_s
        behind_s = time.monotonic() - step.decoded_at
        decoded_at = datetime.now(UTC) - timedelta(seconds=behind_s)
        self._now = Moment(media_s, step.wall, decoded_at)
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
        offset_s = self._clock.offset_s
        reason = str(gap.reason)
        self._writer.gap(Gap(gap.from_s + offset_s, gap.to_s + offset_s, reason))
        if getattr(gap, "is_hole", True):
            self._say(self._spotter.gap())

    def _take_facts(self, facts: Any) -> None:
        told = asdict(facts) if is_dataclass(facts) else dict(vars(facts))  # type: ignore[arg-type]  # an instance
        self._book.fps = _fps_of(told) or self._spotter.fps
        self._writer.facts(told, fps=self._book.fps)

    def _say(self, said: Any) -> None:
        if self._now is None or not said:
            return
        # The spotter is given the stream's own times.
        changes = self._book.take(said, offset_s=0.0, now=self._now)
        counts = self._book.counts
        self._writer.changes(changes, counts, decoded_s=self._decoded_s)


def _result(held: Held, context: HandlerContext, reporter: Reporter) -> JobResult:
    """Make one file of the recording, and say what comes next."""
    with context.sessions() as session:
        stream = session.get_one(LiveStream, held.video_id)
        segments = session.scalars(segments_of(held.video_id)).all()
        analysis = session.get(Analysis, held.job_id)
        counts = {} if analysis is None else dict(analysis.event_counts)
    joined = Joined(None)
    if segments:
        joined = join_segments(segments, held, context, reporter)
    stored = joined.stored

    def save(session: Session) -> None:
        row = session.get_one(LiveStream, held.video_id)
        row.recording_problem = joined.problem or row.recording_problem
        end_stream(session, held)
        if stored is not None:
            save_file(session, held.video_id, stored)

    model = (stream.analyse_model or None) if stream.analyse_after else NO_MODEL
    return JobResult(
        facts={
            "counts": counts,
            "duration_s": round(stream.edge_s, 3),
            "gaps": stream.gaps,
            "segments": len(segments),
            "size_bytes": None if stored is None else stored.size_bytes,
            "problem": joined.problem,
        },
        save=save,
        then=first_jobs(model) if stored is not None else (),
        new_files=[] if stored is None else [stored.key],
    )


def _fps_of(facts: Any) -> float | None:
    fps = (facts or {}).get("fps")
    return float(fps) if isinstance(fps, int | float) and fps > 0 else None
