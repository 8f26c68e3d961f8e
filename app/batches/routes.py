"""Batches: ask for one, look at it and its items, end it, try again what failed."""

from functools import partial
from typing import Annotated, Literal
from uuid import UUID

from anyio.to_thread import run_sync
from fastapi import Query, Request, Response
from sqlalchemy.orm import Session

from app.batches.asking import check_items, check_request
from app.batches.path_ids import BatchId
from app.batches.problems import (
    BatchIsCanceling,
    BatchIsFinished,
    BatchIsUnderWay,
    BatchNotFound,
    BatchNotOpen,
)
from app.batches.queries import batches_page, items_page
from app.batches.request_schemas import MoreItems, NewBatch, Retry
from app.batches.schemas import (
    AddedItems,
    Batch,
    BatchDetails,
    BatchItem,
    BatchItemPage,
    BatchPage,
    Reopened,
)
from app.batches.service import (
    BatchRequest,
    add_to_batch,
    create_batch,
    failures_by_code,
    find_batch,
    progress_of,
    reopen,
)
from app.batches.service import cancel_batch as cancel
from app.batches.service import delete_batch as delete
from app.batches.tables import Batch as BatchRow
from app.batches.tables import ItemState
from app.core.db.snapshot import snapshot
from app.core.errors import (
    CallbackRefused,
    IdempotencyKeyInUse,
    IdempotencyKeyReused,
    InvalidCursor,
    UnknownModel,
)
from app.core.http.cursors import BatchItemsCursor
from app.core.http.dependencies import CursorText, IdempotencyKey, ResourcesDep
from app.core.http.pagination import Paging, PagingDep
from app.core.http.problems import WITH_JSON, problem_responses
from app.core.http.routing import guarded_router
from app.core.resources import Resources
from app.idempotency.fingerprints import edit_fingerprint
from app.idempotency.service import made_before, make_once
from app.jobs.kinds import KINDS, JobKind
from app.sources.problems import ImportNotFound, SourceRefused

router = guarded_router("batches")

States = Literal["pending", "queued", "succeeded", "skipped", "failed", "canceled"]


@router.post(
    "/batches",
    status_code=202,
    responses=problem_responses(
        *(UnknownModel, CallbackRefused, SourceRefused, ImportNotFound),
        BatchNotFound,  # an earlier request's, deleted since
        *(IdempotencyKeyInUse, IdempotencyKeyReused, *WITH_JSON),
    ),
)
async def start_batch(
    request: Request,
    response: Response,
    resources: ResourcesDep,
    asked: NewBatch,
    idempotency_key: IdempotencyKey = None,
) -> Batch:
    """Analyse many videos with one model, behind whatever is uploaded meanwhile.

    They are those of a bucket or of a folder of imports, which a job lists, or are
    named one by one. Some hundred jobs are queued at a time, and projects take turns
    at the workers. What this model has analysed already is left out.
    """
    fingerprint = edit_fingerprint(
        request.url.path, "", asked.model_dump(mode="json", exclude_defaults=True)
    )
    threads = resources.upload_threads
    before = partial(made_before, fingerprint=fingerprint)
    earlier = await run_sync(
        before, resources.sessions, idempotency_key, limiter=threads
    )
    if earlier is not None:
        answer = await run_sync(_look_at, earlier, resources, limiter=threads)
        response.headers["location"] = f"/batches/{answer.id}"
        return answer
    wanted = await check_request(asked, resources)

    def make() -> Batch:
        with resources.sessions.begin() as session:
            batch_id, is_new = make_once(
                *(session, idempotency_key),
                lambda: _make(session, wanted, asked),
                fingerprint=fingerprint,
            )
            batch = find_batch(session, batch_id)
            answer = _told(session, batch)
        if is_new and batch.listing_job_id is not None:
            queue = KINDS[JobKind.BATCH].queue
            resources.notifier.notify_job(batch.listing_job_id, queue=queue)
        return answer

    answer = await run_sync(make, limiter=threads)
    response.headers["location"] = f"/batches/{answer.id}"
    return answer


@router.get("/batches", responses=problem_responses(InvalidCursor))
def list_batches(
    request: Request,
    response: Response,
    resources: ResourcesDep,
    limit: Annotated[int, Query(ge=1, le=100, description="Most items.")] = 20,
    cursor: CursorText = None,
) -> BatchPage:
    """List the project's batches, the newest first."""
    paging = Paging(request, response, limit, cursor)
    before = paging.before("batches")
    with snapshot(resources) as session:
        found = session.scalars(batches_page(before=before, limit=limit)).all()
        progress = progress_of(session, found)
    page, next_cursor = paging.newest_first(
        "batches", found, id_of=lambda batch: batch.id
    )
    items = [Batch.of(one, progress[one.id]) for one in page]
    return BatchPage(items=items, next_cursor=next_cursor)


