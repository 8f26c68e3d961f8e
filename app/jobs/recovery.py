"""What becomes of jobs whose workers died."""

from collections.abc import Iterator

import structlog
from sqlalchemy import ColumnElement, and_
from sqlalchemy.orm import Session

from app.core.process_identity import ProcessIdentity
from app.core.settings import Settings
from app.jobs.attempts import Failure, Requeued, Settled
from app.jobs.claiming import unclaimable_jobs
from app.jobs.kinds import KINDS, JobKind
from app.jobs.queries import (
    abandoned_jobs,
    free_jobs_of_videos,
    free_jobs_without_video,
    lease_owners,
)
from app.jobs.settling import (
    end_canceled,
    end_failed,
    reason_of_death,
    refuse_final,
    requeue,
)
from app.jobs.tables import Job, JobStatus
from app.videos.tables import Video

log = structlog.get_logger(__name__)


def requeue_orphaned(session: Session, *, settings: Settings) -> Requeued:
    """Put jobs whose worker died back into the queue; give up those tried too often.

    Dead is a worker whose lease ran out, and at once one that was a process of this
    very machine and is gone. Waiting jobs that nobody may claim are ended likewise.
    """
    back = Requeued()
    for job, video in free_jobs(session, abandoned_jobs(_dead_owners(session))):
        if job.cancel_requested:
            end_canceled(session, job, video, settings=settings)
            continue
        job.interruptions += 1
        if job.deaths < settings.max_interruptions:
            requeue(job)
            back.requeued.append((job.id, JobKind(job.kind)))
        else:
            mark_dead(session, job, video, settings=settings)
            back.marked_dead.append(job.id)
    unclaimable = unclaimable_jobs(
        max_attempts=settings.max_attempts,
        max_interruptions=settings.max_interruptions,
    )
    for job, video in free_jobs(session, unclaimable):
        if job.cancel_requested:
            end_canceled(session, job, video, settings=settings)
        else:
            mark_dead(session, job, video, settings=settings)
            back.marked_dead.append(job.id)
    return back


def mark_dead(
    session: Session, job: Job, video: Video | None, *, settings: Settings
) -> Settled:
    """Fail a locked job whose runs died or failed too often.

    Raises:
        JobIsFinished: it has ended already.
    """
    refuse_final(job)
    reason = reason_of_death(job, settings=settings)
    log.warning(
        "job_marked_dead",
        job=str(job.id),
        video=None if job.video_id is None else str(job.video_id),
        code=reason.code,
        attempts=job.attempt,
        interruptions=job.interruptions,
    )
    failure = Failure(reason.code, str(reason), reason.retryable)
    return end_failed(session, job, video, failure, settings=settings)


def free_jobs(
    session: Session, *conditions: ColumnElement[bool]
) -> Iterator[tuple[Job, Video | None]]:
    """Lock jobs of the kinds we know, each with its video if it has one.

    All at once; those that end with one of the others are left out then.
    """
    wanted = and_(*conditions, Job.kind.in_(tuple(KINDS)))
    found: list[tuple[Job, Video | None]] = []
    for job, video in session.execute(free_jobs_of_videos(wanted)):
        found.append((job, video))
    for job in session.scalars(free_jobs_without_video(wanted)):
        found.append((job, None))
    for job, its_video in found:
        if not JobStatus(job.status).is_final:
            yield job, its_video


def _dead_owners(session: Session) -> list[str]:
    """List those who hold jobs and were processes of this machine that are gone."""
    owners = [owner for owner in session.scalars(lease_owners()) if owner is not None]
    named = ((owner, ProcessIdentity.parse(owner)) for owner in owners)
    return [
        owner for owner, process in named if process is not None and process.is_dead
    ]
