"""The recording of a stream: segments into storage, and one file of them in the end."""

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import BinaryIO

import structlog
from sqlalchemy.exc import OperationalError

from app.core.errors import SourceMissing, StorageFull
from app.core.storage.interface import Storage, StoredFile
from app.core.storage.keys import fetched_key, live_segment_key
from app.live.items import Gap, Held, Segment
from app.live.tables import LiveSegment
from app.projects.problems import QuotaReached
from app.sources.queries import ensure_room_for
from model.errors import ModelError
from model.video.joining import Joining, pieces_of
from model.video.joins import PartFile
from model.video.segments import (
    fragments,
    head_size,
    pictures_of,
    shifted,
    still_until,
)
from worker.handlers.source import stored_file
from worker.handlers.storing import refuse_to_fill_the_disk, store_pieces
from worker.job_task import HandlerContext, Reporter
from worker.live_streams.clock import StreamClock
from worker.live_streams.writer import StreamWriter

FULL = (
    "The disk is full: nothing is recorded until there is room again; the spotting "
    "goes on."
)
MISSED = "not recorded"
LEAST_HOLE_S = 0.02

log = structlog.get_logger(__name__)


class StoredSegments:
    """Takes segments as they are finished; called from the recording's thread."""

    def __init__(
        self,
        held: Held,
        context: HandlerContext,
        writer: StreamWriter,
        *,
        clock: StreamClock,
        first_number: int,
        known_s: float = 0.0,
        problem: str | None = None,
    ) -> None:
        """Begin.

        Args:
            clock: of the stream.
            first_number: of the stream's segments; earlier runs made those before.
            known_s: up to where earlier runs recorded.
            problem: why an earlier run recorded nothing any more.
        """
        self._held, self._context, self._writer = held, context, writer
        self._clock, self._next, self._known_s = clock, first_number, known_s
        self._is_first = first_number > 0
        self._problem = problem
        self._missing_s: float | None = None if problem is None else known_s

    def segment(
        self,
        number: int,  # noqa: ARG002  # counts anew in each run
        path: Path,
        start_s: float,
        duration_s: float,
        is_after_gap: bool,
    ) -> None:
        """Keep a segment; one for which there is no room is missing, and told.

        Raises:
            OSError: it cannot be kept, and nor can those that follow.
        """
        try:
            if self._clock.is_known(start_s) and start_s < self._known_s - LEAST_HOLE_S:
                return
            start_s += self._clock.offset_s
            data = shifted(path.read_bytes(), self._clock.offset_s)
        finally:
            path.unlink(missing_ok=True)
        key = live_segment_key(self._held.video_id, self._held.token, self._next)
        try:
            self._ensure_room(len(data))
            self._context.storage.put(key, data)
        except StorageFull:
            self._miss(start_s, FULL)
            return
        except QuotaReached as exc:
            self._miss(start_s, str(exc))
            return
        is_after_gap = is_after_gap or self._is_first or self._problem is not None
        self._go_on(start_s)
        head_bytes = head_size(data)
        self._next += 1
        self._writer.segment(
            Segment(
                key=key,
                start_s=start_s,
                duration_s=duration_s,
                size_bytes=len(data),
                head_bytes=head_bytes,
                head_sha256=hashlib.sha256(data[:head_bytes]).hexdigest(),
                is_after_gap=is_after_gap,
                wall=self._clock.wall_at(start_s),
            )
        )
        self._is_first = False

    def failed(self, why: str) -> None:
        """Tell that nothing more is recorded; the stream goes on."""
        log.warning("live_recording_stopped", why=why)
        self._writer.note(recording_problem=why)

    def _ensure_room(self, size_bytes: int) -> None:
        """Look whether there is room, on the disk and by the project's quota.

        Raises:
            StorageFull, QuotaReached: there is none.
        """
        refuse_to_fill_the_disk(self._context, size_bytes, what="recording")
        try:
            with self._context.sessions() as session:
                ensure_room_for(session, self._held.video_id, size_bytes)
        except OperationalError as exc:
            # What is recorded is written once the database is back.
            log.warning("live_quota_not_read", error=str(exc.orig or exc))

    def _miss(self, start_s: float, why: str) -> None:
        if self._problem is None:
            log.warning("live_recording_stopped", why=why)
            self._writer.note(recording_problem=why)
            self._missing_s = start_s
        self._problem = why

    def _go_on(self, start_s: float) -> None:
        """Tell, once there is room again, what is missing."""
        if self._problem is None:
            return
        from_s = start_s if self._missing_s is None else self._missing_s
        walls = self._clock.wall_at(from_s), self._clock.wall_at(start_s)
        self._writer.gap(Gap(from_s, start_s, MISSED, *walls))
        self._writer.note(recording_problem=None)
        self._problem = self._missing_s = None


