"""Live streams: begin one, look at it, stop it."""

from datetime import datetime
from functools import partial
from typing import Annotated, Literal
from uuid import UUID

from anyio.to_thread import run_sync
from fastapi import Query, Request, Response
from sqlalchemy.orm import Session

from app.checkpoints.catalogue import check_model
from app.core.db.base import utc_now
from app.core.db.snapshot import snapshot
from app.core.errors import (
    IdempotencyKeyInUse,
    IdempotencyKeyReused,
    InvalidCursor,
    InvalidRequest,
    StorageFull,
    UnknownModel,
)
from app.core.http.dependencies import IdempotencyKey, ResourcesDep, id_in_path
from app.core.http.pagination import PagingDep
from app.core.http.problems import WITH_JSON, problem_responses
from app.core.http.routing import guarded_router
from app.core.resources import Resources
from app.idempotency.fingerprints import edit_fingerprint
from app.idempotency.service import made_before, make_once
from app.jobs.kinds import KINDS, NO_MODEL, JobKind
from app.live.addresses import IMPORT, LiveAddress, check_source, read_address
from app.live.hub import LiveHub
from app.live.models import find_live_model
from app.live.problems import (
    LiveCapacityReached,
    LiveHasEnded,
    LiveNameTaken,
    LiveNotFound,
    NoLiveWorker,
    NotLive,
)
from app.live.queries import latest_gaps, streams_page
from app.live.schemas import LivePage, LiveStream, NewLive
from app.live.service import LiveRequest, add_stream, find_stream, stop_stream
from app.sources.problems import ImportNotFound, SourceRefused
from app.sources.service import find_import
from app.videos.queries import video_with_jobs
from app.videos.room import ensure_free_space
from app.videos.schemas import Video

router = guarded_router("live")


LiveId = Annotated[UUID, id_in_path(LiveNotFound, "live stream")]


def live_hub_of(request: Request) -> LiveHub:
    """Find the process's hub."""
    hub = request.app.state.live
    if not isinstance(hub, LiveHub):
        raise TypeError("app.state.live is set by create_app alone")
    return hub


@router.post(
    "/live",
    status_code=202,
    response_model=Video,
    responses={
        202: {"description": "A video whose status is `live`."},
        **problem_responses(
            *(SourceRefused, ImportNotFound, UnknownModel, NotLive, NoLiveWorker),
            *(LiveCapacityReached, LiveNameTaken, StorageFull, InvalidRequest),
            *(LiveNotFound, IdempotencyKeyInUse, IdempotencyKeyReused, *WITH_JSON),
        ),
    },
)
async def create_live(
    request: Request,
    response: Response,
    resources: ResourcesDep,
    wanted: NewLive,
    idempotency_key: IdempotencyKey = None,
) -> Video:
    """Follow a live source: its events are there while it is played.

    A worker connects to it, spots with a live model and records. The video is there at
    once; see `GET /live/{video_id}` for the stream.
    """
    address = read_address(wanted.source)
    said = wanted.model_dump(mode="json", exclude_unset=True)
    fingerprint = edit_fingerprint(request.url.path, "", said)
    threads = resources.upload_threads
    before = partial(made_before, fingerprint=fingerprint)
    earlier = await run_sync(
        before, resources.sessions, idempotency_key, limiter=threads
    )
    if earlier is None:
        await check_source(address, resources)
        if wanted.record:
            await ensure_free_space(resources, 0)
    make = partial(
        _make,
        *(wanted, address, idempotency_key, fingerprint),
        resources=resources,
        now=utc_now(),
    )
    video = await run_sync(make, limiter=threads)
    response.headers["location"] = f"/live/{video.id}"
    return video


def _make(
    wanted: NewLive,
    address: LiveAddress,
    key: str | None,
    fingerprint: str,
    *,
    resources: Resources,
    now: datetime,
) -> Video:
    """Make a stream in one transaction; or find the one of the same request."""
    settings = resources.settings

    def make(session: Session) -> UUID:
        if address.kind == "file":
            find_import(address.text.removeprefix(IMPORT), settings)
        if wanted.analyse_after and wanted.analyse_model not in (None, NO_MODEL):
            check_model(str(wanted.analyse_model), settings)
        asked = LiveRequest(
            address=address,
            name=wanted.name or f"{address.shown} {now:%Y-%m-%d %H:%M:%S}",
            model=find_live_model(wanted.model, settings).name,
            record=wanted.record,
            analyse_after=wanted.analyse_after,
            analyse_model=wanted.analyse_model,
            webhook_batch_s=wanted.webhook_batch_s,
        )
        return add_stream(session, asked, settings=settings, now=now)

    with resources.sessions.begin() as session:
        video_id, is_new = make_once(
            session, key, partial(make, session), fingerprint=fingerprint
        )
        found = session.execute(video_with_jobs(video_id)).one_or_none()
        if found is None:
            raise LiveNotFound("The stream of this request has been deleted.")
        video = Video.of(*found)
    if is_new:
        queue = KINDS[JobKind.LIVE].queue
        resources.notifier.notify_job(video.job.id, queue=queue)
    return video


@router.get("/live", responses=problem_responses(InvalidCursor))
def list_live(
    paging: PagingDep,
    resources: ResourcesDep,
    state: Annotated[
        Literal["open", "all"], Query(description="Those that are under way, or all.")
    ] = "all",
) -> LivePage:
    """List the project's live streams, the newest first; without their gaps."""
    before = paging.before("live")
    statement = streams_page(
        before=before, limit=paging.limit, only_open=state == "open"
    )
    with snapshot(resources) as session:
        found = session.execute(statement).all()
    page, next_cursor = paging.newest_first(
        "live", found, id_of=lambda row: row[0].video_id
    )
    items = [LiveStream.of(*row) for row in page]
    return LivePage(items=items, next_cursor=next_cursor)


@router.get("/live/{video_id}", responses=problem_responses(LiveNotFound))
def get_live(request: Request, video_id: LiveId, resources: ResourcesDep) -> LiveStream:
    """Look at a live stream: where it stands, how late events come, what is missing."""
    with snapshot(resources) as session:
        found = find_stream(session, video_id)
        gaps = session.scalars(latest_gaps(video_id)).all()
    sent = live_hub_of(request).sent(video_id)
    return LiveStream.of(*found, gaps=reversed(gaps), sent=sent)


@router.post(
    "/live/{video_id}/stop",
    status_code=202,
    responses=problem_responses(LiveNotFound, LiveHasEnded),
)
def stop_live(video_id: LiveId, resources: ResourcesDep) -> LiveStream:
    """End a live stream in order: its recording becomes the video's file."""
    with resources.sessions.begin() as session:
        delivery_id = stop_stream(session, video_id, settings=resources.settings)
        answer = LiveStream.of(*find_stream(session, video_id))
    if delivery_id is not None:
        resources.notifier.notify_delivery(delivery_id)
    return answer
