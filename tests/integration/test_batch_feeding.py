"""Batches are taken further by several processes at once, and nothing is done twice."""

import threading
from collections import Counter
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app.batches import feeding
from app.batches.feeding import advance_batches
from app.batches.item_jobs import queue_item
from app.batches.items import BatchSourceItem
from app.batches.queries import lock_batch
from app.batches.service import (
    BatchRequest,
    add_to_batch,
    create_batch,
    progress_of,
    reopen,
)
from app.batches.tables import Batch, BatchItem, ItemState
from app.core.db.session import Sessions
from app.core.settings import Settings
from app.jobs.tables import Job, JobStatus
from app.videos.tables import Video

WANTED = BatchRequest({}, model="tiny", weights={}, priority=-5, is_open=True)
PAGE = 500


def make(sessions: Sessions, count: int) -> UUID:
    """Ask for a batch of so many addresses, as a client does: page by page."""
    with sessions.begin() as session:
        batch = create_batch(session, WANTED, []).id
    for first in range(0, count, PAGE):
        page = [
            BatchSourceItem("url", f"https://archive.example.org/{batch}/{number}.mp4")
            for number in range(first, min(first + PAGE, count))
        ]
        with sessions.begin() as session:
            add_to_batch(session, batch, page, is_last=first + PAGE >= count)
    return batch


def states(sessions: Sessions, batch: UUID) -> Counter[str]:
    with sessions() as session:
        query = select(BatchItem.state).where(BatchItem.batch_id == batch)
        return Counter(session.scalars(query))


def test_four_feeders_at_once_queue_each_item_once(
    sessions: Sessions, settings: Settings
) -> None:
    own = settings.model_copy(update={"batch_window": 120})
    batches = [make(sessions, 200) for _ in range(2)]

    feeders = [
        threading.Thread(target=advance_batches, args=(sessions,), kwargs=settings_of)
        for settings_of in [{"settings": own}] * 4
    ]
    for one in feeders:
        one.start()
    for one in feeders:
        one.join()

    advance_batches(sessions, settings=own)
    for batch in batches:
        assert states(sessions, batch) == {"queued": 120, "pending": 80}
    with sessions() as session:
        jobs = session.scalars(select(func.count()).select_from(Job)).one()
        addresses = session.scalars(select(Video.source["url"].astext)).all()
    assert jobs == 240
    assert max(Counter(addresses).values()) == 1


def test_a_batch_that_somebody_holds_is_passed_over_and_nobody_waits(
    sessions: Sessions, settings: Settings
) -> None:
    held, free = make(sessions, 3), make(sessions, 3)

    with sessions.begin() as session:
        assert session.scalars(lock_batch(held)).one()
        advance_batches(sessions, settings=settings)

    assert states(sessions, held) == {"pending": 3}
    assert states(sessions, free) == {"queued": 3}


@pytest.mark.nightly
def test_a_batch_of_ten_thousand_ends_and_begins_again_in_short_transactions(
    sessions: Sessions, settings: Settings
) -> None:
    batch = make(sessions, 10_000)
    advance_batches(sessions, settings=settings)
    with sessions.begin() as session:
        session.get_one(Batch, batch).status = "canceling"

    others = Others(sessions, batch)
    with others:
        for _ in range(1000):  # a round ends where it finds the row taken
            advance_batches(sessions, settings=settings)
            ended = states(sessions, batch)
            if ended == {"canceled": 10_000}:
                break
        advance_batches(sessions, settings=settings)
        count = reopen(sessions, batch, states=[ItemState.CANCELED])

    assert ended == {"canceled": 10_000}
    assert count == 10_000
    assert states(sessions, batch) == {"pending": 10_000}
    assert others.turns > 3  # between two of the transactions
    with sessions() as session:
        jobs = select(Job.status, func.count()).group_by(Job.status)
        assert [tuple(one) for one in session.execute(jobs)] == [("canceled", 200)]
        row = session.get_one(Batch, batch)
        assert (row.status, row.finished_at) == ("running", None)
        assert progress_of(session, [row])[batch].left == 10_000


class Others:
    """Takes the batch's row again and again, as requests do, until the block ends."""

    def __init__(self, sessions: Sessions, batch: UUID) -> None:
        self.turns = 0
        self._sessions, self._batch = sessions, batch
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._go_on)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _go_on(self) -> None:
        while not self._stop.is_set():
            with self._sessions.begin() as session:
                session.scalars(lock_batch(self._batch)).one()
            self.turns += 1


def test_jobs_that_ended_are_noted_and_the_next_items_come(
    sessions: Sessions, settings: Settings
) -> None:
    own = settings.model_copy(update={"batch_window": 2})
    batch = make(sessions, 4)
    advance_batches(sessions, settings=own)
    with sessions.begin() as session:
        first, second = session.scalars(select(Job).order_by(Job.created_at)).all()
        first.status = JobStatus.SUCCEEDED
        spot = Job(
            id=uuid4(),
            video_id=first.video_id,
            batch_id=batch,
            parent_id=first.id,
            status=JobStatus.SUCCEEDED,
            created_at=func.now(),
        )
        session.add(spot)
        second.status, second.error_code = JobStatus.FAILED, "source_not_found"
        second.error_detail, second.error_retryable = "It is gone.", False

    advance_batches(sessions, settings=own)

    assert states(sessions, batch) == {"succeeded": 1, "failed": 1, "queued": 2}
    with sessions() as session:
        items = session.scalars(select(BatchItem).order_by(BatchItem.number)).all()
        assert items[0].job_id == spot.id
        assert items[1].error_detail == "It is gone."
        assert all(one.finished_at for one in items[:2])


def test_a_database_that_leaves_in_the_middle_loses_nothing(
    sessions: Sessions, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch, calls = make(sessions, 30), 0

    def leaves(*words: object) -> object:
        nonlocal calls
        calls += 1
        if calls == 25:
            raise OperationalError("statement", {}, Exception("the server left"))
        return queue_item(*words)  # type: ignore[arg-type] # from a table of cases

    monkeypatch.setattr(feeding, "queue_item", leaves)
    with pytest.raises(OperationalError):
        advance_batches(sessions, settings=settings)
    between = states(sessions, batch)
    advance_batches(sessions, settings=settings)

    assert between == {"queued": 20, "pending": 10}
    assert states(sessions, batch) == {"queued": 30}
    with sessions() as session:
        assert session.scalars(select(func.count()).select_from(Job)).one() == 30


def test_a_batch_that_cannot_go_on_is_in_nobodys_way(
    sessions: Sessions, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck, other = make(sessions, 2), make(sessions, 2)

    def fails(session: Session, batch: Batch, item: BatchItem) -> Job | None:
        if batch.id == stuck:
            raise ValueError("a row that nobody thought of")
        return queue_item(session, batch, item)

    monkeypatch.setattr(feeding, "queue_item", fails)
    done = advance_batches(sessions, settings=settings)

    assert states(sessions, stuck) == {"pending": 2}
    assert states(sessions, other) == {"queued": 2}
    assert done.queued  # workers are told of what was queued


@pytest.mark.costly
def test_batches_take_turns_a_transaction_each(
    sessions: Sessions, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns: list[UUID] = []
    first, second = make(sessions, 50), make(sessions, 50)

    def notes(session: Session, batch: Batch, item: BatchItem) -> Job | None:
        turns.append(batch.id)
        return queue_item(session, batch, item)

    monkeypatch.setattr(feeding, "queue_item", notes)
    advance_batches(sessions, settings=settings)

    assert turns[:40] == [first] * 20 + [second] * 20
