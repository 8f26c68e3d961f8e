"""Whether this machine's worker lives, for container health checks.

    python -m worker.health gpu            exit code 0: yes; 1: no, with the reason
    python -m worker.health gpu liveness   0, too, where the database does not answer
    python -m worker.health gpu readiness  1, too, where it cannot run jobs (yet)

Reads the heartbeats in the database, so it costs the worker nothing and also sees one
that is busy or hangs. A worker that is started anew brings no database back: what
restarts it asks for its liveness.
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
from worker.heartbeat import host_of

LIVENESS, READINESS = "liveness", "readiness"
MODES = ("", LIVENESS, READINESS)
MISSED_HEARTBEATS = 3  # a worker that missed so many is not there


def main(arguments: Sequence[str]) -> int:
    """Check the worker of the kind that is named; returns the exit code."""
    kind, mode = (*arguments, "", "")[:2]
    if len(arguments) not in (1, 2) or kind not in WORKERS or mode not in MODES:
        usage = f"{'|'.join(WORKERS)} [{LIVENESS}|{READINESS}]"
        return _unhealthy(f"usage: python -m worker.health {usage}")
    try:
        settings = Settings()
        engine = make_engine(find_database_url(settings), pool_size=1)
        sessions = make_sessions(engine)
        within = settings.heartbeat * MISSED_HEARTBEATS
        problem = find_problem(
            kind, sessions=sessions, within=within, must_be_ready=mode == READINESS
        )
    except (SQLAlchemyError, StartFailed, ValidationError) as exc:
        if mode == LIVENESS and isinstance(exc, SQLAlchemyError):
            return 0
        return _unhealthy(str(exc))
    return 0 if problem is None else _unhealthy(problem)


def find_problem(
    kind: str, *, sessions: Sessions, within: timedelta, must_be_ready: bool = False
) -> str | None:
    """Say why no worker of a kind is healthy on this machine; None if one is.

    Args:
        within: a heartbeat older than this does not count.
        must_be_ready: whether a problem that the worker tells of counts, too, such as
            a checkpoint that it still loads.
    """
    machine = socket.gethostname()
    with sessions() as session:
        found = [
            worker
            for worker in session.scalars(living_workers(kind, within=within))
            if host_of(worker.name) == machine
        ]
    problems = [one.info.get("problem") if must_be_ready else None for one in found]
    if found:
        return str(problems[0]) if all(problems) else None
    return (
        f"no heartbeat of a {kind} worker on {machine} for {within.total_seconds():g} s"
    )


def _unhealthy(reason: str) -> int:
    sys.stderr.write(f"unhealthy: {reason}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
