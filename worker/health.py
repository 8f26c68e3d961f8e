"""Whether this machine's worker lives, for container health checks.

    python -m worker.health gpu       exit code 0: yes; 1: no, with the reason

Reads the heartbeats in the database, so it costs the worker nothing and also sees one
that is busy or hangs. Whether it can run jobs is for `/readyz` to say.
"""

import socket
import sys
from collections.abc import Sequence
from datetime import timedelta

from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError

from app.core.db.locate import find_database_url
from app.core.db.session import Sessions, make_engine, make_sessions
from app.core.errors import StartFailed
from app.core.settings import Settings
from app.core.workers import WORKERS
from app.health.queries import living_workers

MISSED_HEARTBEATS = 3  # a worker that missed so many is not there


def main(arguments: Sequence[str]) -> int:
    """Check the worker of the kind that is named; returns the exit code."""
    if len(arguments) != 1 or arguments[0] not in WORKERS:
        return _unhealthy(f"usage: python -m worker.health {'|'.join(WORKERS)}")
    try:
        settings = Settings()
        engine = make_engine(find_database_url(settings), pool_size=1)
        sessions = make_sessions(engine)
        within = settings.heartbeat * MISSED_HEARTBEATS
        problem = find_problem(arguments[0], sessions=sessions, within=within)
    except (SQLAlchemyError, StartFailed, ValidationError) as exc:
        return _unhealthy(str(exc))
    return 0 if problem is None else _unhealthy(problem)


def find_problem(kind: str, *, sessions: Sessions, within: timedelta) -> str | None:
    """Say why no worker of a kind is healthy on this machine; None if one is.

    Args:
        within: a heartbeat older than this does not count.
    """
    machine = socket.gethostname()
    with sessions() as session:
        names = [
            worker.name
            for worker in session.scalars(living_workers(kind, within=within))
        ]
    if any(machine in name for name in names):
        return None
    return (
        f"no heartbeat of a {kind} worker on {machine} for {within.total_seconds():g} s"
    )


def _unhealthy(reason: str) -> int:
    sys.stderr.write(f"unhealthy: {reason}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
