"""The sign of life of a worker process, written to the database also when busy."""

import os
import threading
from collections.abc import Callable, Mapping
from datetime import timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from app.core.process_identity import ProcessIdentity
from app.health.queries import save_heartbeat
from worker.loops import start_loop

WATCH_EVERY_S = 1.0

log = structlog.get_logger(__name__)


def heartbeat_name(
    node: str, *, kind: str, process: ProcessIdentity | None = None
) -> str:
    """Name a process, this one by default, so that no two share a row.

    Several may run under the same node name, on one machine or on several.
    """
    return f"{kind} {node} {process or ProcessIdentity.current()}"


def host_of(name: str) -> str | None:
    """Tell the host name of the machine on which a named process runs."""
    process = ProcessIdentity.parse(name.rpartition(" ")[2])
    return None if process is None else process.host


def start_heartbeat(
    *,
    node: str,
    kind: str,
    info: Callable[[], Mapping[str, object]],
    sessions: sessionmaker[Session],
    leaving: threading.Event,
    every: timedelta,
) -> threading.Thread:
    """Write a heartbeat at once and every few seconds, in a thread, until `leaving`."""
    return start_loop(
        "heartbeat",
        lambda: send_heartbeat(node, kind=kind, info=info(), sessions=sessions),
        every_s=every.total_seconds(),
        leaving=leaving,
    )


def send_heartbeat(
    node: str,
    *,
    kind: str,
    info: Mapping[str, object],
    sessions: sessionmaker[Session],
) -> None:
    """Write one heartbeat; a database that is away is told to the log."""
    name = heartbeat_name(node, kind=kind)
    try:
        with sessions.begin() as session:
            session.execute(save_heartbeat(name=name, kind=kind, info=info))
    except SQLAlchemyError as exc:
        log.warning("heartbeat_not_written", error=str(exc))


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
