"""A batch goes on: some jobs at a time are queued for it, and their ends are noted.

One step at a time holds a batch's row, whoever makes it; it is short, so that neither
ten thousand rows are locked at once nor ten thousand jobs wait in the queue.
"""

from dataclasses import dataclass
from uuid import UUID

import structlog
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app.batches.item_jobs import QuotaFull, hold_videos, queue_item
from app.batches.items import AT_ONCE
from app.batches.queries import (
    batches_under_way,
    count_in,
    hold_feeding,
    is_being_brought,
    lock_batch,
    pending_items,
    put_items,
    queued_items,
)
from app.batches.service import close_batch, failures_by_code, progress_of
from app.batches.tables import Batch, BatchItem, BatchStatus, ItemState
from app.core.db.session import Sessions
from app.core.errors import JobIsFinished
from app.core.settings import Settings
from app.jobs.kinds import KINDS, JobKind
from app.jobs.service import cancel
from app.jobs.tables import Job, JobStatus
from app.videos.queries import lock_videos
from app.webhooks.service import announce

QUEUED_AT_ONCE = 20  # in a transaction
OTHERS = "What is left is being brought or analysed for another batch or request."

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Stepped:
    """What a round did.

    Attributes:
        queued: jobs, by the queue of their workers; one of each is told of.
        delivery_id: a webhook message to announce.
    """

    queued: dict[str, UUID]
    delivery_id: UUID | None = None


def advance_batches(sessions: Sessions, *, settings: Settings) -> Stepped:
    """Take every batch that has not ended a step further.

    They take turns, a transaction each; one that cannot go on is in nobody's way.

    Raises:
        OperationalError: the database is away.
    """
    done = Stepped({})
    with sessions() as session:
        left = list(session.scalars(batches_under_way()))
    while left:
        left = [one for one in left if _step_if_it_can(sessions, one, settings, done)]
    return done


def _step_if_it_can(
    sessions: Sessions, batch_id: UUID, settings: Settings, done: Stepped
) -> bool:
    try:
        return _step(sessions, batch_id, settings, done)
    except OperationalError:
        raise
    except Exception:
        log.exception("batch_stuck", batch=str(batch_id))
        return False


def _step(
    sessions: Sessions, batch_id: UUID, settings: Settings, done: Stepped
) -> bool:
    """Do one transaction for a batch; whether there is more to be done at once."""
    with sessions.begin() as session:
        batch = session.scalars(lock_batch(batch_id, skip_locked=True)).one_or_none()
        if batch is None:  # Another process is at it.
            return False
        _note_ends(session, batch)
        if batch.status == BatchStatus.CANCELING:
            has_more = _cancel(session, batch, settings, done)
        else:
            _note_listing(session, batch)
            _close_if_left_open(session, batch)
            has_more = batch.error_code is None and _feed(
                session, batch, settings, done
            )
        session.flush()
        if not has_more:
            _finish(session, batch, settings, done)
    return has_more


def _note_ends(session: Session, batch: Batch) -> None:
    """Keep with each item how its job ended."""
    for item, job in session.execute(queued_items(batch.id)):
        if job is None:
            _end(item, ItemState.FAILED)
            item.error_code, item.error_retryable = "video_deleted", False
            item.error_detail = "The video was deleted before it was analysed."
            continue
        item.job_id = job.id
        if job.status == JobStatus.SUCCEEDED and not KINDS[JobKind(job.kind)].is_source:
            _end(item, ItemState.SUCCEEDED)
        elif job.status == JobStatus.CANCELED:
            _end(item, ItemState.CANCELED)
        elif job.status == JobStatus.FAILED:
            _end(item, ItemState.FAILED)
            item.error_code, item.error_detail = job.error_code, job.error_detail
            item.error_retryable = job.error_retryable


def _end(item: BatchItem, state: ItemState) -> None:
    item.state, item.finished_at = state, func.now()


def _note_listing(session: Session, batch: Batch) -> None:
    """See how the job that lists the source has ended, if it has."""
    if batch.status != BatchStatus.LISTING or batch.listing_job_id is None:
        return
    job = session.get(Job, batch.listing_job_id, populate_existing=True)
    if job is not None and job.status in (JobStatus.QUEUED, JobStatus.RUNNING):
        return
    if job is not None and job.status == JobStatus.SUCCEEDED:
        batch.status = BatchStatus.RUNNING
        return
    batch.error_code = (job and job.error_code) or "listing_canceled"
    batch.error_detail = (
        job and job.error_detail
    ) or "The job that lists the source was canceled."


def _close_if_left_open(session: Session, batch: Batch) -> None:
    """Wait no longer for a client that has named nothing for days."""
    if batch.status != BatchStatus.OPEN or batch.open_until is None:
        return
    if session.scalar(select(func.now() > batch.open_until)):
        log.info("batch_closed", batch=str(batch.id), reason="no more items came")
        close_batch(batch)


