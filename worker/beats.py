"""The sign of life of a worker process, written to the database also when busy."""

import os
import threading
from collections.abc import Callable, Mapping
from datetime import timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from app.core.db.job_queries import save_beat

WATCH_EVERY_S = 1.0

log = structlog.get_logger(__name__)


def beat_name(node: str, *, kind: str) -> str:
    """Name this process; several on one host may share Celery's default node name."""
    return f"{kind} {node} {os.getpid()}"


def start_beating(
    *,
    node: str,
    kind: str,
    info: Callable[[], Mapping[str, object]],
    sessions: sessionmaker[Session],
    leaving: threading.Event,
    every: timedelta,
) -> threading.Thread:
    """Beat at once and then every few seconds, in a thread, until `leaving` is set."""

    def go_on() -> None:
        while True:
            beat(node, kind=kind, info=info(), sessions=sessions)
            if leaving.wait(every.total_seconds()):
                return

    thread = threading.Thread(target=go_on, name="beats", daemon=True)
    thread.start()
    return thread


def beat(
    node: str,
    *,
    kind: str,
    info: Mapping[str, object],
    sessions: sessionmaker[Session],
) -> None:
    """Beat once; a database that is away is told to the log."""
    name = beat_name(node, kind=kind)
    try:
        with sessions.begin() as session:
            session.execute(save_beat(name=name, kind=kind, info=info))
    except SQLAlchemyError as exc:
        log.warning("beat_not_written", error=str(exc))


def end_with_parent(*, every_s: float = WATCH_EVERY_S) -> threading.Thread:
    """End this process at once when its parent dies, however that dies.

    For children that hold a GPU or a lease: the parent's death is noticed by the
    process id of the parent, which works on Linux and macOS alike.
    """
    parent = os.getppid()

    def watch() -> None:
        never = threading.Event()
        while os.getppid() == parent:
            never.wait(every_s)
        os._exit(1)

    thread = threading.Thread(target=watch, name="parent-watch", daemon=True)
    thread.start()
    return thread
