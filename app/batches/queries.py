"""Statements about batches and their items, built without a session."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    Update,
    exists,
    func,
    select,
    true,
    tuple_,
    update,
)
from sqlalchemy.orm import InstrumentedAttribute, aliased

from app.batches.tables import FINAL, Batch, BatchItem, BatchStatus, ItemState
from app.jobs.kinds import KINDS, JobKind
from app.jobs.tables import Job, JobStatus
from app.timelines.tables import Analysis
from app.videos.queries import SPEAKING
from app.videos.tables import Video

UNDER_WAY = tuple(one for one in BatchStatus if one not in FINAL)
FEEDING_LOCK = 7164017  # an advisory lock's first number
SOURCES = tuple(kind for kind, spec in KINDS.items() if spec.is_source)
OPEN = (JobStatus.QUEUED, JobStatus.RUNNING)
PACE_OVER = timedelta(hours=1)


def batches_page(*, before: UUID | None, limit: int) -> Select[Batch]:
    """A page of batches, the newest first; one row more than `limit`."""
    statement = select(Batch)
    if before is not None:
        statement = statement.where(Batch.id < before)
    return statement.order_by(Batch.id.desc()).limit(limit + 1)


def batches_under_way() -> Select[UUID]:
    """List the batches that have not ended, the oldest first."""
    return select(Batch.id).where(Batch.status.in_(UNDER_WAY)).order_by(Batch.id)


def lock_batch(batch_id: UUID, *, skip_locked: bool = False) -> Select[Batch]:
    """Hold a batch against all who change it, until the transaction ends."""
    return (
        select(Batch)
        .where(Batch.id == batch_id)
        .with_for_update(key_share=True, skip_locked=skip_locked)
        .execution_options(populate_existing=True)
    )


def items_page(
    batch_id: UUID,
    *,
    states: Collection[str] = (),
    codes: Collection[str] = (),
    after: int,
    limit: int,
) -> Select[BatchItem, Job | None]:
    """A page of items in their order, each with its latest job; one row too many."""
    statement = (
        select(BatchItem, Job)
        .outerjoin(Job, Job.id == BatchItem.job_id)
        .where(BatchItem.batch_id == batch_id, BatchItem.number > after)
    )
    if states:
        statement = statement.where(BatchItem.state.in_(states))
    if codes:
        statement = statement.where(BatchItem.error_code.in_(codes))
    return statement.order_by(BatchItem.number).limit(limit + 1)


def videos_after(
    batch_id: UUID, *, after: int, limit: int
) -> Select[int, str, str, UUID | None]:
    """List the items whose events there are: number, kind, address and video."""
    done = (ItemState.SUCCEEDED, ItemState.SKIPPED)
    return (
        select(BatchItem.number, BatchItem.kind, BatchItem.address, BatchItem.video_id)
        .where(
            BatchItem.batch_id == batch_id,
            BatchItem.number > after,
            BatchItem.state.in_(done),
            BatchItem.video_id.is_not(None),
        )
        .order_by(BatchItem.number)
        .limit(limit)
    )


def counts_of(batch_ids: Sequence[UUID]) -> Select[UUID, str, int]:
    """Count the items of batches by state."""
    return (
        select(BatchItem.batch_id, BatchItem.state, func.count())
        .where(BatchItem.batch_id.in_(batch_ids))
        .group_by(BatchItem.batch_id, BatchItem.state)
    )


def running_of(batch_ids: Sequence[UUID]) -> Select[UUID | None, int]:
    """Count the items of batches that workers have now, whole or segments of them."""
    return (
        select(Job.batch_id, func.count(Job.video_id.distinct()))
        .where(
            Job.status == JobStatus.RUNNING,
            Job.batch_id.in_(batch_ids),
            Job.kind.in_((*SPEAKING, JobKind.SPOT_SEGMENT)),
        )
        .group_by(Job.batch_id)
    )


def paces_of(batch_ids: Sequence[UUID]) -> Select[UUID, float | Decimal]:
    """Tell how many items of each batch end in a second, over the last hour.

    What was skipped took nobody's time.
    """
    since = func.greatest(Batch.started_at, func.now() - PACE_OVER)
    until = func.coalesce(Batch.finished_at, func.now())
    since = func.least(since, until - timedelta(seconds=1))
    ended = (ItemState.SUCCEEDED, ItemState.FAILED)
    seconds = func.extract("epoch", until - since)
    return (
        select(Batch.id, func.count() / seconds)
        .join(BatchItem, BatchItem.batch_id == Batch.id)
        .where(
            Batch.id.in_(batch_ids),
            BatchItem.state.in_(ended),
            BatchItem.finished_at > since,
        )
        .group_by(Batch.id)
    )


def failures_of(batch_id: UUID) -> Select[str | None, int, str | None]:
    """Count failed items by the code of their error, with one message as example."""
    detail = func.min(BatchItem.error_detail)
    return (
        select(BatchItem.error_code, func.count(), detail)
        .where(BatchItem.batch_id == batch_id, BatchItem.state == ItemState.FAILED)
        .group_by(BatchItem.error_code)
        .order_by(func.count().desc(), BatchItem.error_code)
    )


def hold_feeding(project_id: UUID) -> Select[None]:
    """Wait until nobody else queues items of a project's batches, and keep others so.

    Held until the transaction ends.
    """
    lock = func.pg_advisory_xact_lock(FEEDING_LOCK, func.hashtext(str(project_id)))
    return select(lock)


def pending_items(batch_id: UUID, *, limit: int) -> Select[BatchItem]:
    """List items for which nothing is queued, in their order.

    What another batch is about now is left out: it need not be done twice. So is a
    video whose file another job is bringing: two would write the same file.
    """
    other = aliased(BatchItem)
    is_under_way_elsewhere = exists().where(
        other.source_id == BatchItem.source_id,
        other.batch_id != BatchItem.batch_id,
        other.state == ItemState.QUEUED,
    )
    return (
        select(BatchItem)
        .where(
            BatchItem.batch_id == batch_id,
            BatchItem.state == ItemState.PENDING,
            ~is_under_way_elsewhere,
            ~_being_brought(BatchItem.video_id),
        )
        .order_by(BatchItem.number)
        .limit(limit)
    )


def is_being_brought(video_id: UUID) -> Select[bool]:
    """Whether a job waits or runs that brings a video's file."""
    return select(_being_brought(video_id))


