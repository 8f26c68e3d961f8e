"""Statements of the workers: claim, lease, end and requeue jobs; beats of workers.

No session is opened here. Leases are compared with the database's clock alone, so that
the clocks of worker machines may differ.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Delete,
    Select,
    Update,
    and_,
    case,
    delete,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.dialects.postgresql.dml import Insert

from app.core.db.models import (
    Job,
    JobStatus,
    Video,
    WorkerBeat,
)


def claim_job(
    job_id: UUID, *, token: UUID, owner: str, lease: timedelta, max_attempts: int
) -> Update:
    """Take a job that waits or whose holder fell silent; no row: not to be had."""
    is_abandoned = and_(
        Job.status == JobStatus.RUNNING, Job.lease_expires_at < func.now()
    )
    return (
        update(Job)
        .where(
            Job.id == job_id,
            Job.attempt < max_attempts,
            ~Job.cancel_requested,
            or_(Job.status == JobStatus.QUEUED, is_abandoned),
        )
        .values(
            status=JobStatus.RUNNING,
            stage=None,
            progress=0.0,
            eta_s=None,
            attempt=Job.attempt + 1,
            lease_token=token,
            lease_owner=owner,
            lease_expires_at=func.now() + lease,
            started_at=func.coalesce(Job.started_at, func.now()),
        )
        .execution_options(synchronize_session=False)
    )


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


def abandoned_jobs(*, owner: str | None = None) -> Select[Job, Video]:
    """Lock running jobs nobody works on: expired ones, or all of a restarted owner."""
    is_dead: ColumnElement[bool] = Job.lease_expires_at < func.now()
    if owner is not None:
        is_dead = Job.lease_owner == owner
    return _free_jobs(Job.status == JobStatus.RUNNING, is_dead)


def unclaimable_jobs(*, max_attempts: int) -> Select[Job, Video]:
    """Lock waiting jobs that `claim_job` refuses: canceled ones, or tried too often."""
    return _free_jobs(
        Job.status == JobStatus.QUEUED,
        or_(Job.cancel_requested, Job.attempt >= max_attempts),
    )


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


def save_beat(*, name: str, kind: str, info: Mapping[str, object]) -> Insert:
    """Say that a worker process lives."""
    row = {"kind": kind, "seen_at": func.now(), "info": dict(info)}
    return (
        insert(WorkerBeat)
        .values(name=name, **row)
        .on_conflict_do_update(index_elements=[WorkerBeat.name], set_=row)
    )


def drop_beats(*, names: Sequence[str] = (), older_than: timedelta) -> Delete:
    """Forget the beats of workers that left or fell silent long ago."""
    return delete(WorkerBeat).where(
        or_(WorkerBeat.name.in_(names), WorkerBeat.seen_at < func.now() - older_than)
    )
