"""All streams of one process: one look at the database for all of them.

The hub belongs to the event loop; only the look itself runs in a thread. Nothing is
looked at while nobody is connected.
"""

import asyncio
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import partial
from uuid import UUID

import structlog
from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from sqlalchemy.exc import SQLAlchemyError

from app.core.db.session import Sessions
from app.core.errors import NotReady
from app.jobs.tables import JobStatus
from app.keys.queries import ended_keys
from app.streams.changes import Snapshot, VideoState, read_changes
from app.streams.problems import TooManyStreams
from app.streams.subscription import StreamScope, Subscription

POLL_EVERY_S = 0.5
AFTER_TROUBLE_S = 5.0  # without the database

log = structlog.get_logger(__name__)


class StreamHub:
    """Looks for changes, and tells those who watch."""

    def __init__(
        self,
        sessions: Sessions,
        *,
        max_streams: int,
        poll_every_s: float = POLL_EVERY_S,
    ) -> None:
        """Make an idle hub.

        Args:
            sessions: that see all projects; what is told is chosen for each client.
            max_streams: clients at once.
            poll_every_s: between two looks.
        """
        self._sessions = sessions
        self._max_streams, self._poll_every_s = max_streams, poll_every_s
        self._subscriptions: set[Subscription] = set()
        self._found = Snapshot()
        self._thread = CapacityLimiter(1)  # its own, so that no route waits for it
        self._task: asyncio.Task[None] | None = None
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._subscriptions)

    @contextmanager
    def subscribed(
        self, wanted: StreamScope, *, state: VideoState | None, after: int | None
    ) -> Iterator[Subscription]:
        """Tell a client of what it watches until the block ends; see `Subscription`.

        Raises:
            TooManyStreams: as many clients as are allowed are connected.
            NotReady: the server is about to end.
        """
        if self._is_closed:
            raise NotReady("The server is about to end; connect again.")
        if len(self) >= self._max_streams:
            raise TooManyStreams(
                f"{self._max_streams} streams are open, as many as this server takes "
                "(TOUCHLINE_MAX_STREAMS). Close some, or ask for changes now and then."
            )
        subscription = Subscription(wanted, state=state, after=after)
        self._subscriptions.add(subscription)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._go_on(), name="streams")
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)

    def close(self) -> None:
        """End all streams at once, and take no more: the server ends."""
        self._is_closed = True
        for subscription in self._subscriptions:
            subscription.end()

    async def _go_on(self) -> None:
        """Look again and again while somebody is connected."""
        while self._subscriptions and not self._is_closed:
            pause_s = self._poll_every_s
            try:
                await self._look()
            except SQLAlchemyError as exc:
                log.warning("streams_without_database", error=str(exc))
                pause_s = AFTER_TROUBLE_S
            except Exception:
                log.exception("streams_failed")
                pause_s = AFTER_TROUBLE_S
            await asyncio.sleep(pause_s)
        self._found = Snapshot()

    async def _look(self) -> None:
        subscriptions = tuple(self._subscriptions)
        watched: dict[UUID, int] = {}
        for one in subscriptions:
            if (video_id := one.wanted.video_id) is not None:
                known = watched.get(video_id, one.revision)
                watched[video_id] = min(known, one.revision)
        running = [
            job.id
            for job in self._found.jobs.values()
            if job.status == JobStatus.RUNNING
        ]
        self._found = await run_sync(
            partial(read_changes, self._sessions, running=running, watched=watched),
            limiter=self._thread,
        )
        keys = {one.wanted.key_id for one in subscriptions} - {""}
        ended = await run_sync(self._ended_keys, keys, limiter=self._thread)
        for subscription in subscriptions:
            if subscription.wanted.key_id in ended:
                subscription.end()
            else:
                subscription.take(self._found)

    def _ended_keys(self, keys: Collection[str]) -> set[str]:
        """Tell which keys were revoked or have expired: their streams end at once."""
        if not keys:
            return set()
        with self._sessions() as session:
            return set(session.scalars(ended_keys(keys)))