def _being_brought(
    video_id: UUID | InstrumentedAttribute[UUID | None],
) -> ColumnElement[bool]:
    return exists().where(
        Job.video_id == video_id, Job.kind.in_(SOURCES), Job.status.in_(OPEN)
    )


def queued_items(batch_id: UUID) -> Select[BatchItem, Job | None]:
    """List the items that wait or run, each with its latest job that speaks for it."""
    latest_row = (
        select(Job)
        .where(
            Job.video_id == BatchItem.video_id,
            Job.batch_id == BatchItem.batch_id,
            Job.kind.in_(SPEAKING),
        )
        .order_by(Job.created_at.desc(), Job.id.desc())
        .limit(1)
        .lateral("latest")
    )
    return (
        select(BatchItem, aliased(Job, latest_row))
        .outerjoin(latest_row, true())
        .where(BatchItem.batch_id == batch_id, BatchItem.state == ItemState.QUEUED)
        .order_by(BatchItem.number)
    )


def count_in(batch_id: UUID, *states: ItemState) -> Select[int]:
    """Count the items of a batch in some states."""
    return select(func.count()).where(
        BatchItem.batch_id == batch_id, BatchItem.state.in_(states)
    )


def put_items(
    batch_id: UUID,
    *,
    of: Collection[ItemState],
    codes: Collection[str] = (),
    state: ItemState,
    limit: int,
) -> Update:
    """Put up to `limit` items of some states into another one."""
    chosen = select(BatchItem.batch_id, BatchItem.number).where(
        BatchItem.batch_id == batch_id, BatchItem.state.in_(of)
    )
    if codes:
        chosen = chosen.where(BatchItem.error_code.in_(codes))
    ended = None if state is ItemState.PENDING else func.now()
    return (
        update(BatchItem)
        .where(
            tuple_(BatchItem.batch_id, BatchItem.number).in_(
                chosen.order_by(BatchItem.number).limit(limit)
            )
        )
        .values(
            state=state,
            finished_at=ended,
            error_code=None,
            error_detail=None,
            error_retryable=None,
        )
        .returning(BatchItem.number)
        .execution_options(synchronize_session=False)
    )


def video_before(item: BatchItem) -> Select[UUID]:
    """Name the video that an earlier batch made of the same file, if it is there."""
    return (
        select(Video.id)
        .join(BatchItem, BatchItem.video_id == Video.id)
        .where(
            BatchItem.source_id == item.source_id,
            Video.storage_key.is_not(None),
            Video.dropped_at.is_(None),
        )
        .order_by(Video.id)
        .limit(1)
    )


def bytes_on_their_way(project_id: UUID) -> Select[int | None]:
    """Add up the listed sizes of a project's items whose files are being brought."""
    return (
        select(func.sum(BatchItem.size_bytes))
        .join(Batch, Batch.id == BatchItem.batch_id)
        .join(Video, Video.id == BatchItem.video_id)
        .where(
            Batch.project_id == project_id,
            Batch.status.in_(UNDER_WAY),
            BatchItem.state == ItemState.QUEUED,
            Video.storage_key.is_(None),
        )
    )


def shown_analysis_of(video_id: UUID) -> Select[Analysis]:
    """Find the analysis whose events a video shows."""
    return (
        select(Analysis)
        .join(Video, Video.current_analysis_id == Analysis.id)
        .where(Video.id == video_id)
    )
