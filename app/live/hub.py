"""All who watch live streams through one process: one look for all of a stream.

Postgres tells at once that a stream has news (LISTEN); a thread of the hub reads it
and hands it to the event loop. Behind a pooler, which has no LISTEN, it looks often.
Nothing is looked at while nobody watches.
"""

import asyncio
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from time import monotonic, time
from uuid import UUID

import structlog
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from app.core.db.session import BoundedConnection, Sessions
from app.core.errors import NotReady
from app.keys.queries import ended_keys
from app.live.latency import Latencies
from app.live.queries import CHANNEL, changes_after, gaps_after, stream_with_job
from app.live.watching import News, Watch
from app.live.wire import status_of
from app.streams.problems import TooManyStreams

POOLED_EVERY_S = 0.05  # between two looks where nobody tells
ALL_EVERY_S = 1.0  # for what was not told: a worker that died, a message lost
AFTER_TROUBLE_S = 2.0  # without the database
MAX_FIGURES = 100  # streams whose latencies are kept

log = structlog.get_logger(__name__)


class LiveHub:
    """Looks for news of streams, and hands it to those who watch."""

    def __init__(self, sessions: Sessions, *, max_watches: int) -> None:
        """Make an idle hub.

        Args:
            sessions: that see all projects; who may watch was judged before.
            max_watches: clients at once.
        """
        self._sessions, self._max_watches = sessions, max_watches
        self._watches: set[Watch] = set()
        self._latencies: dict[UUID, Latencies] = {}
        self._thread: threading.Thread | None = None
        self._ending = threading.Lock()  # so that no watch comes while it ends
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._watches)

    @contextmanager
    def watched(
        self, video_id: UUID, key_id: str, *, number: int, gap_number: int
    ) -> Iterator[Watch]:
        """Tell a client of a stream until the block ends; see `Watch`.

        Raises:
            TooManyStreams: as many clients as are allowed are connected.
            NotReady: the server is about to end.
        """
        if self._is_closed:
            raise NotReady("The server is about to end; connect again.")
        if len(self) >= self._max_watches:
            raise TooManyStreams(
                f"{self._max_watches} streams are open, as many as this server takes "
                "(TOUCHLINE_MAX_STREAMS). Close some, or ask for events now and then."
            )
        note = partial(self._note_sent, video_id)
        watch = Watch(
            video_id, key_id, number=number, gap_number=gap_number, on_sent=note
        )
        self._loop = asyncio.get_running_loop()
        with self._ending:
            self._watches.add(watch)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._go_on, name="live-hub", daemon=True
                )
                self._thread.start()
        try:
            yield watch
        finally:
            self._watches.discard(watch)

    def close(self) -> None:
        """End all watches at once, and take no more: the server ends."""
        self._is_closed = True
        for watch in self._watches:
            watch.end()

    def sent(self, video_id: UUID) -> dict[str, float] | None:
        """Tell how late what was sent of a stream was; None: nothing was."""
        found = self._latencies.get(video_id)
        return None if found is None else found.percentiles()

    def _note_sent(self, video_id: UUID, decoded_s: float) -> None:
        if video_id not in self._latencies and len(self._latencies) >= MAX_FIGURES:
            del self._latencies[next(iter(self._latencies))]
        self._latencies.setdefault(video_id, Latencies()).add(time() - decoded_s)

    def _go_on(self) -> None:
        """Listen while anybody watches; in the hub's thread."""
        while self._is_wanted():
            try:
                self._listen()
            except SQLAlchemyError as exc:
                log.warning("live_hub_without_database", error=str(exc))
                threading.Event().wait(AFTER_TROUBLE_S)
            except Exception:
                log.exception("live_hub_failed")
                threading.Event().wait(AFTER_TROUBLE_S)

    def _is_wanted(self) -> bool:
        """Tell whether to go on; a watch that comes after a no starts a new thread."""
        with self._ending:
            if self._watches and not self._is_closed:
                return True
            self._thread = None
            return False

    def _listen(self) -> None:
        engine: Engine = self._sessions.kw["bind"]
        options = {"isolation_level": "AUTOCOMMIT"}
        with engine.connect().execution_options(**options) as connection:
            own = connection.connection.driver_connection
            is_told = isinstance(own, BoundedConnection) and not own.is_pooled
            if is_told:
                connection.execute(text(f"listen {CHANNEL}"))
            try:
                self._look_again_and_again(connection, is_told=is_told)
            finally:
                if is_told:
                    connection.execute(text(f"unlisten {CHANNEL}"))

    def _look_again_and_again(self, connection: Connection, *, is_told: bool) -> None:
        looked_s, known = 0.0, set[Watch]()
        while (watches := set(self._watches)) and not self._is_closed:
            now_s = monotonic()
            news = {one.video_id for one in watches - known}  # have seen nothing yet
            known = watches
            if now_s - looked_s >= ALL_EVERY_S:
                looked_s = now_s
                news = {one.video_id for one in watches}
                self._end_those_of_ended_keys(watches)
            elif not is_told:
                news = {one.video_id for one in watches}
            for video_id in news:
                self._look(video_id, watches)
            if is_told:
                self._look_at_told(connection, watches)
            else:
                threading.Event().wait(POOLED_EVERY_S)

    def _look_at_told(self, connection: Connection, watches: set[Watch]) -> None:
        """Wait a moment for what Postgres tells, and look at that."""
        own = connection.connection.driver_connection
        if not isinstance(own, BoundedConnection):
            return
        watched = {str(one.video_id): one.video_id for one in watches}
        told = own.notifies(timeout=POOLED_EVERY_S, stop_after=1)
        for video_id in {one.payload for one in told}:
            if video_id in watched:
                self._look(watched[video_id], watches)

    def _look(self, video_id: UUID, watches: set[Watch]) -> None:
        """Read what is new to any of a stream's watchers; hand it to all of them."""
        own = [watch for watch in watches if watch.video_id == video_id]
        with self._sessions() as session:
            found = session.execute(stream_with_job(video_id)).one_or_none()
            if found is None:  # deleted
                for watch in own:
                    self._call(watch.end)
                return
            number = min(watch.number for watch in own)
            gap_number = min(watch.gap_number for watch in own)
            stream, _, job = found
            news = News(
                status_of(stream, job),
                session.scalars(changes_after(video_id, number)).all(),
                session.scalars(gaps_after(video_id, gap_number)).all(),
            )
        for watch in own:
            self._call(partial(watch.take, news))

    def _end_those_of_ended_keys(self, watches: set[Watch]) -> None:
        """End the watches of keys that were revoked or have expired."""
        by_key: dict[str, list[Watch]] = defaultdict(list)
        for watch in watches:
            if watch.key_id:
                by_key[watch.key_id].append(watch)
        if not by_key:
            return
        with self._sessions() as session:
            for key in session.scalars(ended_keys(set(by_key))):
                for watch in by_key[key]:
                    self._call(watch.end)

    def _call(self, what: "partial[None] | object") -> None:
        if self._loop is not None and not self._loop.is_closed() and callable(what):
            self._loop.call_soon_threadsafe(what)
