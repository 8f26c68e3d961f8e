"""Batches as clients ask for them, look at them and end them, in transactions given."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from app.batches.items import AT_ONCE, BatchSourceItem, add_items
from app.batches.problems import (
    BatchIsCanceling,
    BatchIsFinished,
    BatchIsUnderWay,
    BatchNotFound,
    BatchNotOpen,
)
from app.batches.queries import (
    counts_of,
    failures_of,
    lock_batch,
    paces_of,
    put_items,
    running_of,
)
from app.batches.tables import Batch, BatchStatus, ItemState
from app.core.db.base import new_id, utc_now
from app.core.db.project_sessions import project_of
from app.core.db.session import Sessions
from app.jobs.kinds import JobKind
from app.jobs.requests import request
from app.jobs.tables import Job, JobStatus

OPEN_FOR = timedelta(days=7)  # since items were last named, or it was resumed


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """What is asked for.

    Attributes:
        source: {"bucket": ...} or {"imports": ...}; empty: items are named.
        model: the name of its file.
        weights: what tells whether it has analysed a video already.
        again: analyse also what it has analysed.
        is_open: more items will be named.
    """

    source: Mapping[str, str]
    model: str
    weights: Mapping[str, object]
    priority: int
    name: str | None = None
    callback_url: str | None = None
    again: bool = False
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a batch is.

    Attributes:
        counts: items by state; `queued` are those that wait for a worker.
        per_s: items that end in a second, over the last hour; None: none has.
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    per_s: float | None = None

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def left(self) -> int:
        """How many have not ended."""
        return sum(self.counts.get(one, 0) for one in ("pending", "queued", "running"))

    @property
    def done(self) -> float:
        """The share that has ended, 0 to 1."""
        return 1 - self.left / self.total if self.total else 0.0

    @property
    def eta_s(self) -> float | None:
        return self.left / self.per_s if self.per_s else None


def create_batch(
    session: Session, wanted: BatchRequest, items: Sequence[BatchSourceItem]
) -> Batch:
    """Keep what is asked for; a source that must be listed gets a job of its own."""
    now = utc_now()
    batch = Batch(
        id=new_id(),
        project_id=project_of(session),
        name=wanted.name,
        source=dict(wanted.source),
        model=wanted.model,
        weights=dict(wanted.weights),
        again=wanted.again,
        takes_items=wanted.is_open,
        priority=wanted.priority,
        callback_url=wanted.callback_url,
        status=BatchStatus.OPEN if wanted.is_open else BatchStatus.RUNNING,
        named=0,
        open_until=now + OPEN_FOR if wanted.is_open else None,
        created_at=now,
    )
    session.add(batch)
    session.flush()
    if wanted.source:
        _list_source(session, batch)
    add_items(session, batch, items)
    session.flush()
    return batch


def find_batch(session: Session, batch_id: UUID) -> Batch:
    """Load a batch.

    Raises:
        BatchNotFound: no batch has that id.
    """
    batch = session.get(Batch, batch_id)
    if batch is None:
        raise batch_not_found(batch_id)
    return batch


def batch_not_found(batch_id: UUID) -> BatchNotFound:
    """Say that a batch is not there."""
    return BatchNotFound(f"No batch has the id {batch_id}.")


def progress_of(session: Session, batches: Sequence[Batch]) -> dict[UUID, Progress]:
    """Tell how far batches are."""
    ids = [one.id for one in batches]
    counts: dict[UUID, dict[str, int]] = {one: {} for one in ids}
    for batch_id, state, count in session.execute(counts_of(ids)):
        counts[batch_id][state] = count
    running = {row[0]: row[1] for row in session.execute(running_of(ids)) if row[0]}
    paces = {row[0]: float(row[1]) for row in session.execute(paces_of(ids))}
    for batch_id, own in counts.items():
        queued = own.get(ItemState.QUEUED, 0)
        own["running"] = min(running.get(batch_id, 0), queued)
        own[ItemState.QUEUED] = queued - own["running"]
    return {one: Progress(counts[one], paces.get(one)) for one in ids}


def failures_by_code(session: Session, batch_id: UUID) -> dict[str, tuple[int, str]]:
    """Count failed items by the code of their error, the most frequent first."""
    return {
        code or "": (count, detail or "")
        for code, count, detail in session.execute(failures_of(batch_id))
    }


def add_to_batch(
    session: Session, batch_id: UUID, items: Sequence[BatchSourceItem], *, is_last: bool
) -> tuple[Batch, int]:
    """Add items to an open batch; gives how many were not in it yet.

    Raises:
        BatchNotFound: no batch has that id.
        BatchNotOpen: it takes no more items.
    """
    batch = _lock(session, batch_id)
    if batch.status != BatchStatus.OPEN:
        raise BatchNotOpen(
            f"The batch {batch_id} takes no more items; ask for another one."
        )
    added = add_items(session, batch, items)
    batch.open_until = utc_now() + OPEN_FOR
    if is_last:
        close_batch(batch)
    return batch, added


def close_batch(batch: Batch) -> None:
    """Let an open batch end once what it has is done."""
    batch.status, batch.takes_items = BatchStatus.RUNNING, False
    batch.open_until = None


def cancel_batch(session: Session, batch_id: UUID) -> Batch:
    """Accept a cancel; the background worker ends the batch's jobs one after another.

    Raises:
        BatchNotFound: no batch has that id.
        BatchIsFinished: it has ended.
    """
    batch = _lock(session, batch_id)
    if BatchStatus(batch.status).is_final:
        raise BatchIsFinished(f"The batch is {batch.status} already.")
    batch.status, batch.open_until = BatchStatus.CANCELING, None
    return batch


def delete_batch(session: Session, batch_id: UUID) -> None:
    """Delete a batch that has ended, with its items; videos and events stay.

    A later batch does not know its files any more: it brings them again.

    Raises:
        BatchNotFound: no batch has that id.
        BatchIsUnderWay: it has not ended.
    """
    batch = _lock(session, batch_id)
    if not BatchStatus(batch.status).is_final:
        raise BatchIsUnderWay(
            f"The batch is {batch.status}: cancel it "
            f"(POST /batches/{batch_id}/cancel), and delete it once it has stopped."
        )
    session.delete(batch)


def reopen(
    sessions: Sessions,
    batch_id: UUID,
    *,
    states: Collection[ItemState],
    codes: Collection[str] = (),
) -> int:
    """Put items that have ended back to those that wait, some hundred a transaction.

    A source that was not listed to its end is listed again.

    Returns:
        How many items were put back.

    Raises:
        BatchNotFound: no batch has that id.
        BatchIsCanceling: its cancel is not done yet.
    """
    count = 0
    while True:
        with sessions.begin() as session:
            batch = _lock(session, batch_id)
            if batch.status == BatchStatus.CANCELING:
                raise BatchIsCanceling(
                    "The batch is still being canceled; try again in some seconds."
                )
            back = put_items(
                batch_id,
                of=states,
                codes=codes,
                state=ItemState.PENDING,
                limit=AT_ONCE,
            )
            moved = len(session.scalars(back).all())
            count += moved
            if moved or batch.takes_items or _must_list(session, batch):
                _go_on(session, batch)
        if moved < AT_ONCE:
            return count


def _go_on(session: Session, batch: Batch) -> None:
    """Let a batch that has ended go on; its source is listed if that is not done.

    One whose client had not named all items takes more of them again.
    """
    if not BatchStatus(batch.status).is_final:
        return
    must_list = _must_list(session, batch)
    batch.status = BatchStatus.OPEN if batch.takes_items else BatchStatus.RUNNING
    batch.open_until = utc_now() + OPEN_FOR if batch.takes_items else None
    batch.started_at = batch.finished_at = None
    batch.error_code = batch.error_detail = None
    if must_list:
        _list_source(session, batch)


def _must_list(session: Session, batch: Batch) -> bool:
    """Whether a batch has a source that was not listed to its end."""
    if not batch.source or batch.listing_job_id is None:
        return False
    job = session.get(Job, batch.listing_job_id)
    return job is None or job.status in (JobStatus.FAILED, JobStatus.CANCELED)


def _list_source(session: Session, batch: Batch) -> None:
    job = request(
        session,
        kind=JobKind.BATCH,
        video_id=None,
        params={"batch_id": str(batch.id)},
        batch_id=batch.id,
    )
    batch.status, batch.listing_job_id = BatchStatus.LISTING, job.id


def _lock(session: Session, batch_id: UUID) -> Batch:
    batch = session.scalars(lock_batch(batch_id)).one_or_none()
    if batch is None:
        raise batch_not_found(batch_id)
    return batch
