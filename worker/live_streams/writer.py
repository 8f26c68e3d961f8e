"""Writes what a stream says, in a thread: a slow database holds no picture up.

What waits is kept until the database is back or the lease has run out.
"""

import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app.core.db.session import Sessions
from app.jobs.attempts import LeaseLost
from app.live.items import Change, Gap, Held, Segment
from app.live.latency import Latencies
from app.live.writing import (
    add_changes,
    add_gap,
    add_segment,
    hold_video,
    note,
    note_facts,
)

STATUS_EVERY_S = 1.0
RETRY_S = 0.5
MAX_WAITING = 20_000
END_S = 20.0

log = structlog.get_logger(__name__)

Write = Callable[[Session, Held], None]


@dataclass(frozen=True, slots=True)
class _Item:
    """What is to be written; `decoded_s` is monotonic, for the latency."""

    write: Write
    decoded_s: float | None = None


@dataclass(slots=True)
class Status:
    """How the stream stands; the thread that works writes, the other one reads."""

    edge_s: float = 0.0
    steps: int = 0


class StreamWriter:
    """Takes what is to be written, and writes it in order.

    Attributes:
        status: written every second.
        spotted: latencies of the model.
        stored: latencies up to the database.
        must_stop: somebody asked for the end of the stream.
        is_lost: the stream is somebody else's now; nothing more is written.
    """

    def __init__(
        self,
        held: Held,
        sessions: Sessions,
        *,
        also: Callable[[Session, bool], UUID | None] = lambda _session, _is_last: None,
        on_told: Callable[[UUID], object] = lambda _delivery_id: None,
    ) -> None:
        """Make an idle writer.

        Args:
            also: called in each transaction, for webhooks, and told whether it is the
                last one; gives what is to be announced.
            on_told: announces it, after the commit.
        """
        self.status = Status()
        self.spotted, self.stored = Latencies(), Latencies()
        self.must_stop = self.is_lost = False
        self._held, self._sessions = held, sessions
        self._also, self._on_told = also, on_told
        self._items: queue.Queue[_Item | None] = queue.Queue(MAX_WAITING)
        self._written_s = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Write in the background until the block ends, and then all that is left.

        Where that cannot be written in time the stream is lost: another run goes on.
        """
        thread = threading.Thread(target=self._go_on, name="live-writer", daemon=True)
        thread.start()
        try:
            yield
        finally:
            with suppress(queue.Full):  # Nothing more is written then: it is lost.
                self._items.put_nowait(None)
            thread.join(END_S)
            if thread.is_alive():
                log.warning("live_not_written", error="the database does not answer")
                self.is_lost = True

    def changes(
        self, changes: Sequence[Change], counts: dict[str, int], *, decoded_s: float
    ) -> None:
        """Take changes of events.

        Args:
            counts: events by type that stand afterwards.
            decoded_s: monotonic time at which the last picture was decoded.
        """
        if not changes:
            return
        self.spotted.add(time.monotonic() - decoded_s)
        self._put(
            lambda session, held: add_changes(session, held, changes, counts),
            decoded_s,
        )

    def gap(self, gap: Gap) -> None:
        """Take a gap."""
        log.info("live_gap", from_s=gap.from_s, to_s=gap.to_s, reason=gap.reason)
        self._put(lambda session, held: add_gap(session, held, gap))

    def segment(self, segment: Segment) -> None:
        """Take a stored segment."""
        self._put(lambda session, held: add_segment(session, held, segment))

    def facts(self, facts: Mapping[str, object], *, fps: float) -> None:
        """Take what the source sends; see `note_facts`."""
        self._put(lambda session, held: note_facts(session, held, facts, fps=fps))

    def note(self, **values: Any) -> None:
        """Take columns of the stream's row."""

        def write(session: Session, held: Held) -> None:
            note(session, held, **values)

        self._put(write)

    def _put(self, write: Write, decoded_s: float | None = None) -> None:
        if self.is_lost:
            return
        try:
            self._items.put_nowait(_Item(write, decoded_s))
        except queue.Full:  # The database has been away for long; so is the lease.
            self.is_lost = True

    def _go_on(self) -> None:
        is_over = False
        while not is_over and not self.is_lost:
            batch, is_over = self._next()
            is_due = time.monotonic() - self._written_s >= STATUS_EVERY_S
            if batch or is_due or is_over:
                self._write_surely(
                    batch, with_status=is_due or is_over, is_last=is_over
                )

    def _next(self) -> tuple[list[_Item], bool]:
        """Wait a moment for something; take all that is there."""
        batch: list[_Item] = []
        try:
            item = self._items.get(timeout=STATUS_EVERY_S / 4)
            while item is not None:
                batch.append(item)
                item = self._items.get_nowait()
        except queue.Empty:
            return batch, False
        return batch, True

    def _write_surely(
        self, batch: Sequence[_Item], *, with_status: bool, is_last: bool
    ) -> None:
        while not self.is_lost:
            try:
                self._write(batch, with_status=with_status, is_last=is_last)
            except LeaseLost:
                self.is_lost = True
            except OperationalError as exc:
                log.warning("live_not_written", error=str(exc.orig or exc))
                time.sleep(RETRY_S)
            except Exception:
                log.exception("live_write_failed")
                self.is_lost = True
            else:
                return

    def _write(
        self, batch: Sequence[_Item], *, with_status: bool, is_last: bool
    ) -> None:
        with self._sessions.begin() as session:
            hold_video(session, self._held)
            for item in batch:
                item.write(session, self._held)
            if with_status:
                stream = note(session, self._held, **self._columns())
                self.must_stop = stream.stop_requested
            told = self._also(session, is_last)
        now_s = time.monotonic()
        if with_status:
            self._written_s = now_s
        for item in batch:
            if item.decoded_s is not None:
                self.stored.add(now_s - item.decoded_s)
        if told is not None:
            self._on_told(told)

    def _columns(self) -> dict[str, Any]:
        status = self.status
        values: dict[str, Any] = {"steps": status.steps}
        if status.steps:
            values["edge_s"] = status.edge_s
        latency = {
            "spotted": self.spotted.percentiles(),
            "stored": self.stored.percentiles(),
        }
        if any(latency.values()):
            values["latency"] = latency
        return values
