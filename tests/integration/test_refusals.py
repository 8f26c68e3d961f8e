"""Workers that cannot run a job leave it to others, and are told why."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import delete

from app.core.db.base import new_id
from app.core.db.session import Sessions
from app.core.settings import Settings
from app.core.storage.interface import Storage
from app.health.queries import save_heartbeat
from app.health.tables import WorkerHeartbeat
from app.jobs import service
from app.jobs.attempts import Failure, Held
from app.jobs.claiming import claimable_jobs
from app.jobs.kinds import KINDS, JobKind
from app.jobs.needs import is_offered, needs_of, offers_of
from app.jobs.refusals import sweep_refused
from app.jobs.requests import request
from tests.integration.uploaded import Uploaded, upload

TOKEN = UUID(int=1)
OFFERS = offers_of(KINDS)
HERE, THERE = "here/1/10", "there/2/20"
LACKING = Failure("bad_checkpoint", "there is no checkpoint 'hall'", retryable=False)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Settings with which a heartbeat counts as long as the test takes."""
    slow = {"heartbeat": timedelta(minutes=1), "lease": timedelta(minutes=5)}
    return settings.model_copy(update=slow)


@pytest.fixture
def job(tmp_path: Path, sessions: Sessions, storage: Storage) -> Uploaded:
    (tmp_path / "video").write_bytes(b"bytes")
    return upload(tmp_path / "video", sessions=sessions, storage=storage)


def beat(
    sessions: Sessions, owner: str, *, offers: Sequence[str] | None = OFFERS
) -> None:
    """Let a GPU worker be heard of; without offers it is of an older release."""
    info = {} if offers is None else {"offers": list(offers), "version": "0.1.0"}
    name = f"gpu gpu@{owner.partition('/')[0]} {owner}"
    with sessions.begin() as session:
        session.execute(save_heartbeat(name=name, kind="gpu", info=info))


def claim(
    sessions: Sessions, job: Uploaded, settings: Settings, owner: str = HERE
) -> bool:
    with sessions.begin() as session:
        claimed = service.claim(
            session, job.job_id, token=TOKEN, owner=owner, settings=settings
        )
    return claimed is not None


def refuse(
    sessions: Sessions, job: Uploaded, settings: Settings, owner: str = HERE
) -> None:
    with sessions.begin() as session:
        held = Held(job.job_id, TOKEN)
        service.refuse(session, held, LACKING, owner=owner, settings=settings)


def sweep(sessions: Sessions, settings: Settings) -> int:
    with sessions.begin() as session:
        return sweep_refused(session, settings=settings)


def claimable(sessions: Sessions, owner: str) -> list[UUID]:
    statement = claimable_jobs(
        kinds=[JobKind.SPOT],
        max_attempts=3,
        max_interruptions=3,
        limit=10,
        owner=owner,
    )
    with sessions() as session:
        return list(session.scalars(statement))


def test_what_is_asked_for_stands_on_the_row(sessions: Sessions) -> None:
    with sessions.begin() as session:
        job = request(session, kind=JobKind.PROBE, video_id=None)
        assert job.needs == ["probe/1"]


@pytest.mark.parametrize("kind", JobKind)
def test_a_release_offers_what_it_asks_for(kind: JobKind) -> None:
    assert is_offered(needs_of(kind), offers_of([kind]))
    assert is_offered(needs_of(kind), OFFERS)


def test_a_release_that_told_nothing_knew_the_first_version_of_everything() -> None:
    assert is_offered(["spot/1"], None)
    assert not is_offered(["spot/2"], None)


@pytest.mark.parametrize(
    ("needs", "is_taken"),
    [([], True), (["spot/1"], True), (["spot/99"], False), (["spot/1", "x/1"], False)],
)
def test_a_worker_takes_what_it_offers_alone(
    sessions: Sessions,
    settings: Settings,
    job: Uploaded,
    needs: list[str],
    is_taken: bool,
) -> None:
    job.set(needs=needs)

    found = claimable(sessions, HERE)

    assert (found == [job.job_id]) == is_taken
    assert claim(sessions, job, settings) == is_taken


