"""Passes on to a stream's worker what comes over a WebSocket, to its end if it says so.

The worker's side: `worker.live_streams.ingest`.
"""

import asyncio
import json
import socket as sockets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

from fastapi import WebSocket
from starlette.websockets import WebSocketDisconnect

CONNECT_S = 5.0
WAITING_BYTES = 8 * 2**20  # for a worker that does not keep up
KERNEL_BYTES = 256 * 2**10  # what it holds besides: of more it tells too rarely
DRAIN_S = 10.0  # without a byte that it takes
END_S = 600.0  # for the worker to take all that was sent before an end
NOT_YET = 1013
READY, ENDED = b"ready\n", b"ended\n"
END = " end"


class PushRefused(Exception):
    """The connection ends with a code, and says why."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(why)
        self.code, self.why = code, why


async def relay(socket: WebSocket, ingest: Mapping[str, str]) -> bool:
    """Pass bytes on until either side ends.

    Args:
        socket: accepted. Its binary messages are passed on; `{"kind": "end"}` says that
            the stream is over with what came before.
        ingest: the worker's host, port, token, and whether it takes an end.

    Returns:
        Whether the sender said so, and the worker has taken all.

    Raises:
        PushRefused: the worker cannot be reached, or does not keep up.
        WebSocketDisconnect: the sender has gone.
    """
    async with _connected(ingest, "") as (reader, writer):
        writer.transport.set_write_buffer_limits(high=WAITING_BYTES)
        if await _line(reader, CONNECT_S) != READY:
            raise PushRefused(NOT_YET, "the stream's worker refuses: try again soon")
        await socket.send_json({"kind": "ready", "takes_end": "takes_end" in ingest})
        gone = asyncio.create_task(_until_gone(reader))
        try:
            if not await _pass_on(socket, writer, gone):
                return False
            with suppress(OSError):
                writer.write_eof()
            await asyncio.wait({gone}, timeout=END_S)
        finally:
            gone.cancel()
    async with _connected(ingest, END) as (reader, _):
        if await _line(reader, END_S) != ENDED:
            raise PushRefused(NOT_YET, "the worker has not taken the end: try again")
    return True


@asynccontextmanager
async def _connected(
    ingest: Mapping[str, str], wish: str
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Connect to the worker and say what for.

    Raises:
        PushRefused: it cannot be reached.
    """
    connect = asyncio.open_connection(ingest["host"], int(ingest["port"]))
    try:
        reader, writer = await asyncio.wait_for(connect, CONNECT_S)
    except (OSError, TimeoutError) as exc:
        raise PushRefused(NOT_YET, "the stream's worker does not answer") from exc
    try:
        kernel: sockets.socket = writer.get_extra_info("socket")
        kernel.setsockopt(sockets.SOL_SOCKET, sockets.SO_SNDBUF, KERNEL_BYTES)
        writer.write(f"{ingest['token']}{wish}\n".encode())
        yield reader, writer
    finally:
        writer.close()


async def _until_gone(reader: asyncio.StreamReader) -> None:
    """Wait until the worker closes the connection, or dies."""
    with suppress(OSError):
        await reader.read(1)


async def _line(reader: asyncio.StreamReader, most_s: float) -> bytes:
    """Read what the worker answers; empty if it does not."""
    with suppress(OSError, TimeoutError):
        return await asyncio.wait_for(reader.readline(), most_s)
    return b""


async def _pass_on(
    socket: WebSocket, writer: asyncio.StreamWriter, gone: "asyncio.Task[None]"
) -> bool:
    """Pass on until the worker goes (False), or the sender says the end (True)."""
    while True:
        receive = asyncio.create_task(socket.receive())
        await asyncio.wait({receive, gone}, return_when=asyncio.FIRST_COMPLETED)
        if gone.done():
            receive.cancel()
            return False
        message = receive.result()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1000))
        if _is_end(message.get("text")):
            return True
        data = message.get("bytes")
        if not data:
            continue
        try:
            writer.write(data)
            await _drain(writer)
        except OSError:
            return False


async def _drain(writer: asyncio.StreamWriter) -> None:
    """Wait for room, for as long as the worker takes anything.

    Raises:
        PushRefused: it took nothing for long.
    """
    drained = asyncio.create_task(writer.drain())
    waiting = writer.transport.get_write_buffer_size()
    try:
        while not (await asyncio.wait({drained}, timeout=DRAIN_S))[0]:
            before, waiting = waiting, writer.transport.get_write_buffer_size()
            if waiting >= before:
                raise PushRefused(NOT_YET, "the worker does not keep up")
        drained.result()
    finally:
        drained.cancel()


def _is_end(text: str | None) -> bool:
    with suppress(ValueError, RecursionError):
        said = json.loads(text or "null")
        return isinstance(said, dict) and said.get("kind") == "end"
    return False