@router.get("/batches/{batch_id}", responses=problem_responses(BatchNotFound))
def get_batch(batch_id: BatchId, resources: ResourcesDep) -> BatchDetails:
    """Look at a batch: items by state, pace, time to go, and what failed and why."""
    with snapshot(resources) as session:
        batch = find_batch(session, batch_id)
        return BatchDetails.with_failures(
            batch,
            progress_of(session, [batch])[batch_id],
            failures_by_code(session, batch_id),
        )


@router.get(
    "/batches/{batch_id}/items",
    responses=problem_responses(BatchNotFound, InvalidCursor),
)
def list_batch_items(
    paging: PagingDep,
    batch_id: BatchId,
    resources: ResourcesDep,
    state: Annotated[
        list[States], Query(description="Only those; `queued` has what runs, too.")
    ] = [],  # noqa: B006  # FastAPI's way
    code: Annotated[
        list[str], Query(max_length=50, description="Of errors of failed items.")
    ] = [],  # noqa: B006  # FastAPI's way
) -> BatchItemPage:
    """List the items of a batch in its order, each with its video, job and error."""
    start = paging.start(BatchItemsCursor)
    statement = items_page(
        batch_id,
        states=state,
        codes=code,
        after=0 if start is None else start.after,
        limit=paging.limit,
    )
    with snapshot(resources) as session:
        find_batch(session, batch_id)
        found = session.execute(statement).all()
    page, next_cursor = paging.cut(
        found, cursor_after=lambda row: BatchItemsCursor(after=row[0].number)
    )
    items = [BatchItem.of(item, job) for item, job in page]
    return BatchItemPage(items=items, next_cursor=next_cursor)


@router.post(
    "/batches/{batch_id}/items",
    status_code=202,
    responses=problem_responses(BatchNotFound, BatchNotOpen, SourceRefused, *WITH_JSON),
)
def add_batch_items(
    batch_id: BatchId, resources: ResourcesDep, more: MoreItems
) -> AddedItems:
    """Add videos to a batch that was asked for as `open`; `last` closes it.

    What it has already is not added again, so this may be sent twice.
    """
    check_items(more.items, resources.settings)
    with resources.sessions.begin() as session:
        batch, added = add_to_batch(
            session, batch_id, [one.found for one in more.items], is_last=more.last
        )
        session.flush()
        return AddedItems(added=added, batch=_told(session, batch))


@router.post(
    "/batches/{batch_id}/cancel",
    status_code=202,
    responses=problem_responses(BatchNotFound, BatchIsFinished),
)
def cancel_batch(batch_id: BatchId, resources: ResourcesDep) -> Batch:
    """Cancel a batch: what waits ends, what runs is asked to stop, events stay.

    It is done within seconds, and can be resumed.
    """
    with resources.sessions.begin() as session:
        batch = cancel(session, batch_id)
        session.flush()
        return _told(session, batch)


@router.post(
    "/batches/{batch_id}/retry",
    status_code=202,
    responses=problem_responses(BatchNotFound, BatchIsCanceling, *WITH_JSON),
)
def retry_batch(
    batch_id: BatchId, resources: ResourcesDep, wanted: Retry | None = None
) -> Reopened:
    """Try again what failed, all of it or by the code of its error.

    A batch that has ended goes on.
    """
    wanted = wanted or Retry()
    states = [ItemState(one) for one in wanted.states]
    return _reopen(batch_id, resources, states, wanted.codes)


@router.post(
    "/batches/{batch_id}/resume",
    status_code=202,
    responses=problem_responses(BatchNotFound, BatchIsCanceling),
)
def resume_batch(batch_id: BatchId, resources: ResourcesDep) -> Reopened:
    """Go on with a batch that was canceled, or whose source could not be listed.

    What was done stays; a run that was ended goes on from what it saved. One that was
    open takes items again, until it is closed.
    """
    return _reopen(batch_id, resources, [ItemState.CANCELED], [])


@router.delete(
    "/batches/{batch_id}",
    status_code=204,
    responses=problem_responses(BatchNotFound, BatchIsUnderWay),
)
def delete_batch(batch_id: BatchId, resources: ResourcesDep) -> Response:
    """Delete a batch that has ended, with its items, their addresses and titles.

    Its videos and their events stay. A later batch that names the same files does not
    know them from this one, and brings them again.
    """
    with resources.sessions.begin() as session:
        delete(session, batch_id)
    return Response(status_code=204)


def _reopen(
    batch_id: UUID, resources: Resources, states: list[ItemState], codes: list[str]
) -> Reopened:
    count = reopen(resources.sessions, batch_id, states=states, codes=codes)
    return Reopened(items=count, batch=_look_at(batch_id, resources))


def _make(session: Session, wanted: BatchRequest, asked: NewBatch) -> UUID:
    items = [one.found for one in asked.items or ()]
    return create_batch(session, wanted, items).id


def _look_at(batch_id: UUID, resources: Resources) -> Batch:
    with snapshot(resources) as session:
        return _told(session, find_batch(session, batch_id))


def _told(session: Session, batch: BatchRow) -> Batch:
    return Batch.of(batch, progress_of(session, [batch])[batch.id])
