"""One run of one job: claim it, spot the video, save everything in one transaction.

Celery stays outside: whatever calls `run_job` hands in what it needs. A second call
for the same job finds it held or closed and does nothing.
"""

from dataclasses import asdict, replace
from typing import Any
from uuid import UUID, uuid4

import structlog
from sqlalchemy import update

from app.core.process_identity import ProcessIdentity
from app.core.storage.keys import scores_key
from app.jobs.queries import claim_job
from app.jobs.tables import Job, JobStatus
from app.videos.tables import Video
from model.errors import Canceled
from model.spotting.predictor import Predictor
from model.spotting.spot_file import Progress, SpottedVideo, spot_file
from model.spotting.timeline import Timeline
from model.video.limits import DEFAULT_LIMITS
from model.video.probe import VideoFacts
from worker import lease as leases
from worker.lease import Lease
from worker.outcomes import (
    Claim,
    Failure,
    LeaseLost,
    WorkerContext,
    failure_of,
    forget_scores,
    save_failure,
    save_stop,
    save_success,
)

log = structlog.get_logger(__name__)


def run_job(job_id: UUID, *, context: WorkerContext) -> JobStatus | None:
    """Run a job to its end; returns what became of it, None if it was not claimable.

    Every write is guarded by the lease: a run that lost it leaves nothing behind. A
    job whose failure may pass goes back into the queue while attempts remain.
    """
    token = uuid4()
    claim = _claim(job_id, token, context)
    if claim is None:
        log.info("job_not_claimable", job=str(job_id))
        return None
    lease = Lease(
        job_id,
        token,
        sessions=context.sessions,
        length=context.settings.lease,
        renew_every=context.settings.heartbeat,
        leaving=context.leaving,
    )
    with (
        structlog.contextvars.bound_contextvars(job=str(job_id)),
        context.activity.running(job_id),
    ):
        log.info("job_started", attempt=claim.attempt)
        try:
            status = _run(claim, lease, context)
        except LeaseLost:
            log.warning("lease_lost")
            return None
        log.info("job_ended", status=status)
        return status


def _claim(job_id: UUID, token: UUID, context: WorkerContext) -> Claim | None:
    statement = claim_job(
        job_id,
        token=token,
        owner=str(ProcessIdentity.current()),
        lease=context.settings.lease,
        max_attempts=context.settings.max_attempts,
        max_interruptions=context.settings.max_interruptions,
    ).returning(Job.video_id, Job.model, Job.attempt, Job.interruptions)
    with context.sessions.begin() as session:
        row = session.execute(statement).one_or_none()
        if row is None:
            return None
        video = session.get_one(Video, row.video_id)
        return Claim(
            job_id=job_id,
            token=token,
            video_id=video.id,
            model=row.model,
            attempt=row.attempt,
            failures=row.attempt - row.interruptions - 1,
            storage_key=video.storage_key,
            callback_url=video.callback_url,
        )


def _run(claim: Claim, lease: Lease, context: WorkerContext) -> JobStatus:
    """Spot and save, or write down why not."""
    try:
        with lease.kept_alive():
            predictor = context.predictors.get(claim.model)
            context.activity.touch()
            spotted = _spot(claim, lease, context, predictor)
            lease.note(leases.Progress("store", 1.0, 0.0))
            scores = context.storage.write_bytes(
                scores_key(claim.video_id, claim.job_id, claim.token),
                _curves(spotted, predictor).to_bytes(),
            )
        _raise_if_stopped(lease)
        return save_success(claim, lease, context, predictor, spotted, scores)
    except Canceled:
        return save_stop(claim, lease, context)
    except LeaseLost:
        forget_scores(claim, context)
        raise
    except Exception as exc:  # noqa: BLE001  # whatever it is, the job must end
        # A signal that ends this worker also reaches its decoder, whose death is then
        # no failure of the job.
        if lease.stop is not None:
            return save_stop(claim, lease, context)
        return _fail(claim, lease, context, failure_of(exc, claim))


def _fail(
    claim: Claim, lease: Lease, context: WorkerContext, failure: Failure
) -> JobStatus:
    """Save a failure, unless the job was canceled a moment ago."""
    try:
        return save_failure(claim, lease, context, failure)
    except Canceled:
        return save_stop(claim, lease, context)


def _curves(spotted: SpottedVideo, predictor: Predictor) -> Timeline:
    """Give the score curves at the temperature that the events' scores have."""
    temperature = predictor.manifest.spotting.temperature
    return replace(
        spotted.timeline, scores=spotted.timeline.at_temperature(temperature)
    )


def _spot(
    claim: Claim, lease: Lease, context: WorkerContext, predictor: Predictor
) -> SpottedVideo:
    def save_facts(facts: VideoFacts) -> None:
        _raise_if_stopped(lease)
        with context.sessions.begin() as session:
            session.execute(_facts_statement(claim.video_id, facts))

    def note_progress(progress: Progress) -> None:
        context.activity.touch()
        _raise_if_stopped(lease)
        lease.note(leases.Progress(progress.stage, progress.done, progress.eta_s))

    path = context.storage.path_for(claim.storage_key)
    max_duration_s = context.settings.max_duration.total_seconds()
    return spot_file(
        path,
        predictor=predictor,
        limits=replace(DEFAULT_LIMITS, max_duration_s=max_duration_s),
        on_facts=save_facts,
        on_progress=note_progress,
    )


def _raise_if_stopped(lease: Lease) -> None:
    if lease.stop is not None:
        raise Canceled(f"the run stops: {lease.stop}")


def _facts_statement(video_id: UUID, facts: VideoFacts) -> Any:
    return (
        update(Video)
        .where(Video.id == video_id)
        .values(
            duration_s=facts.duration_s,
            width=facts.width,
            height=facts.height,
            fps=facts.fps,
            codec=facts.codec,
            container=facts.container,
            facts=asdict(facts),
        )
    )
