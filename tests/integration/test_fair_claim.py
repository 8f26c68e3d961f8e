"""Projects take turns at the workers; what is asked for by people comes first."""

from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from app.core.db.base import utc_now
from app.core.db.session import Sessions
from app.core.principal import DEFAULT_PROJECT_ID
from app.core.settings import Settings
from app.jobs import service
from app.jobs.attempts import Claim
from app.jobs.claiming import claimable_jobs
from app.jobs.kinds import JobKind
from app.jobs.tables import Job, JobStatus
from app.projects.tables import Project

BIG, SMALL = DEFAULT_PROJECT_ID, UUID(int=2)
KINDS = (JobKind.SPOT, JobKind.COMPARE)  # those of one queue
MANY = 10_000
LOW = -5


@pytest.fixture(autouse=True)
def _two_projects(sessions: Sessions) -> None:
    with sessions.begin() as session:
        session.add(Project(id=SMALL, name="small", created_at=utc_now()))


def test_ten_thousand_jobs_of_one_project_do_not_hold_up_three_of_another(
    sessions: Sessions, settings: Settings
) -> None:
    add_jobs(sessions, BIG, MANY, priority=LOW)
    add_jobs(sessions, SMALL, 3, priority=LOW)

    begun = [run_next(sessions, settings) for _ in range(8)]

    assert begun == [BIG, SMALL, BIG, SMALL, BIG, SMALL, BIG, BIG]


def test_workers_that_are_busy_are_shared_as_well(
    sessions: Sessions, settings: Settings
) -> None:
    add_jobs(sessions, BIG, MANY, priority=LOW)
    first = [claim_next(sessions, settings) for _ in range(4)]
    add_jobs(sessions, SMALL, 3, priority=LOW)

    then = [project_of(sessions, claim_next(sessions, settings)) for _ in range(4)]

    assert {project_of(sessions, one) for one in first} == {BIG}
    assert then == [SMALL, SMALL, SMALL, BIG]


def test_what_a_person_asked_for_comes_before_every_batch(
    sessions: Sessions, settings: Settings
) -> None:
    add_jobs(sessions, SMALL, 3, priority=LOW)
    add_jobs(sessions, BIG, 2, priority=0)
    add_jobs(sessions, SMALL, 1, priority=10)

    begun = [run_next(sessions, settings) for _ in range(4)]

    assert begun == [SMALL, BIG, BIG, SMALL]


def test_within_a_project_the_oldest_comes_first(sessions: Sessions) -> None:
    add_jobs(sessions, BIG, 20, priority=LOW)

    with sessions() as session:
        found = candidates(session, limit=20)
        oldest = session.scalars(select(Job.id).order_by(Job.created_at, Job.id)).all()

    assert found == oldest


def test_what_is_listed_is_what_can_be_claimed(
    sessions: Sessions, settings: Settings
) -> None:
    add_jobs(sessions, BIG, 4, priority=LOW)
    held = claim_next(sessions, settings)
    spent, canceled = _two_others(sessions, but=held.held.job_id)
    with sessions.begin() as session:
        change(session, spent, attempt=settings.max_attempts)
        change(session, canceled, cancel_requested=True)

    with sessions() as session:
        found = candidates(session, limit=10)

    assert len(found) == 1
    assert not {held.held.job_id, spent, canceled} & set(found)


def add_jobs(sessions: Sessions, project: UUID, count: int, *, priority: int) -> None:
    """Queue jobs of a project, each a little later than the one before."""
    with sessions.begin() as session:
        session.execute(
            text(
                "insert into jobs (id, kind, project_id, priority, status, progress,"
                " attempt, cancel_requested, created_at)"
                " select gen_random_uuid(), 'spot', :project, :priority, 'queued', 0,"
                " 0, false, now() + n * interval '1 ms'"
                " from generate_series(1, :count) n"
            ),
            {"project": project, "priority": priority, "count": count},
        )


def candidates(session: Session, *, limit: int) -> list[UUID]:
    statement = claimable_jobs(
        kinds=KINDS, max_attempts=3, max_interruptions=10, limit=limit
    )
    return list(session.scalars(statement))


def claim_next(sessions: Sessions, settings: Settings) -> Claim:
    """Do as a worker's loop does: look, then claim the first that can be had."""
    with sessions.begin() as session:
        (job_id,) = candidates(session, limit=1)
        claimed = service.claim(
            session, job_id, token=uuid4(), owner="gpu@test", settings=settings
        )
    assert claimed is not None
    return claimed


def run_next(sessions: Sessions, settings: Settings) -> UUID:
    """Run a job to its end; tells whose it was."""
    claimed = claim_next(sessions, settings)
    with sessions.begin() as session:
        service.succeed(session, claimed.held, settings=settings, result={})
    return project_of(sessions, claimed)


def project_of(sessions: Sessions, claimed: Claim) -> UUID:
    with sessions() as session:
        return session.get_one(Job, claimed.held.job_id).project_id


def change(session: Session, job_id: UUID, **values: object) -> None:
    session.execute(update(Job).where(Job.id == job_id).values(**values))


def _two_others(sessions: Sessions, *, but: UUID) -> tuple[UUID, UUID]:
    with sessions() as session:
        query = select(Job.id).where(Job.id != but, Job.status == JobStatus.QUEUED)
        first, second, *_ = session.scalars(query.order_by(func.random()))
    return first, second
