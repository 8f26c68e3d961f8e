"""Statements about jobs, built without a session."""

from collections.abc import Collection
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    Update,
    and_,
    case,
    exists,
    func,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.orm import aliased

from app.jobs.tables import Job, JobStatus
from app.videos.tables import Video


def jobs_page(video_id: UUID, *, before: UUID | None, limit: int) -> Select[Job]:
    """A page of a video's jobs, the newest first; one row more than `limit`."""
    statement = select(Job).where(Job.video_id == video_id)
    if before is not None:
        statement = statement.where(Job.id < before)
    return statement.order_by(Job.id.desc()).limit(limit + 1)


def latest_job_of(video_id: UUID) -> Select[Job]:
    """A video's latest job."""
    return jobs_page(video_id, before=None, limit=0)


def claim_job(
    job_id: UUID,
    *,
    token: UUID,
    owner: str,
    lease: timedelta,
    max_attempts: int,
    max_interruptions: int,
) -> Update:
    """Take a job that waits or whose holder fell silent; no row: not claimable.

    A claim that ended with the death of its worker counts as an interruption, not as
    an attempt: `attempt - interruptions` runs have failed by themselves.
    """
    return (
        update(Job)
        .where(
            Job.id == job_id,
            _is_claimable(max_attempts, max_interruptions),
        )
        .values(
            status=JobStatus.RUNNING,
            stage=None,
            progress=0.0,
            eta_s=None,
            attempt=Job.attempt + 1,
            interruptions=_interruptions(),
            lease_token=token,
            lease_owner=owner,
            lease_expires_at=func.now() + lease,
            started_at=func.coalesce(Job.started_at, func.now()),
        )
        .execution_options(synchronize_session=False)
    )


def claimable_jobs(
    *, max_attempts: int, max_interruptions: int, limit: int
) -> Select[UUID]:
    """List the jobs that `claim_job` would take now, the oldest first."""
    return (
        select(Job.id)
        .where(
            Job.status.in_((JobStatus.QUEUED, JobStatus.RUNNING)),
            _is_claimable(max_attempts, max_interruptions),
        )
        .order_by(Job.created_at, Job.id)
        .limit(limit)
    )


def _is_claimable(max_attempts: int, max_interruptions: int) -> ColumnElement[bool]:
    return and_(
        ~Job.cancel_requested,
        or_(
            Job.status == JobStatus.QUEUED,
            and_(Job.status == JobStatus.RUNNING, Job.lease_expires_at < func.now()),
        ),
        Job.attempt - _interruptions() < max_attempts,
        _interruptions() < max_interruptions,
    )


def _interruptions() -> ColumnElement[int]:
    """Count the death of whoever still seems to run the job."""
    return Job.interruptions + case((Job.status == JobStatus.RUNNING, 1), else_=0)


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


def release_values(*, counts_as_attempt: bool) -> dict[str, Any]:
    """Give the values of a job that goes back into the queue.

    One whose cancel was asked for meanwhile ends instead: nobody would claim it.
    """
    values: dict[str, Any] = {
        "status": case(
            (Job.cancel_requested, JobStatus.CANCELED), else_=JobStatus.QUEUED
        ),
        "finished_at": case((Job.cancel_requested, func.now())),
        "stage": None,
        "progress": 0.0,
        "eta_s": None,
        "lease_token": None,
        "lease_owner": None,
        "lease_expires_at": None,
    }
    if not counts_as_attempt:
        values["attempt"] = func.greatest(Job.attempt - 1, 0)
    return values


def end_values(status: JobStatus) -> dict[str, Any]:
    """Give the values common to every job that ends."""
    return {
        "status": status,
        "eta_s": None,
        "lease_token": None,
        "lease_owner": None,
        "lease_expires_at": None,
        "finished_at": func.now(),
    }


def lease_owners() -> Select[str | None]:
    """List the processes that hold a job."""
    return (
        select(Job.lease_owner)
        .where(Job.status == JobStatus.RUNNING, Job.lease_owner.is_not(None))
        .distinct()
    )


def abandoned_jobs(*, dead_owners: Collection[str] = ()) -> Select[Job, Video]:
    """Lock running jobs nobody works on: expired ones, and those of dead owners."""
    return _free_jobs(
        Job.status == JobStatus.RUNNING,
        or_(Job.lease_expires_at < func.now(), Job.lease_owner.in_(dead_owners)),
    )


def unclaimable_jobs(
    *, max_attempts: int, max_interruptions: int
) -> Select[Job, Video]:
    """Lock waiting jobs that `claim_job` refuses: canceled ones, or tried too often."""
    return _free_jobs(
        Job.status == JobStatus.QUEUED,
        or_(
            Job.cancel_requested,
            Job.attempt - Job.interruptions >= max_attempts,
            Job.interruptions >= max_interruptions,
        ),
    )


def show_job(*, video_id: UUID, job_id: UUID) -> Update:
    """Show a job's timeline, unless that of a job asked for later is shown already."""
    shown, wanted = aliased(Job), aliased(Job)
    is_older = exists().where(
        shown.id == Video.current_job_id,
        wanted.id == job_id,
        tuple_(shown.created_at, shown.id) > tuple_(wanted.created_at, wanted.id),
    )
    return (
        update(Video)
        .where(Video.id == video_id, ~is_older)
        .values(current_job_id=job_id)
        .execution_options(synchronize_session=False)
    )


def named_scores(keys: Collection[str]) -> Select[str | None]:
    """List which of these score files a job names."""
    return select(Job.scores_key).where(Job.scores_key.in_(keys))


def _free_jobs(*wanted: ColumnElement[bool]) -> Select[Job, Video]:
    """Lock jobs with their videos; rows another transaction holds are left to it.

    The video is locked too because a message that is added refers to it, and a
    deletion locks the video before its jobs.
    """
    return (
        select(Job, Video)
        .join(Video, Video.id == Job.video_id)
        .where(*wanted)
        .order_by(Job.id)
        .with_for_update(of=(Job, Video), key_share=True, skip_locked=True)
    )


def queued_jobs(*, limit: int) -> Select[UUID]:
    """List the jobs that wait for a worker, the oldest first."""
    return (
        select(Job.id)
        .where(Job.status == JobStatus.QUEUED)
        .order_by(Job.created_at, Job.id)
        .limit(limit)
    )
