"""Events of a live stream as they happen, by server-sent events."""

from functools import partial
from typing import Annotated
from uuid import UUID

from anyio.to_thread import run_sync
from fastapi import Header, Query, Request, Response
from fastapi.sse import EventSourceResponse
from starlette.types import Receive, Scope, Send

from app.core.db.session import Sessions
from app.core.errors import InvalidRequest, NotReady
from app.core.http.dependencies import PrincipalDep, ResourcesDep
from app.core.http.problems import problem_responses
from app.core.http.routing import IS_HEAD, MediaRoute, guarded_router
from app.live.hub import LiveHub
from app.live.problems import LiveNotFound
from app.live.routes import LiveId, live_hub_of
from app.live.service import find_stream
from app.streams.problems import TooManyStreams
from app.streams.wire import HEADERS, MAX_REVISION, documented, read_revision

router = guarded_router("live", MediaRoute)  # EventSource sends no header of ours


@router.get(
    "/live/{video_id}/events/stream",
    response_class=Response,
    responses={
        200: documented(
            "`state` at first, when it changes and every second of a live stream; "
            "`provisional`, `final` and `retracted` (number, id, type, time_s, wall, "
            "frame, score, team, is_provisional, replaces); `gap` (from_s, to_s, "
            "reason); `end`. See docs/live.md."
        ),
        **problem_responses(LiveNotFound, InvalidRequest, TooManyStreams, NotReady),
    },
)
async def stream_live_events(
    request: Request,
    video_id: LiveId,
    resources: ResourcesDep,
    principal: PrincipalDep,
    after: Annotated[
        int | None,
        Query(
            ge=0,
            le=MAX_REVISION,
            description="The `number` of the change that is known already; what came "
            "later is told first. `Last-Event-ID`, which browsers send, goes before "
            "it. Left out: only what is new.",
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
    """Follow the events of a live stream: provisional, final, retracted.

    Open the stream first and then read `GET /videos/{id}/events`: so nothing is missed
    between.
    """
    known = after if last_event_id is None else read_revision(last_event_id)
    changes, gaps = await run_sync(_read_numbers, resources.sessions, video_id)
    number = changes if known is None else min(known, changes)
    hub = live_hub_of(request)
    return LiveAnswer(hub, video_id, principal.id, number=number, gap_number=gaps)


class LiveAnswer(EventSourceResponse):
    """Sends until the client leaves, the server ends or the stream does.

    Raises:
        TooManyStreams, NotReady: see `LiveHub.watched`.
    """

    def __init__(
        self, hub: LiveHub, video_id: UUID, key_id: str, *, number: int, gap_number: int
    ) -> None:
        super().__init__((), headers=HEADERS)
        self._watched = partial(
            hub.watched, video_id, key_id, number=number, gap_number=gap_number
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "HEAD" or scope.get(IS_HEAD):
            await super().__call__(scope, receive, send)
            return
        with self._watched() as watch:
            self.body_iterator = watch.messages()
            await super().__call__(scope, receive, send)


def _read_numbers(sessions: Sessions, video_id: UUID) -> tuple[int, int]:
    with sessions() as session:
        stream, _, _ = find_stream(session, video_id)
        return stream.changes, stream.gaps