def test_a_refused_job_is_left_to_another_worker_and_says_why(
    sessions: Sessions, settings: Settings, job: Uploaded
) -> None:
    for owner in (HERE, THERE):
        beat(sessions, owner)
    claim(sessions, job, settings)
    refuse(sessions, job, settings)

    row = job.job()
    assert (row.status, row.attempt) == ("queued", 0)
    assert (row.error_code, row.error_detail) == (LACKING.code, LACKING.detail)
    assert claimable(sessions, HERE) == []
    assert not claim(sessions, job, settings)
    assert claimable(sessions, THERE) == [job.job_id]
    assert claim(sessions, job, settings, THERE)


def test_what_all_workers_refuse_fails_with_what_each_of_them_said(
    sessions: Sessions, settings: Settings, job: Uploaded
) -> None:
    for owner in (HERE, THERE):
        beat(sessions, owner)
    for owner in (HERE, THERE):
        claim(sessions, job, settings, owner)
        refuse(sessions, job, settings, owner)

    row = job.job()
    assert (row.status, row.error_code) == ("failed", LACKING.code)
    assert row.error_detail == (
        "No worker can run this job. here: there is no checkpoint 'hall'; "
        "there: there is no checkpoint 'hall'"
    )


def test_a_worker_that_died_is_waited_for_no_longer_than_its_heartbeat_counts(
    sessions: Sessions, settings: Settings, job: Uploaded
) -> None:
    for owner in (HERE, THERE):
        beat(sessions, owner)
    claim(sessions, job, settings)
    refuse(sessions, job, settings)
    before = sweep(sessions, settings), job.job().status
    with sessions.begin() as session:
        session.execute(
            delete(WorkerHeartbeat).where(WorkerHeartbeat.name.contains("there"))
        )
        beat(sessions, HERE)
    after = sweep(sessions, settings), job.job().status

    assert (before, after) == ((0, "queued"), (1, "failed"))


def test_where_no_worker_lives_a_refused_job_waits_for_one(
    sessions: Sessions, settings: Settings, job: Uploaded
) -> None:
    job.set(refusals={HERE: "it lacks it"}, error_code="bad_checkpoint")

    assert sweep(sessions, settings) == 0
    assert job.job().status == "queued"


@pytest.mark.parametrize("offers", [OFFERS, None], ids=["this", "older"])
def test_a_job_that_no_worker_can_do_says_so_until_one_comes_that_can(
    sessions: Sessions,
    settings: Settings,
    job: Uploaded,
    offers: Sequence[str] | None,
) -> None:
    job.set(needs=["spot/99"])
    sweep(sessions, settings)
    unheard = job.job().error_code
    beat(sessions, HERE, offers=offers)
    sweep(sessions, settings)
    told = job.job()
    beat(sessions, THERE, offers=["spot/99"])
    sweep(sessions, settings)
    met = job.job()

    assert unheard is None
    assert (told.status, told.error_code) == ("queued", "no_capable_worker")
    version = "0.1.0" if offers else "older"
    assert f"it needs spot/99, which these do not offer: gpu@here ({version})" in str(
        told.error_detail
    )
    assert (met.status, met.error_code, met.error_detail) == ("queued", None, None)


def test_a_job_that_failed_before_keeps_what_it_said(
    sessions: Sessions, settings: Settings, job: Uploaded
) -> None:
    job.set(needs=["spot/99"], error_code="decoder_stalled", error_detail="It stalled.")
    beat(sessions, HERE)
    sweep(sessions, settings)

    assert job.job().error_detail == "It stalled."


def test_a_job_of_a_kind_of_a_newer_release_is_left_to_it(
    sessions: Sessions, settings: Settings, job: Uploaded
) -> None:
    job.set(kind="highlights", needs=["highlights/1"], refusals={HERE: "no"})
    beat(sessions, HERE)

    assert sweep(sessions, settings) == 0
    assert (job.job().status, job.job().error_code) == ("queued", None)
    assert new_id() not in claimable(sessions, HERE)
