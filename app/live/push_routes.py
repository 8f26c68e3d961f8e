"""A browser's camera: what comes over a WebSocket goes on to the stream's worker."""

from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Final
from uuid import UUID

from anyio.to_thread import run_sync
from fastapi import APIRouter, Request, WebSocket
from sqlalchemy.orm import Session
from starlette.websockets import WebSocketDisconnect

from app.core.db.project_sessions import sessions_of
from app.core.errors import RequestProblem
from app.core.http.access import KeyRing, check_site, find_principal, require_scope
from app.core.principal import Principal
from app.core.resources import Resources
from app.jobs.tables import JobStatus
from app.live.problems import LiveNotFound
from app.live.push_relay import NOT_YET, PushRefused, relay
from app.live.service import find_stream

router = APIRouter(tags=["live"])

ENDED, WORKER_GONE = 1000, 1012
OF_PROBLEMS: Final = {401: 4401, 403: 4403, 404: 4404, 409: 4409, 422: 4422, 429: 1013}


@router.websocket("/live/{video_id}/push")
async def push_live(socket: WebSocket, video_id: str) -> None:
    """Take WebM from a browser; see docs/live.md for the codes."""
    await socket.accept()
    try:
        resources, ingest = await _authorize(socket, video_id)
        has_ended = await relay(socket, ingest)
    except PushRefused as refused:
        await _close(socket, refused.code, refused.why)
    except WebSocketDisconnect:
        return
    except RequestProblem as problem:
        await _close(socket, OF_PROBLEMS.get(problem.status, NOT_YET), problem.detail)
    else:
        is_over = has_ended or await run_sync(_is_over, resources, UUID(video_id))
        code = ENDED if is_over else WORKER_GONE
        await _close(socket, code, "the worker takes no more")


async def _authorize(
    socket: WebSocket, video_id: str
) -> tuple[Resources, Mapping[str, str]]:
    """Tell who connects, and where the stream's worker takes bytes.

    Raises:
        RequestProblem: who may not.
        PushRefused: the stream takes nothing, or nothing yet.
    """
    resources: Resources = socket.app.state.resources
    ring: KeyRing = socket.app.state.key_ring
    request = Request(_as_http(socket))
    # Browsers bring a cookie by themselves, whatever page opens the connection.
    check_site(request, resources.settings)
    principal = await find_principal(
        request, resources.settings, ring, accepts_cookie=True
    )
    require_scope(principal, "write")
    try:
        wanted = UUID(video_id)
    except ValueError as exc:
        raise LiveNotFound(f"No live stream has the id {video_id[:64]!r}.") from exc
    ingest = await run_sync(_find_ingest, resources, principal, wanted)
    return resources, ingest


def _as_http(socket: WebSocket) -> dict[str, object]:
    scheme = "https" if socket.scope.get("scheme") == "wss" else "http"
    return {**socket.scope, "type": "http", "method": "GET", "scheme": scheme}


def _find_ingest(
    resources: Resources, principal: Principal, video_id: UUID
) -> Mapping[str, str]:
    with sessions_of(resources.sessions, principal)() as session:
        stream, _, job = find_stream(session, video_id)
    if stream.kind != "push":
        raise PushRefused(4422, "the source of this stream is no push")
    if JobStatus(job.status).is_final or stream.stop_requested:
        raise PushRefused(4409, "the stream has ended")
    if stream.ingest is None:
        raise PushRefused(NOT_YET, "no worker has taken the stream yet: try again soon")
    return stream.ingest


def _is_over(resources: Resources, video_id: UUID) -> bool:
    def look(session: Session) -> bool:
        stream, _, job = find_stream(session, video_id)
        return stream.stop_requested or JobStatus(job.status).is_final

    with resources.sessions() as session, suppress(LiveNotFound):
        return look(session)
    return True


_close_quietly = partial(suppress, RuntimeError, WebSocketDisconnect)


async def _close(socket: WebSocket, code: int, why: str) -> None:
    with _close_quietly():
        await socket.close(code, why[:120])
