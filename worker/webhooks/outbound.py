"""One POST to somebody else's server: checked addresses, a deadline, a small answer.

httpcore is used below httpx's client, since it follows no redirect, reads no proxy or
netrc from the environment, and lets us choose the very addresses to connect to while
Host and SNI stay those of the URL.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import (
    AsyncIterable,
    Callable,
    Coroutine,
    Iterable,
    Mapping,
    Sequence,
    Set,
)
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpcore

from app.webhooks.addresses import Address
from app.webhooks.callbacks import Callback

DEADLINE_S = 15.0  # from the first packet to the answer's last header
BODY_S = 2.0  # and then for its body, which nobody needs
MAX_BODY_BYTES = 64 * 1024
MAX_ANSWER_BYTES = 256 * 1024  # of all that is read, headers of every kind included
MAX_ADDRESSES = 8  # tried of one name
NEXT_ADDRESS_S = 0.5  # silence after which the next address is tried as well
MAX_ERROR_CHARS = 500


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other server said; its body is not kept."""

    status_code: int
    retry_after: str | None


class PostFailed(Exception):
    """No answer came; the message says how far it got."""


class PostTimedOut(PostFailed):
    """No answer came before the deadline."""


async def post(
    callback: Callback,
    *,
    headers: Mapping[str, str],
    body: bytes,
    deadline_s: float = DEADLINE_S,
    tls: ssl.SSLContext | None = None,
    on_connected: Callable[[], None] = lambda: None,
) -> Answer:
    """Send one POST to the addresses that were checked, and read its status.

    Args:
        tls: replaces the context that trusts the usual authorities.
        on_connected: called before the first byte of the request is sent.

    Raises:
        PostTimedOut: the deadline passed first.
        PostFailed: connection, TLS or protocol failed, in whatever way.
    """
    found: list[Answer] = []
    try:
        async with (
            asyncio.timeout(deadline_s) as deadline,
            httpcore.AsyncConnectionPool(
                ssl_context=tls or usual_tls(),
                network_backend=JudgedBackend(callback.addresses, on_connected),
                max_connections=1,
            ) as pool,
            pool.stream(
                "POST", callback.url, headers=list(headers.items()), content=body
            ) as response,
        ):
            found.append(Answer(response.status, _header(response, b"retry-after")))
            deadline.reschedule(asyncio.get_running_loop().time() + BODY_S)
            await _read_some(response.aiter_stream())
    except (TimeoutError, httpcore.TimeoutException) as exc:
        if not found:
            raise PostTimedOut(f"no answer within {deadline_s:g} s") from exc
    except Exception as exc:  # Whatever others send, it must end here.
        if not found:
            raise PostFailed(printable(f"{type(exc).__name__}: {exc}")) from exc
    return found[0]  # Once the status has come, the rest may break off.


@cache
def usual_tls() -> ssl.SSLContext:
    """Make the context that trusts the usual authorities, once: it takes a while."""
    return httpcore.default_ssl_context()


def printable(text: str) -> str:
    """Write what others sent so that it can be stored and shown, and cut it."""
    cut = text[:MAX_ERROR_CHARS]
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in cut)


async def _read_some(chunks: AsyncIterable[bytes]) -> None:
    """Read an answer as far as the limit; more is of no use to us."""
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            return


def _header(response: httpcore.Response, name: bytes) -> str | None:
    for key, value in response.headers:
        if key.lower() == name:
            return value.decode("latin-1")
    return None


class JudgedBackend(httpcore.AsyncNetworkBackend):
    """Connects to the checked addresses whatever the name.

    Args:
        max_bytes: read from a connection before it is given up; None: no limit.
    """

    def __init__(
        self,
        addresses: Sequence[Address],
        on_connected: Callable[[], None] = lambda: None,
        *,
        max_bytes: int | None = MAX_ANSWER_BYTES,
    ) -> None:
        self._addresses = addresses[:MAX_ADDRESSES]
        self._on_connected = on_connected
        self._max_bytes = max_bytes
        self._real = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,  # noqa: ARG002  # the name was resolved and checked before
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  # our caller's deadline rules
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        async def connect(address: Address) -> httpcore.AsyncNetworkStream:
            return await self._real.connect_tcp(
                str(address), port, timeout, local_address, socket_options
            )

        stream = await connect_first(self._addresses, connect)
        self._on_connected()
        return stream if self._max_bytes is None else _BoundedStream(stream)


async def connect_first(
    addresses: Sequence[Address],
    connect: Callable[[Address], Coroutine[Any, Any, httpcore.AsyncNetworkStream]],
    *,
    next_after_s: float = NEXT_ADDRESS_S,
) -> httpcore.AsyncNetworkStream:
    """Connect to the first address that answers.

    The next one is tried when one before refuses or is silent for a moment; nobody is
    given up before one has answered.

    Raises:
        Exception: what the first address said, if all have refused.

    Source: RFC 8305 (Happy Eyeballs 2), section 5, without sorting the addresses.
    """
    untried, errors = deque(addresses), list[BaseException]()
    running = set[asyncio.Task[httpcore.AsyncNetworkStream]]()
    try:
        while untried or running:
            if untried:
                running.add(asyncio.create_task(connect(untried.popleft())))
            done, running = await asyncio.wait(
                running,
                timeout=next_after_s if untried else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for task in done:
                if (error := task.exception()) is not None:
                    errors.append(error)
                else:
                    running |= done - {task}
                    return task.result()
        raise errors[0]
    finally:
        await _discard(running)


async def _discard(tasks: Set[asyncio.Task[httpcore.AsyncNetworkStream]]) -> None:
    """End connections that came second, be they made already."""
    for task in tasks:
        task.cancel()
    for stream in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(stream, httpcore.AsyncNetworkStream):
            await stream.aclose()


class _BoundedStream(httpcore.AsyncNetworkStream):
    """A stream that gives no more than an answer needs, not headers without end."""

    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream
        self._left = MAX_ANSWER_BYTES

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        data = await self._stream.read(max_bytes, timeout)
        self._left -= len(data)
        if self._left < 0:
            raise httpcore.ReadError(f"more than {MAX_ANSWER_BYTES} bytes came")
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> httpcore.AsyncNetworkStream:
        return _BoundedStream(
            await self._stream.start_tls(ssl_context, server_hostname, timeout)
        )

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
