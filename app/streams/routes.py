"""Server-sent events: what happens to a video, and to all jobs of a project."""

from functools import partial
from typing import Annotated
from uuid import UUID

from anyio.to_thread import run_sync
from fastapi import Header, Query, Request, Response
from fastapi.sse import EventSourceResponse
from starlette.types import Receive, Scope, Send

from app.core.db.session import Sessions
from app.core.errors import InvalidRequest, NotReady, VideoNotFound
from app.core.http.dependencies import PrincipalDep, ResourcesDep, VideoId
from app.core.http.problems import problem_responses
from app.core.http.routing import IS_HEAD, MediaRoute, guarded_router
from app.streams.changes import VideoState, read_videos
from app.streams.hub import StreamHub
from app.streams.problems import TooManyStreams
from app.streams.subscription import StreamScope
from app.streams.wire import HEADERS, MAX_REVISION, documented, read_revision
from app.videos.service import video_not_found

router = guarded_router("streams", MediaRoute)  # EventSource sends no header of ours


@router.get(
    "/videos/{video_id}/stream",
    response_class=Response,
    responses={
        200: documented(
            "`state` at first; then `job` (id, kind, status, stage, progress, eta_s, "
            "error), `video` (its facts changed, or it is deleted), `decision` "
            "(revision, step_id, author, events), `reviewed`, `thresholds`, and "
            "`reset`: read all of it anew."
        ),
        **problem_responses(VideoNotFound, InvalidRequest, TooManyStreams, NotReady),
    },
)
async def stream_video(
    request: Request,
    video_id: VideoId,
    resources: ResourcesDep,
    principal: PrincipalDep,
    since: Annotated[
        int | None,
        Query(
            ge=0,
            le=MAX_REVISION,
            description="The `revision` that is known already; what came later is told "
            "first. `Last-Event-ID`, which browsers send, goes before it.",
        ),
    ] = None,
    last_event_id: Annotated[
        str | None,
        Header(
            description="The `id` of the last event that was received.",
            json_schema_extra={"pattern": "^[0-9]{1,18}$"},
        ),
    ] = None,
) -> Response:
    """Follow a video: progress, decisions of others, changes of its facts.

    Open the stream first and then read what is shown: so nothing is missed between.
    """
    after = since if last_event_id is None else read_revision(last_event_id)
    state = await run_sync(_read_state, resources.sessions, video_id)
    wanted = StreamScope(principal.project_id, video_id, principal.id)
    return StreamAnswer(hub_of(request), wanted, state=state, after=after)


@router.get(
    "/stream",
    response_class=Response,
    responses={
        200: documented(
            "`state` at first; then `job` (id, video_id, kind, status, stage, "
            "progress, eta_s, error) of every job that changes, also of those that "
            "have no video, such as trainings, and `reset`: read all of it anew."
        ),
        **problem_responses(TooManyStreams, NotReady),
    },
)
async def stream_jobs(request: Request, principal: PrincipalDep) -> Response:
    """Follow the jobs of all videos, and trainings: how far each is."""
    wanted = StreamScope(principal.project_id, key_id=principal.id)
    return StreamAnswer(hub_of(request), wanted)


def hub_of(request: Request) -> StreamHub:
    """Find the process's hub."""
    hub = request.app.state.streams
    if not isinstance(hub, StreamHub):
        raise TypeError("app.state.streams is set by create_app alone")
    return hub


class StreamAnswer(EventSourceResponse):
    """Streams until the client leaves, the server ends or the video is deleted.

    Raises:
        TooManyStreams, NotReady: see `StreamHub.subscribed`.
    """

    def __init__(
        self,
        hub: StreamHub,
        wanted: StreamScope,
        *,
        state: VideoState | None = None,
        after: int | None = None,
    ) -> None:
        super().__init__((), headers=HEADERS)
        self._subscribed = partial(hub.subscribed, wanted, state=state, after=after)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "HEAD" or scope.get(IS_HEAD):
            await super().__call__(scope, receive, send)
            return
        with self._subscribed() as subscription:
            self.body_iterator = subscription.messages()
            await super().__call__(scope, receive, send)


def _read_state(sessions: Sessions, video_id: UUID) -> VideoState:
    with sessions() as session:
        state = read_videos(session, [video_id]).get(video_id)
    if state is None:
        raise video_not_found(video_id)
    return state
