"""How many workers are wanted, as KEDA asks the database: on a real Postgres."""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import func

from app.core.db.session import Sessions
from app.core.settings import Settings
from app.jobs import service
from app.jobs.kinds import KINDS, JobKind
from app.jobs.requests import request
from app.jobs.tables import Job
from tests.helm_chart import render, wanted_workers

AGE_S = 60
VALUES: Mapping[str, Any] = {
    "redis": {"url": "redis://redis/0"},
    "storage": {"url": "s3://videos"},
    "workers": {
        "gpu": {"keda": {"queueAge": AGE_S}},
        "background": {"keda": {"enabled": True, "queueAge": AGE_S}},
        "live": {"enabled": True, "keda": {"enabled": True, "queueAge": AGE_S}},
        "train": {"enabled": True, "keda": {"queueAge": AGE_S}},
    },
}


@pytest.fixture(scope="module")
def queries() -> dict[str, str]:
    manifests = render(VALUES)
    kinds = ("gpu", "media", "background", "live", "train")
    return {kind: wanted_workers(manifests, f"touchline-{kind}") for kind in kinds}


def wanted(url: str, query: str) -> float:
    """Ask as the scaler does: one row, one column, a number."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(query.encode()).fetchall()
    ((number,),) = rows
    return float(number)


def add(
    sessions: Sessions,
    *,
    age_s: float,
    kind: JobKind = JobKind.SPOT,
    values: Mapping[str, object] = MappingProxyType({}),
) -> UUID:
    with sessions.begin() as session:
        job = request(session, kind=kind, video_id=None)
        session.flush()
        job.created_at = func.now() - timedelta(seconds=age_s)
        for name, value in values.items():
            setattr(job, name, value)
        return job.id


def claim(sessions: Sessions, job_id: UUID, settings: Settings) -> None:
    lasting = settings.model_copy(update={"lease": timedelta(minutes=5)})
    with sessions.begin() as session:
        assert service.claim(
            session, job_id, token=UUID(int=1), owner="gpu@here", settings=lasting
        )


def test_nothing_that_waits_wants_no_worker(
    database_url: str, queries: dict[str, str]
) -> None:
    assert {wanted(database_url, query) for query in queries.values()} == {0.0}


@pytest.mark.parametrize(
    ("ages_s", "number"),
    [
        ([0], 1),  # from zero at once
        ([-30], 1),  # asked for by an API whose clock is ahead
        ([59], 1),
        ([61, 0, 0], 2),  # the oldest has waited for longer than it should
        ([600, 0, 0], 3),  # never more than there are jobs
        ([150, 140, 130, 0, 0, 0], 3),
    ],
)
def test_workers_come_with_the_age_of_the_oldest_waiting_job(
    database_url: str,
    sessions: Sessions,
    queries: dict[str, str],
    ages_s: list[float],
    number: int,
) -> None:
    for age_s in ages_s:
        add(sessions, age_s=age_s)

    assert wanted(database_url, queries["gpu"]) == number
    assert wanted(database_url, queries["media"]) == 0


def test_a_claimed_job_keeps_its_worker_and_wants_no_other(
    database_url: str, sessions: Sessions, settings: Settings, queries: dict[str, str]
) -> None:
    jobs = [add(sessions, age_s=1000) for _ in range(2)]
    before = wanted(database_url, queries["gpu"])
    claim(sessions, jobs[0], settings)
    half = wanted(database_url, queries["gpu"])
    claim(sessions, jobs[1], settings)
    add(sessions, age_s=0)

    assert (before, half) == (2, 2)
    assert wanted(database_url, queries["gpu"]) == 3


def test_a_job_whose_worker_died_waits_again(
    database_url: str, sessions: Sessions, settings: Settings, queries: dict[str, str]
) -> None:
    job_id = add(sessions, age_s=0)
    claim(sessions, job_id, settings)
    with sessions.begin() as session:
        past = func.now() - timedelta(seconds=1)
        session.get_one(Job, job_id).lease_expires_at = past

    assert wanted(database_url, queries["gpu"]) == 1


@pytest.mark.parametrize(
    "values",
    [
        {"status": "succeeded"},
        {"status": "failed"},
        {"cancel_requested": True},
        {"needs": ["spot/99"]},  # which no worker of this release can do
        {"kind": "highlights"},
    ],
    ids=str,
)
def test_what_no_worker_of_this_release_is_to_run_starts_none(
    database_url: str,
    sessions: Sessions,
    queries: dict[str, str],
    values: dict[str, object],
) -> None:
    add(sessions, age_s=1000, values=values)

    assert {wanted(database_url, query) for query in queries.values()} == {0.0}


def test_a_job_that_waits_for_its_segments_wants_no_worker_of_its_own(
    database_url: str, sessions: Sessions, settings: Settings, queries: dict[str, str]
) -> None:
    waits = {"stage": "spot"}
    job_id = add(sessions, age_s=1000, values=waits)
    parts = [
        add(
            sessions,
            age_s=1000,
            kind=JobKind.SPOT_SEGMENT,
            values={"parent_id": job_id},
        )
        for _ in range(2)
    ]
    numbers = [wanted(database_url, queries["gpu"])]
    for part in parts:
        claim(sessions, part, settings)
        numbers.append(wanted(database_url, queries["gpu"]))
    with sessions.begin() as session:
        for part in parts:
            session.get_one(Job, part).status = "succeeded"
    numbers.append(wanted(database_url, queries["gpu"]))

    assert numbers == [2, 2, 2, 1]  # At last it is to be joined.


@pytest.mark.parametrize("kind", JobKind)
def test_each_kind_of_job_wants_a_worker_of_its_queue(
    database_url: str, sessions: Sessions, queries: dict[str, str], kind: JobKind
) -> None:
    add(sessions, age_s=1, kind=kind)

    found = {queue: wanted(database_url, query) for queue, query in queries.items()}

    assert {queue for queue, number in found.items() if number} == {KINDS[kind].queue}