@dataclass(frozen=True, slots=True)
class Joined:
    """The file that a recording became.

    Attributes:
        problem: why there is none, if there is none; else what is to be known.
    """

    stored: StoredFile | None
    problem: str | None = None


def join_segments(
    segments: Sequence[LiveSegment],
    held: Held,
    context: HandlerContext,
    reporter: Reporter,
    folder: Path,
) -> Joined:
    """Make one file of a recording, whose times are those of the stream.

    Where the source changed its size or codec, the parts are put behind each other.

    Args:
        folder: of the run's own: what is in it when this process is killed is swept.

    Raises:
        Canceled: the run must stop.
    """
    total = sum(one.size_bytes for one in segments)
    try:
        # Once as it came, once while it is written, and once stored.
        refuse_to_fill_the_disk(context, 3 * total, what="recording")
        groups = _alike(segments, context.storage)
        return _join(groups, held, context, reporter, folder)
    except StorageFull:
        return Joined(
            None,
            "The disk has no room for one file of the recording: free some, the "
            "segments are kept.",
        )
    except (ModelError, SourceMissing) as exc:
        log.warning("live_not_joined", error=str(exc))
        return Joined(None, f"No file could be made of the recording: {exc}")


def _alike(
    segments: Sequence[LiveSegment], storage: Storage
) -> Sequence[Sequence[LiveSegment]]:
    """Part a recording where what its pictures are read with changes."""
    heads: dict[str, bytes] = {}
    for segment in segments:
        if segment.head_sha256 not in heads:
            with stored_file(segment.key, storage) as path, path.open("rb") as file:
                head = file.read(segment.head_bytes)
            heads[segment.head_sha256] = pictures_of(head)
    return [
        list(own) for _, own in groupby(segments, lambda one: heads[one.head_sha256])
    ]


def _join(
    groups: Sequence[Sequence[LiveSegment]],
    held: Held,
    context: HandlerContext,
    reporter: Reporter,
    folder: Path,
) -> Joined:
    with tempfile.TemporaryDirectory(dir=folder, prefix="live-") as scratch:
        parts = []
        for number, group in enumerate(groups, start=1):
            path = Path(scratch, f"{number}.mp4")
            with path.open("wb") as file:
                _concatenate(
                    *(group, file, context.storage, reporter),
                    begins_at_0=number == 1,
                )
            parts.append(PartFile(path, f"Part {number} of the recording"))
        with tempfile.TemporaryFile(dir=folder) as target:
            joining = Joining(
                parts,
                on_progress=lambda _stage, _done: reporter.touch(),
                on_wait=reporter.touch,
            )
            joined = joining.write(target.fileno())
            stored = store_pieces(
                fetched_key(held.video_id, held.token),
                pieces_of(joined, target.fileno()),
                context,
                reporter,
                what="recording",
            )
    told = None
    if len(groups) > 1:
        told = (
            f"The source changed {len(groups) - 1} times what it sends; its parts are "
            "put behind each other, and later events may lie a little off."
        )
    return Joined(stored, told)


def _concatenate(
    group: Sequence[LiveSegment],
    file: BinaryIO,
    storage: Storage,
    reporter: Reporter,
    *,
    begins_at_0: bool,
) -> None:
    """Write segments that are alike as one fragmented MP4, with the last one's head.

    Args:
        begins_at_0: what was recorded late is shown as a still until it begins.
    """
    last = group[-1]
    with stored_file(last.key, storage) as path, path.open("rb") as whole:
        file.write(whole.read(last.head_bytes))
    for number, segment in enumerate(group):
        reporter.touch()
        with stored_file(segment.key, storage, reporter.touch) as path:
            data = path.read_bytes()
        if number == 0 and begins_at_0 and segment.start_s > LEAST_HOLE_S:
            file.write(still_until(data, segment.start_s))
        for piece in fragments(data):
            file.write(piece)