def _feed(session: Session, batch: Batch, settings: Settings, done: Stepped) -> bool:
    """Queue jobs for the next items, as many as may wait at a time."""
    waiting = session.scalar(count_in(batch.id, ItemState.QUEUED)) or 0
    room = min(settings.batch_window - waiting, QUEUED_AT_ONCE)
    if room <= 0:
        return False
    batch.waits_for = None
    session.execute(hold_feeding(batch.project_id))
    items = session.scalars(pending_items(batch.id, limit=room)).all()
    if not items and session.scalar(count_in(batch.id, ItemState.PENDING)):
        batch.waits_for = OTHERS
    hold_videos(session, items)
    for item in items:
        if item.video_id and session.scalar(is_being_brought(item.video_id)):
            batch.waits_for = OTHERS  # since it was listed
            continue
        try:
            job = queue_item(session, batch, item)
        except QuotaFull as exc:
            batch.waits_for = str(exc)
            return False
        if job is not None:
            item.state, item.job_id, item.rounds = (
                *(ItemState.QUEUED, job.id),
                item.rounds + 1,
            )
            done.queued[KINDS[JobKind(job.kind)].queue] = job.id
            if batch.started_at is None:
                batch.started_at = func.now()
        elif item.state == ItemState.PENDING:
            raise ValueError(f"item {item.number} of {batch.id} was left as it is")
    return len(items) == room


def _cancel(session: Session, batch: Batch, settings: Settings, done: Stepped) -> bool:
    """End what waits and ask what runs to stop; whether more is to be ended."""
    if batch.listing_job_id is not None:
        _cancel_job(session, batch.listing_job_id, settings, done)
    queued = session.execute(queued_items(batch.id)).all()
    waiting = [job.video_id for _, job in queued if job and not job.cancel_requested]
    # In one order for all who hold several, or two of them wait for each other.
    session.execute(lock_videos([one for one in waiting if one is not None]))
    for item, job in queued:
        if job is not None and not job.cancel_requested:
            _cancel_job(session, job.id, settings, done)
            session.refresh(job)
            if job.status == JobStatus.CANCELED:
                _end(item, ItemState.CANCELED)
    ended = put_items(
        batch.id,
        of=(ItemState.PENDING,),
        state=ItemState.CANCELED,
        limit=AT_ONCE,
    )
    return len(session.scalars(ended).all()) == AT_ONCE


def _cancel_job(
    session: Session, job_id: UUID, settings: Settings, done: Stepped
) -> None:
    job = session.get(Job, job_id)
    if job is None or JobStatus(job.status).is_final or job.cancel_requested:
        return
    try:
        _, delivery_id = cancel(session, job_id, settings=settings)
    except JobIsFinished:  # meanwhile
        return
    done.delivery_id = delivery_id or done.delivery_id


def _finish(session: Session, batch: Batch, settings: Settings, done: Stepped) -> None:
    """End a batch of which nothing is left to be done, and tell it."""
    ends: dict[BatchStatus, BatchStatus | None] = {
        BatchStatus.RUNNING: BatchStatus.COMPLETED,
        BatchStatus.CANCELING: BatchStatus.CANCELED,
        BatchStatus.LISTING: None if batch.error_code is None else BatchStatus.FAILED,
    }
    end = ends.get(BatchStatus(batch.status))
    open_states = [ItemState.QUEUED]
    if end is not BatchStatus.FAILED:
        open_states.append(ItemState.PENDING)
    if end is None or session.scalar(count_in(batch.id, *open_states)):
        return
    if end is BatchStatus.CANCELED and _is_listed_now(session, batch):
        return  # it may have a page on its way
    batch.status, batch.waits_for = end, None
    batch.finished_at = session.scalar(func.now().select())
    session.flush()
    log.info("batch_ended", batch=str(batch.id), status=end)
    delivery_id = announce(
        session,
        f"batch.{end}",
        project_id=batch.project_id,
        data=_message(session, batch, settings),
        batch=batch,
    )
    done.delivery_id = delivery_id or done.delivery_id


def _is_listed_now(session: Session, batch: Batch) -> bool:
    if batch.listing_job_id is None:
        return False
    job = session.get(Job, batch.listing_job_id, populate_existing=True)
    return job is not None and not JobStatus(job.status).is_final


def _message(session: Session, batch: Batch, settings: Settings) -> dict[str, object]:
    progress = progress_of(session, [batch])[batch.id]
    address = f"{settings.base_url}/batches/{batch.id}"
    counts = {str(one): progress.counts.get(one, 0) for one in ItemState}
    return {
        "batch_id": str(batch.id),
        "name": batch.name,
        "status": batch.status,
        "counts": {**counts, "running": 0, "total": progress.total},
        "failures": {
            code: count
            for code, (count, _) in failures_by_code(session, batch.id).items()
        },
        "links": {
            "batch": address,
            "events": f"{address}/events.parquet",
            "failed": f"{address}/items?state=failed",
        },
    }
