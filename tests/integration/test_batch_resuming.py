"""A batch that was canceled goes on with all that it was asked for."""

from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy import select

from app.batches.feeding import advance_batches
from app.batches.items import BatchSourceItem, add_items
from app.batches.problems import BatchIsCanceling
from app.batches.queries import lock_batch
from app.batches.service import (
    BatchRequest,
    add_to_batch,
    cancel_batch,
    create_batch,
    reopen,
)
from app.batches.tables import Batch, BatchItem, ItemState
from app.core.db.session import Sessions
from app.core.settings import Settings
from app.jobs.tables import Job, JobStatus

WANTED = BatchRequest({}, model="tiny", weights={}, priority=-5)


def address(number: int) -> BatchSourceItem:
    return BatchSourceItem("url", f"https://archive.example.org/{number}.mp4")


def status_of(sessions: Sessions, batch: UUID) -> str:
    with sessions() as session:
        return session.get_one(Batch, batch).status


def cancel(sessions: Sessions, batch: UUID) -> None:
    with sessions.begin() as session:
        cancel_batch(session, batch)


@pytest.mark.parametrize("count", [0, 2])
def test_a_batch_that_waits_for_items_takes_them_after_a_cancel(
    sessions: Sessions, settings: Settings, count: int
) -> None:
    wanted = replace(WANTED, is_open=True)
    with sessions.begin() as session:
        named = [address(number) for number in range(count)]
        batch = create_batch(session, wanted, named).id
    cancel(sessions, batch)
    advance_batches(sessions, settings=settings)
    canceled = status_of(sessions, batch)

    reopen(sessions, batch, states=[ItemState.CANCELED])
    resumed = status_of(sessions, batch)
    with sessions.begin() as session:
        _, added = add_to_batch(session, batch, [address(7)], is_last=True)
    cancel(sessions, batch)
    advance_batches(sessions, settings=settings)
    reopen(sessions, batch, states=[ItemState.CANCELED])

    assert (canceled, resumed, added) == ("canceled", "open", 1)
    assert status_of(sessions, batch) == "running"  # its last item was named


def test_a_source_whose_listing_was_cut_off_is_listed_anew(
    sessions: Sessions, settings: Settings
) -> None:
    wanted = replace(WANTED, source={"imports": "season"})
    with sessions.begin() as session:
        batch = create_batch(session, wanted, []).id
        listing = session.scalars(select(Job)).one()
        listing.status = JobStatus.RUNNING

    cancel(sessions, batch)
    advance_batches(sessions, settings=settings)
    meanwhile = status_of(sessions, batch)
    with pytest.raises(BatchIsCanceling):
        reopen(sessions, batch, states=[ItemState.CANCELED])
    with sessions.begin() as session:  # the page that was on its way
        add_items(session, session.scalars(lock_batch(batch)).one(), [address(1)])
        session.get_one(Job, listing.id).status = JobStatus.CANCELED
    advance_batches(sessions, settings=settings)
    stopped = status_of(sessions, batch)
    with sessions() as session:
        items = session.scalars(select(BatchItem.state)).all()
    reopen(sessions, batch, states=[ItemState.CANCELED])

    assert (meanwhile, stopped, items) == ("canceling", "canceled", ["canceled"])
    assert status_of(sessions, batch) == "listing"
