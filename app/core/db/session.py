"""Engine and sessions: sync SQLAlchemy over psycopg 3, no session opened here.

Nothing waits for the database without a limit: the server ends long statements, TCP
notices a peer that is gone, and the client gives up on one that is silent.
"""

from collections.abc import Generator
from time import monotonic
from typing import Any, TypeVar

import psycopg
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import Session, sessionmaker

from app.core.db.poolers import (
    are_set,
    refuses_options,
    set_for_transaction,
    startup_options,
)
from app.core.errors import StartFailed

DRIVER = "postgresql+psycopg"
CONNECT_TIMEOUT_S = 5
REPLICA_CONNECT_TIMEOUT_S = 2  # the primary is there as well
REPLICA_TIMEOUT_S = 5.0
STATEMENT_TIMEOUT_S = 60  # no statement of ours is that long; a hung one must end
# A server that lives ends every statement before that; a silent one is given up.
ANSWER_WITHIN_S = STATEMENT_TIMEOUT_S + 10.0
# Found dead after 10 s without a word and three probes, or when what was sent has not
# been acknowledged for 20 s. Unix sockets ignore these.
KEEPALIVE: dict[str, int] = {
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,  # milliseconds; Linux only
}

# What every transaction runs with.
SERVER_SETTINGS = {
    "timezone": "UTC",
    "statement_timeout": f"{STATEMENT_TIMEOUT_S}s",
}

Sessions = sessionmaker[Session]
Result = TypeVar("Result")


class BoundedConnection(psycopg.Connection[Any]):
    """A connection that is closed when the server says nothing for too long.

    TCP notices a machine that is gone. It does not notice a server or a proxy that is
    stopped: the kernel goes on to acknowledge what nobody reads.
    """

    answer_within_s = ANSWER_WITHIN_S
    is_pooled = False  # what one transaction sets, the next may not find

    def wait(self, gen: Any, *args: Any, **kwargs: Any) -> Any:
        """Wait for the server as psycopg does, but not for ever.

        Raises:
            psycopg.OperationalError: no answer came in time; the connection is closed.
        """
        return super().wait(self._bounded(gen), *args, **kwargs)

    def _bounded(
        self, steps: Generator[Any, Any, Result]
    ) -> Generator[Any, Any, Result]:
        """Pass on what psycopg waits for, and look at the clock in between."""
        deadline = monotonic() + self.answer_within_s
        ready: Any = None  # what starts a generator
        while True:
            try:
                wanted = steps.send(ready)
            except StopIteration as done:
                result: Result = done.value
                return result
            ready = yield wanted
            if not ready and monotonic() > deadline:
                self.pgconn.finish()
                raise psycopg.OperationalError(
                    f"the database did not answer for {self.answer_within_s:g} s"
                )


def make_engine(
    url: str | URL,
    *,
    pool_size: int = 5,
    connect_timeout_s: int = CONNECT_TIMEOUT_S,
    answer_within_s: float = ANSWER_WITHIN_S,
    setting: str = "TOUCHLINE_DATABASE_URL",
) -> Engine:
    """Make an engine; connects at first use.

    Args:
        url: `postgres://`, `postgresql://` or `postgresql+psycopg://`.
        pool_size: connections kept open; the API takes as many as it has threads.
        connect_timeout_s: how long a connection may take; 2 is the least.
        answer_within_s: how long a statement may wait for a silent server.
        setting: that names the URL, for messages.

    Raises:
        StartFailed: the URL is malformed or names another kind of database.
    """
    engine = create_engine(
        database_url(url, setting=setting),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": connect_timeout_s,
            "application_name": "touchline",
            **KEEPALIVE,
        },
    )

    def connect(
        _dialect: Any, _record: Any, args: list[Any], options: dict[str, Any]
    ) -> BoundedConnection:
        connection = _connect(*args, **options)
        connection.answer_within_s = answer_within_s
        return connection

    event.listen(engine, "do_connect", connect)
    event.listen(engine, "begin", _begin)
    return engine


def _connect(*args: Any, **options: Any) -> BoundedConnection:
    """Connect to a server or, unknown to us before, to a pooler in front of it."""
    wanted = startup_options(SERVER_SETTINGS)
    try:
        connection = BoundedConnection.connect(*args, options=wanted, **options)
    except psycopg.OperationalError as exc:
        if not refuses_options(exc):
            raise
        connection = BoundedConnection.connect(*args, **options)
        connection.is_pooled = True
    else:
        try:
            connection.is_pooled = not are_set(connection, SERVER_SETTINGS)
        except BaseException:
            connection.close()
            raise
    if connection.is_pooled:
        connection.prepare_threshold = None
    return connection


def _begin(connection: Connection) -> None:
    its = connection.connection.driver_connection
    if isinstance(its, BoundedConnection) and its.is_pooled:
        set_for_transaction(connection, SERVER_SETTINGS)


def make_sessions(engine: Engine) -> Sessions:
    """Make a session factory; rows stay readable after their commit."""
    return sessionmaker(engine, expire_on_commit=False)


def database_url(url: str | URL, *, setting: str = "TOUCHLINE_DATABASE_URL") -> URL:
    """Read a URL as people write it and name our driver in it.

    Raises:
        StartFailed: the URL is malformed or names another kind of database.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as exc:
        raise StartFailed(
            f"{setting} is not a URL: write postgresql://user:password@host:5432/name"
        ) from exc
    if parsed.drivername not in ("postgres", "postgresql", DRIVER):
        raise StartFailed(
            f"{setting} names {parsed.drivername}: "
            "Touchline keeps its rows in Postgres (postgresql://...)"
        )
    return parsed.set(drivername=DRIVER)
