"""A thousand jobs that wait: asked for over HTTP, claimed as a worker does."""

import time
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import httpx

from app.core.db.locate import running_url
from app.core.db.session import make_engine, make_sessions
from app.core.settings import Settings
from app.jobs import service
from app.jobs.claiming import claimable_jobs
from app.jobs.kinds import JobKind
from benchmarks.load_clients import Answers
from benchmarks.load_service import Service

AT_ONCE = 8
CANDIDATES = 10
PATIENCE_S = 120.0


def ask_for_jobs(service: Service, video: str, count: int) -> tuple[Answers, list[str]]:
    """Ask for analyses of a video; their times and ids."""
    found = Answers()
    with (
        httpx.Client(
            base_url=service.url, timeout=PATIENCE_S, trust_env=False
        ) as client,
        ThreadPoolExecutor(AT_ONCE) as threads,
    ):

        def ask(_: int) -> str:
            started = time.perf_counter()
            answer = client.post(f"/videos/{video}/jobs")
            found.seconds.append(time.perf_counter() - started)
            found.errors += answer.status_code != 202
            return str(answer.json().get("id", ""))

        return found, list(threads.map(ask, range(count)))


def time_claims(running: Service, rounds: int) -> Answers:
    """Claim the next job as a worker does, and take it back each time."""
    url = running_url(running.data_dir)
    if url is None:
        raise SystemExit("the service's database is gone")
    engine, found, settings = make_engine(url), Answers(), Settings()
    sessions = make_sessions(engine)
    statement = claimable_jobs(
        kinds=[JobKind.SPOT],
        max_attempts=settings.max_attempts,
        max_interruptions=settings.max_interruptions,
        limit=CANDIDATES,
    )
    for _ in range(rounds):
        with sessions() as session:
            session.connection()  # Connecting is no part of a claim.
            started = time.perf_counter()
            first: UUID = session.scalars(statement).all()[0]
            claim = service.claim(
                session, first, token=uuid4(), owner="benchmark", settings=settings
            )
            found.seconds.append(time.perf_counter() - started)
            found.errors += claim is None
            session.rollback()
    engine.dispose()
    return found
