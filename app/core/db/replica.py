"""Reads on a streaming replica, of all that the primary had when they began.

Before a read the primary is asked where its log ends, and the replica whether it has
replayed that; it gets a moment to. So whatever was answered before, to anybody by any
process, is there: no clock is compared, and no client has to say what it wrote. A
replica that is away or behind is left alone for a while, and the primary answers.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from time import monotonic, sleep
from typing import TypeVar

import structlog
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from app.core.db.session import Sessions
from app.core.errors import TouchlineError

AWAY_S = 10.0  # one that failed is tried again after that, by one read at first
LAGGING_S = 1.0  # likewise one that was behind
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.001, 0.02  # between looks at how far it is
TIMED_OUT = "57014"  # SQLSTATE: a statement took too long, as it would elsewhere
CONFLICTS = ("40001", "40P01")  # with what is replayed; the replica itself is well

# What is committed has been flushed, unless the server does not wait for that.
LOG_END = """
select (case when current_setting('synchronous_commit') = 'off'
    then pg_current_wal_insert_lsn() else pg_current_wal_flush_lsn() end)::text
"""
REPLAYED = """
select pg_is_in_recovery() as is_replica,
    coalesce(pg_last_wal_replay_lsn() >= cast(:log_end as pg_lsn), false) as is_there
"""
# A replica has the system identifier of its primary, and its databases' numbers.
IDENTITY = """
select system_identifier || '/' || oid from pg_control_system(), pg_database
where datname = current_database()
"""

Result = TypeVar("Result")
log = structlog.get_logger(__name__)


class _NotThere(Exception):
    """The replica is behind, or is none; the message says which."""

    def __init__(self, words: str, *, for_s: float) -> None:
        super().__init__(words)
        self.for_s = for_s


class Replica:
    """A replica, and whether it is to be asked now; shared by all threads."""

    def __init__(self, engine: Engine, primary: Engine, *, max_lag: timedelta) -> None:
        """Prepare to use it; connects at first use.

        Args:
            max_lag: how long a read waits for what the primary has.
        """
        self.engine = engine
        self._primary = primary
        self._max_lag_s = max_lag.total_seconds()
        self._lock = threading.Lock()
        self._left_until = 0.0
        self._is_left = False
        self._is_known = False  # to be a replica of the primary's
        self.reads = {"replica": 0, "primary": 0}

    def read(self, sessions: Sessions, work: Callable[[Session], Result]) -> Result:
        """Run what only reads, at one moment; on the primary if need be.

        Args:
            sessions: of the primary; whatever they see, `work` sees.
            work: may be run a second time, if the replica fails meanwhile.
        """
        if self._is_to_be_tried():
            log_end = self._log_end()
            try:
                with (
                    self._caught_up(log_end) as connection,
                    sessions(bind=connection) as session,
                ):
                    found = work(session)
            except _NotThere as exc:
                self._leave(str(exc), for_s=exc.for_s)
            except (DBAPIError, PoolTimeout) as exc:
                self._judge(exc)
            except TouchlineError:  # An answer like any other.
                self._note_success()
                raise
            else:
                self._note_success()
                return found
        self._count("primary")
        return read_at_one_moment(sessions, work)

    def close(self) -> None:
        """Close the connections."""
        self.engine.dispose()

    def _log_end(self) -> str:
        with _autocommit(self._primary) as connection:
            return str(connection.scalar(text(LOG_END)))

    @contextmanager
    def _caught_up(self, log_end: str) -> Iterator[Connection]:
        """Open a connection to the replica once it has replayed the log up to there.

        The statements after that see at least as much: their snapshot is taken later.
        """
        with _autocommit(self.engine) as connection:
            if not self._is_known:
                self._recognize(connection)
            self._wait(connection, log_end)
            connection.rollback()
            connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection

    def _wait(self, connection: Connection, log_end: str) -> None:
        deadline, pause_s = monotonic() + self._max_lag_s, FIRST_PAUSE_S
        while True:
            state = connection.execute(text(REPLAYED), {"log_end": log_end}).one()
            if not state.is_replica:
                self._is_known = False
                raise _NotThere("it is a primary itself", for_s=AWAY_S)
            if state.is_there:
                return
            if monotonic() + pause_s > deadline:
                words = f"it is more than {self._max_lag_s:g} s behind"
                raise _NotThere(words, for_s=LAGGING_S)
            sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    def _recognize(self, connection: Connection) -> None:
        """Make sure that the positions of both logs can be compared."""
        with _autocommit(self._primary) as other:
            if connection.scalar(text(IDENTITY)) != other.scalar(text(IDENTITY)):
                raise _NotThere("it is no replica of this database", for_s=AWAY_S)
        self._is_known = True

    def _is_to_be_tried(self) -> bool:
        with self._lock:
            if not self._is_left:
                return True
            if monotonic() < self._left_until:
                return False
            self._left_until = monotonic() + AWAY_S  # the others wait for this one
            return True

    def _judge(self, exc: DBAPIError | PoolTimeout) -> None:
        """Leave a replica that failed, unless the read would fail elsewhere as well."""
        cause = getattr(exc, "orig", None)
        state = getattr(cause, "sqlstate", None)
        if state == TIMED_OUT:
            raise exc
        if state in CONFLICTS:
            log.info("replica_conflict", error=str(cause))
            return
        self._is_known = False
        self._leave(" ".join(str(cause or exc).split()), for_s=AWAY_S)

    def _leave(self, reason: str, *, for_s: float) -> None:
        with self._lock:
            was_left, self._is_left = self._is_left, True
            self._left_until = monotonic() + for_s
        if not was_left:
            log.warning("replica_left", reason=reason)

    def _note_success(self) -> None:
        with self._lock:
            was_left, self._is_left = self._is_left, False
        self._count("replica")
        if was_left:
            log.info("replica_back")

    def _count(self, by: str) -> None:
        with self._lock:
            self.reads[by] += 1


def read_at_one_moment(sessions: Sessions, work: Callable[[Session], Result]) -> Result:
    """Run what only reads in a session all of whose statements see the same moment."""
    with sessions() as session:
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        return work(session)


@contextmanager
def _autocommit(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        yield connection
