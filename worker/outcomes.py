"""How a run ends: succeeded, failed, put back or canceled; each in one transaction.

Every write is guarded by the lease: who lost it writes nothing and leaves no file.
"""

import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.core.db.base import utc_now
from app.core.errors import StorageFull
from app.core.resources import Resources
from app.core.settings import Settings
from app.core.storage.interface import StoredFile
from app.core.storage.keys import scores_key, video_prefix
from app.jobs.queries import end_values, held_job, release_values, show_job
from app.jobs.tables import Job, JobStatus
from app.timelines.event_rows import copy_events
from app.videos.queries import lock_video
from app.webhooks.service import JobOutcome, add_delivery
from model.errors import Canceled, ModelError
from model.spotting.predictor import Predictor
from model.spotting.spot_file import SpottedVideo
from worker.activity import Activity
from worker.lease import Lease, Stop
from worker.predictor_cache import Predictors

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerContext(Resources):
    """What every run on this worker shares: the resources, and what is a worker's own.

    Attributes:
        predictors: the checkpoints that are loaded.
        node: the worker's name.
        leaving: set when the worker shuts down; a run then gives its job back.
        activity: what this process does now, for those that watch it.
    """

    predictors: Predictors
    node: str
    leaving: threading.Event
    activity: Activity = field(default_factory=Activity)


