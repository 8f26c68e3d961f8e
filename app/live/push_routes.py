"""A browser's camera: what comes over a WebSocket goes on to the stream's worker."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Final
from uuid import UUID

import structlog
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
from app.live.service import find_stream

router = APIRouter(tags=["live"])

CONNECT_S = 5.0
WAITING_BYTES = 8 * 2**20  # for a worker that does not keep up
DRAIN_S = 10.0
ENDED, WORKER_GONE, NOT_YET = 1000, 1012, 1013
OF_PROBLEMS: Final = {401: 4401, 403: 4403, 404: 4404, 409: 4409, 422: 4422, 429: 1013}
READY = b"ready\n"

log = structlog.get_logger(__name__)


class _Refused(Exception):
    """The connection ends with a code, and says why."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(why)
        self.code, self.why = code, why


@router.websocket("/live/{video_id}/push")
async def push_live(socket: WebSocket, video_id: str) -> None:
    """Take WebM from a browser; see docs/live.md for the codes."""
    await socket.accept()
    try:
        resources, ingest = await _authorize(socket, video_id)
        await _relay(socket, ingest)
    except _Refused as refused:
        await _close(socket, refused.code, refused.why)
    except WebSocketDisconnect:
        return
    except RequestProblem as problem:
        await _close(socket, OF_PROBLEMS.get(problem.status, NOT_YET), problem.detail)
    else:
        is_over = await run_sync(_is_over, resources, UUID(video_id))
        code = ENDED if is_over else WORKER_GONE
        await _close(socket, code, "the worker takes no more")


async def _authorize(
    socket: WebSocket, video_id: str
) -> tuple[Resources, Mapping[str, str]]:
    """Tell who connects, and where the stream's worker takes bytes.

    Raises:
        RequestProblem: who may not.
        _Refused: the stream takes nothing, or nothing yet.
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
        raise _Refused(4422, "the source of this stream is no push")
    if JobStatus(job.status).is_final or stream.stop_requested:
        raise _Refused(4409, "the stream has ended")
    if stream.ingest is None:
        raise _Refused(NOT_YET, "no worker has taken the stream yet: try again soon")
    return stream.ingest


def _is_over(resources: Resources, video_id: UUID) -> bool:
    def look(session: Session) -> bool:
        stream, _, job = find_stream(session, video_id)
        return stream.stop_requested or JobStatus(job.status).is_final

    with resources.sessions() as session, suppress(LiveNotFound):
        return look(session)
    return True


async def _relay(socket: WebSocket, ingest: Mapping[str, str]) -> None:
    """Pass bytes on until either side ends.

    Raises:
        _Refused: the worker cannot be reached, or does not keep up.
        WebSocketDisconnect: the browser has gone.
    """
    connect = asyncio.open_connection(ingest["host"], int(ingest["port"]))
    try:
        reader, writer = await asyncio.wait_for(connect, CONNECT_S)
    except (OSError, TimeoutError) as exc:
        raise _Refused(NOT_YET, "the stream's worker does not answer") from exc
    try:
        writer.transport.set_write_buffer_limits(high=WAITING_BYTES)
        writer.write(f"{ingest['token']}\n".encode())
        if await _first_line(reader) != READY:
            raise _Refused(NOT_YET, "the stream's worker refuses: try again soon")
        await socket.send_json({"kind": "ready"})
        gone = asyncio.create_task(reader.read(1))
        try:
            await _pass_on(socket, writer, gone)
        finally:
            gone.cancel()
    finally:
        writer.close()


async def _first_line(reader: asyncio.StreamReader) -> bytes:
    with suppress(OSError, TimeoutError):
        return await asyncio.wait_for(reader.readline(), CONNECT_S)
    return b""


async def _pass_on(
    socket: WebSocket, writer: asyncio.StreamWriter, gone: "asyncio.Task[bytes]"
) -> None:
    while True:
        receive = asyncio.create_task(socket.receive())
        await asyncio.wait({receive, gone}, return_when=asyncio.FIRST_COMPLETED)
        if gone.done():
            receive.cancel()
            return
        message = receive.result()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1000))
        data = message.get("bytes")
        if not data:
            continue
        try:
            writer.write(data)
            await asyncio.wait_for(writer.drain(), DRAIN_S)
        except TimeoutError as exc:
            raise _Refused(NOT_YET, "the worker does not keep up") from exc
        except OSError:
            return


_close_quietly = partial(suppress, RuntimeError, WebSocketDisconnect)


async def _close(socket: WebSocket, code: int, why: str) -> None:
    with _close_quietly():
        await socket.close(code, why[:120])
