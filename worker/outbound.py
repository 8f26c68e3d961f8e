"""One POST to somebody else's server: a pinned address, a deadline, a small answer.

httpcore is used below httpx's client, since it follows no redirect, reads no proxy or
netrc from the environment, and lets us choose the very address to connect to while
Host and SNI stay those of the URL.
"""

import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import httpcore

from app.core.webhooks import Callback

DEADLINE_S = 15.0  # from the first packet to the last byte read
MAX_ANSWER_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other server said; its body is not kept."""

    status_code: int
    retry_after: str | None


class PostFailed(Exception):
    """No complete answer came; the message says how far it got."""


def post(
    callback: Callback,
    *,
    headers: Mapping[str, str],
    body: bytes,
    deadline_s: float = DEADLINE_S,
    tls: ssl.SSLContext | None = None,
) -> Answer:
    """Send one POST to the address that was judged, and read its status.

    `tls` replaces the context that trusts the usual authorities.

    Raises:
        PostFailed: connection, TLS, deadline or protocol failed.
    """
    backend = _PinnedBackend(str(callback.addresses[0]), time.monotonic() + deadline_s)
    try:
        with (
            httpcore.ConnectionPool(
                ssl_context=tls or httpcore.default_ssl_context(),
                network_backend=backend,
                max_connections=1,
            ) as pool,
            pool.stream(
                "POST", callback.url, headers=list(headers.items()), content=body
            ) as response,
        ):
            _read_some(response.iter_stream())
            return Answer(response.status, _header(response, b"retry-after"))
    except httpcore.TimeoutException as exc:
        raise PostFailed(f"no answer within {deadline_s:g} s") from exc
    except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as exc:
        raise PostFailed(f"{type(exc).__name__}: {exc}"[:500]) from exc


def _read_some(chunks: Iterable[bytes]) -> None:
    """Read an answer as far as the limit; more is of no use to us."""
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > MAX_ANSWER_BYTES:
            return


def _header(response: httpcore.Response, name: bytes) -> str | None:
    for key, value in response.headers:
        if key.lower() == name:
            return value.decode("latin-1")
    return None


class _PinnedBackend(httpcore.NetworkBackend):
    """Connects to one address whatever the name, and lets no wait pass the deadline."""

    def __init__(self, address: str, deadline: float) -> None:
        self._address = address
        self._deadline = deadline
        self._real = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,  # noqa: ARG002  # the name was resolved and judged before
        port: int,
        timeout: float | None = None,  # noqa: ARG002  # the deadline rules
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        stream = self._real.connect_tcp(
            self._address,
            port,
            timeout=_left(self._deadline),
            local_address=local_address,
            socket_options=socket_options,
        )
        return _DeadlineStream(stream, self._deadline)


class _DeadlineStream(httpcore.NetworkStream):
    """A stream whose every wait ends at the deadline, however slowly bytes drip."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        return self._stream.read(max_bytes, _left(self._deadline))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        self._stream.write(buffer, _left(self._deadline))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002  # the deadline rules
    ) -> httpcore.NetworkStream:
        secured = self._stream.start_tls(
            ssl_context, server_hostname, _left(self._deadline)
        )
        return _DeadlineStream(secured, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("the deadline passed")
    return left
