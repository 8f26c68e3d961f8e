"""Statements about jobs, built without a session."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Delete,
    Select,
    Update,
    and_,
    delete,
    exists,
    func,
    or_,
    select,
    update,
)

from app.jobs.kinds import JobKind
from app.jobs.owners import JobOwner
from app.jobs.tables import Job, JobStatus
from app.videos.tables import Video


def jobs_page(
    video_id: UUID,
    *,
    kinds: Collection[JobKind] = (JobKind.SPOT,),
    before: UUID | None,
    limit: int,
) -> Select[Job]:
    """A page of a video's jobs, the newest first; one row more than `limit`."""
    statement = select(Job).where(Job.video_id == video_id, Job.kind.in_(kinds))
    if before is not None:
        statement = statement.where(Job.id < before)
    return statement.order_by(Job.id.desc()).limit(limit + 1)


def held_job(job_id: UUID, token: UUID) -> Update:
    """Update a job only while the lease `token` holds it; add values and returning."""
    return (
        update(Job)
        .where(
            Job.id == job_id,
            Job.lease_token == token,
            Job.status == JobStatus.RUNNING,
        )
        .execution_options(synchronize_session=False)
    )


def lease_owners() -> Select[str | None]:
    """List the processes that hold a job."""
    return (
        select(Job.lease_owner)
        .where(Job.status == JobStatus.RUNNING, Job.lease_owner.is_not(None))
        .distinct()
    )


def abandoned_jobs(dead_owners: Collection[str]) -> ColumnElement[bool]:
    """Running jobs nobody works on: expired ones, and those of dead owners."""
    return and_(
        Job.status == JobStatus.RUNNING,
        or_(Job.lease_expires_at < func.now(), Job.lease_owner.in_(dead_owners)),
    )


def free_jobs_of_videos(wanted: ColumnElement[bool]) -> Select[Job, Video]:
    """Lock jobs with their videos; rows another transaction holds are left to it.

    The video is locked too because a message that is added refers to it, and a
    deletion locks the video before its jobs.
    """
    return (
        select(Job, Video)
        .join(Video, Video.id == Job.video_id)
        .where(wanted)
        .order_by(Job.id)
        .with_for_update(of=(Job, Video), key_share=True, skip_locked=True)
    )


def free_jobs_without_video(wanted: ColumnElement[bool]) -> Select[Job]:
    """Lock jobs of no video; rows another transaction holds are left to it."""
    return (
        select(Job)
        .where(wanted, Job.video_id.is_(None))
        .order_by(Job.id)
        .with_for_update(key_share=True, skip_locked=True)
    )


def is_work_waiting(kinds: Collection[JobKind], *, least_priority: int) -> Select[bool]:
    """Whether jobs of some kinds wait for a worker, or are being run by one.

    Args:
        least_priority: jobs of a lower one do not count.
    """
    is_run = and_(Job.status == JobStatus.RUNNING, Job.lease_expires_at > func.now())
    is_open = or_(Job.status == JobStatus.QUEUED, is_run)
    waiting = exists().where(
        Job.kind.in_(kinds),
        Job.priority >= least_priority,
        is_open,
        ~Job.cancel_requested,
    )
    return select(waiting)


def jobs_of_nothing(owner: JobOwner, *, limit: int) -> Select[UUID]:
    """List ended jobs of no video that their owner does not name any more."""
    return (
        select(Job.id)
        .where(
            Job.video_id.is_(None),  # which the index finds
            Job.kind == owner.kind,
            Job.status.in_([one for one in JobStatus if one.is_final]),
            ~exists().where(owner.job_id == Job.id),
        )
        .order_by(Job.id)
        .limit(limit)
    )


def delete_jobs(job_ids: Collection[UUID]) -> Delete:
    """Delete jobs, with what hangs on them."""
    return (
        delete(Job)
        .where(Job.id.in_(job_ids))
        .execution_options(synchronize_session=False)
    )
