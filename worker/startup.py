"""What a worker process stands on: database, storage, notifier."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from celery import Celery
from sqlalchemy.orm import Session, sessionmaker

from app.core.broker.notifier import JobNotifier
from app.core.db.session import make_engine, make_sessions
from app.core.errors import StartFailed
from app.core.settings import Settings
from app.core.storage.interface import Storage
from app.core.storage.local import open_storage
from app.supervisor.embedded_postgres import running_url


@dataclass(frozen=True, slots=True)
class Resources:
    """The shared parts a worker's tasks need."""

    settings: Settings
    sessions: sessionmaker[Session]
    storage: Storage
    notifier: JobNotifier


def connect(settings: Settings, celery: Celery, *, pool_size: int) -> Resources:
    """Make the parts; connections open at first use.

    Raises:
        StartFailed: no database is configured and none runs in the data directory.
    """
    url = settings.database_url or running_url(settings.data_dir)
    if url is None:
        raise StartFailed(
            f"no database: set TOUCHLINE_DATABASE_URL, or run `touchline serve` "
            f"on {settings.data_dir}"
        )
    return Resources(
        settings=settings,
        sessions=make_sessions(make_engine(url, pool_size=pool_size)),
        storage=open_storage(settings.data_dir),
        notifier=JobNotifier(celery),
    )


@contextmanager
def stop_if_unfit() -> Iterator[None]:
    """End the process in one clear line when a start fails.

    Of what the receiver of a signal raises, Celery lets only an exit through; anything
    else it logs, and goes on.
    """
    try:
        yield
    except StartFailed as exc:
        raise SystemExit(f"error: {exc}") from exc