@dataclass(frozen=True, slots=True)
class Claim:
    """A job as it was when we took it.

    Attributes:
        token: of the lease; it also names the file this run makes.
        failures: earlier runs that failed by themselves, not by a worker's death.
    """

    job_id: UUID
    token: UUID
    video_id: UUID
    model: str | None
    attempt: int
    failures: int
    storage_key: str
    callback_url: str | None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a run failed: `code` is stable, `detail` is for the user."""

    code: str
    detail: str
    retryable: bool


class LeaseLost(Exception):
    """The job is no longer ours, or no longer there: nothing may be written."""


def save_success(
    claim: Claim,
    lease: Lease,
    context: WorkerContext,
    predictor: Predictor,
    spotted: SpottedVideo,
    scores: StoredFile,
) -> JobStatus:
    """Write events, job, video and webhook in one transaction, then ring.

    Raises:
        Canceled: the user asked for an end before this; nothing is written.
        LeaseLost: the job is no longer ours; nothing is written.
    """
    counts = dict(Counter(spot.label for spot in spotted.spots))
    outcome = JobOutcome(claim.video_id, claim.job_id, "succeeded", counts)
    values: dict[str, Any] = {
        **end_values(JobStatus.SUCCEEDED),
        "stage": None,
        "progress": 1.0,
        "error_code": None,
        "error_detail": None,
        "error_retryable": None,
        "checkpoint": _checkpoint_facts(predictor),
        "scores_key": scores.key,
        "scores_sha256": scores.sha256,
        "event_counts": counts,
        "warnings": _warnings(spotted),
    }
    with context.sessions.begin() as session:
        _write_end(session, claim, lease, values, unless_canceled=True)
        copy_events(
            session,
            video_id=claim.video_id,
            job_id=claim.job_id,
            spots=spotted.spots,
        )
        session.execute(show_job(video_id=claim.video_id, job_id=claim.job_id))
        delivery_id = _add_delivery(session, claim, outcome, context.settings)
    if delivery_id is not None:
        context.notifier.notify_delivery(delivery_id)
    return JobStatus.SUCCEEDED


def save_failure(
    claim: Claim, lease: Lease, context: WorkerContext, failure: Failure
) -> JobStatus:
    """End the job as failed, or put it back while the failure may pass.

    Raises:
        Canceled: the user asked for an end before this; nothing is written.
        LeaseLost: the job is no longer ours; nothing is written.
    """
    log.warning("job_failed", code=failure.code, detail=failure.detail)
    forget_scores(claim, context)
    error = {
        "error_code": failure.code,
        "error_detail": failure.detail,
        "error_retryable": failure.retryable,
    }
    if failure.retryable and claim.failures + 1 < context.settings.max_attempts:
        back = release_values(counts_as_attempt=True)
        # The sweep rings it, in a while.
        return _put_back(claim, lease, context, {**back, **error})

    shown = {
        "code": failure.code,
        "detail": failure.detail,
        "retryable": failure.retryable,
    }
    outcome = JobOutcome(claim.video_id, claim.job_id, "failed", {}, shown)
    with context.sessions.begin() as session:
        values = {**end_values(JobStatus.FAILED), **error}
        _write_end(session, claim, lease, values, unless_canceled=True)
        delivery_id = _add_delivery(session, claim, outcome, context.settings)
    if delivery_id is not None:
        context.notifier.notify_delivery(delivery_id)
    return JobStatus.FAILED


def save_stop(claim: Claim, lease: Lease, context: WorkerContext) -> JobStatus:
    """Leave the job as the reason for stopping asks: canceled, queued or untouched."""
    forget_scores(claim, context)
    if lease.stop is Stop.LOST:
        raise LeaseLost
    if lease.stop is Stop.CANCELED:
        values = end_values(JobStatus.CANCELED)
    else:
        values = release_values(counts_as_attempt=False)
    status = _put_back(claim, lease, context, values)
    if status is JobStatus.QUEUED:
        context.notifier.notify_job(claim.job_id)  # Another worker may take it at once.
    return status


def forget_scores(claim: Claim, context: WorkerContext) -> None:
    """Remove what a run stored that did not come to its end.

    The file is this run's alone, by its token. It stays if the row names it: then the
    end was saved, but the database's answer was lost; the row's lock waits for that to
    be settled. If the video is gone, so is its folder, which this run may have made
    anew. What cannot be removed now is found by a sweep.
    """
    key = scores_key(claim.video_id, claim.job_id, claim.token)
    try:
        with context.sessions() as session:
            job = session.get(Job, claim.job_id, with_for_update=True)
        if job is None:
            context.storage.delete_prefix(video_prefix(claim.video_id))
        elif job.scores_key != key:
            context.storage.delete_file(key)
    except (OSError, SQLAlchemyError) as exc:
        log.warning("scores_not_removed", key=key, error=str(exc))


def failure_of(exc: Exception, claim: Claim) -> Failure:
    """Say what a user can make of an exception; a bug is logged, not told."""
    if isinstance(exc, ModelError):
        return Failure(exc.code, str(exc), exc.retryable)
    if isinstance(exc, StorageFull):
        return Failure(
            "storage_full",
            "The server's disk is full; free some room, then run the job again.",
            retryable=True,
        )
    if isinstance(exc, MemoryError):
        return Failure("out_of_memory", "The worker ran out of memory.", retryable=True)
    log.error("job_crashed", attempt=claim.attempt, exc_info=exc)
    return Failure(
        "internal_error",
        "Something broke inside; the worker's log tells what.",
        retryable=True,
    )


def _put_back(
    claim: Claim, lease: Lease, context: WorkerContext, values: dict[str, Any]
) -> JobStatus:
    """Write how a run ended that made no timeline; if canceled, tell the webhook."""
    delivery_id = None
    with context.sessions.begin() as session:
        status = _write_end(session, claim, lease, values)
        if status is JobStatus.CANCELED:
            outcome = JobOutcome(claim.video_id, claim.job_id, "canceled", {})
            delivery_id = _add_delivery(session, claim, outcome, context.settings)
    if delivery_id is not None:
        context.notifier.notify_delivery(delivery_id)
    return status


def _write_end(
    session: Session,
    claim: Claim,
    lease: Lease,
    values: dict[str, Any],
    *,
    unless_canceled: bool = False,
) -> JobStatus:
    """Write a job's last values under its lease; returns how the job stands now.

    The video is locked first, as a deletion does it: in the other order each would
    wait for the other. The job is locked next: a cancel comes before or after all this.

    Raises:
        Canceled: the user asked for an end; the transaction rolls back.
        LeaseLost: the lease is somebody else's now; the transaction rolls back.
    """
    session.execute(lock_video(claim.video_id))
    held = held_job(claim.job_id, lease.token)
    statement = held.values(values).returning(Job.status)
    if unless_canceled:
        statement = statement.where(~Job.cancel_requested)
    status = session.execute(statement).scalar_one_or_none()
    if status is not None:
        return JobStatus(status)
    job = session.get(Job, claim.job_id)
    if unless_canceled and job is not None and job.lease_token == lease.token:
        lease.cancel()
        raise Canceled("the job was canceled while it ended")
    raise LeaseLost


def _add_delivery(
    session: Session, claim: Claim, outcome: JobOutcome, settings: Settings
) -> UUID | None:
    if claim.callback_url is None:
        return None
    return add_delivery(
        session,
        outcome,
        url=claim.callback_url,
        base_url=settings.base_url,
        now=utc_now(),
    )


def _checkpoint_facts(predictor: Predictor) -> dict[str, object]:
    manifest = predictor.manifest
    weights = manifest.files.get("weights.safetensors")
    return {
        "name": manifest.name,
        "version": manifest.provenance.version,
        "sha256": weights.sha256 if weights else None,
        "engine": predictor.engine,
    }


def _warnings(spotted: SpottedVideo) -> dict[str, object] | None:
    found: dict[str, object] = {}
    if spotted.facts.is_truncated:
        found["truncated"] = (
            "The file is shorter than its header says; the rest is here."
        )
    if spotted.damaged_packets:
        found["damaged"] = (
            f"{spotted.damaged_packets} pieces of the video could not be decoded: "
            "events may be missing there."
        )
    return found or None
