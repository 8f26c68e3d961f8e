"""What every process of the service stands on, made once by its entry and passed on."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from anyio import CapacityLimiter
from celery import Celery
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from app.core.broker.notifier import JobNotifier, make_celery
from app.core.db.locate import find_database_url
from app.core.db.replica import Replica, read_at_one_moment
from app.core.db.session import (
    REPLICA_CONNECT_TIMEOUT_S,
    REPLICA_TIMEOUT_S,
    Sessions,
    make_engine,
    make_sessions,
)
from app.core.settings import Settings
from app.core.shared_calls import SharedCalls
from app.core.storage.hash_states import HashStates
from app.core.storage.interface import Storage
from app.core.storage.opening import open_storage
from app.core.storage.part_uploads import PartUploads, open_part_uploads
from app.core.storage.presigning import Presigner, open_presigner

UPLOAD_THREADS = 16
RESOLVER_THREADS = 64  # that wait, and do nothing else
HASH_THREADS = 2

Result = TypeVar("Result")


class Stores(Protocol):
    """Where everything is kept: what reading takes, in an API process or a handler."""

    @property
    def settings(self) -> Settings: ...

    @property
    def sessions(self) -> Sessions: ...

    @property
    def storage(self) -> Storage: ...


@dataclass(frozen=True, slots=True)
class Resources:
    """Settings, database, storage and broker of one process.

    Attributes:
        upload_threads: for the rows of uploads. Theirs and those of lookups are not
            the routes', so that a slow disk or name server delays nobody else.
        lookups: of the hosts of callbacks; they give addresses.
        hash_threads: for reading whole files to compute their checksum.
        hash_states: of uploads that are under way.
        replica: of the database, for reads; None: there is none.
        presigner: signs addresses of files; None: the API sends their bytes itself.
        part_uploads: that clients send to the bucket; None: they send all to the API.
    """

    settings: Settings
    sessions: Sessions
    storage: Storage
    notifier: JobNotifier
    upload_threads: CapacityLimiter = field(
        default_factory=lambda: CapacityLimiter(UPLOAD_THREADS)
    )
    lookups: SharedCalls[Any] = field(
        default_factory=lambda: SharedCalls(RESOLVER_THREADS)
    )
    hash_threads: CapacityLimiter = field(
        default_factory=lambda: CapacityLimiter(HASH_THREADS)
    )
    hash_states: HashStates = field(default_factory=HashStates)
    replica: Replica | None = None
    presigner: Presigner | None = None
    part_uploads: PartUploads | None = None

    @property
    def engine(self) -> Engine:
        """The pool of connections that the sessions share."""
        engine = self.sessions.kw["bind"]
        if not isinstance(engine, Engine):
            raise TypeError(f"the sessions are bound to {engine!r}, not to an engine")
        return engine

    def read(self, work: Callable[[Session], Result]) -> Result:
        """Run what only reads, all of it at one moment and as of now.

        On the replica, if there is one and it has all that the database has; else on
        the database itself.

        Args:
            work: may be run a second time.
        """
        if self.replica is None:
            return read_at_one_moment(self.sessions, work)
        return self.replica.read(self.sessions, work)

    def close(self) -> None:
        """Close the connections to the database."""
        self.engine.dispose()
        if self.replica is not None:
            self.replica.close()


def open_resources(
    settings: Settings, *, pool_size: int, celery: Celery | None = None
) -> Resources:
    """Make them; connections open at first use.

    Args:
        pool_size: connections to the database kept open.
        celery: the app of a worker; else one that only sends.

    Raises:
        StartFailed: no database is configured and none runs in the data directory.
    """
    engine = make_engine(find_database_url(settings), pool_size=pool_size)
    return Resources(
        settings=settings,
        sessions=make_sessions(engine),
        storage=open_storage(settings),
        notifier=JobNotifier(make_celery(settings) if celery is None else celery),
        replica=_open_replica(settings, engine, pool_size=pool_size),
        presigner=open_presigner(settings),
        part_uploads=open_part_uploads(settings),
    )


def _open_replica(
    settings: Settings, primary: Engine, *, pool_size: int
) -> Replica | None:
    if settings.database_read_url is None:
        return None
    engine = make_engine(
        settings.database_read_url,
        pool_size=pool_size,
        connect_timeout_s=REPLICA_CONNECT_TIMEOUT_S,
        answer_within_s=REPLICA_TIMEOUT_S,
        setting="TOUCHLINE_DATABASE_READ_URL",
    )
    return Replica(engine, primary, max_lag=settings.database_read_lag)
