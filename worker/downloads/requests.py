"""A GET to somebody else's server: redirects are followed, each address is checked.

Nothing of ours goes along: no key, no cookie, no word of the address it came from.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import urljoin, urlsplit

import httpcore

from app.core.errors import CallbackRefused
from app.core.settings import Network
from app.sources.failures import DownloadFailed, DownloadRefused
from app.webhooks.addresses import Address
from app.webhooks.callbacks import (
    Callback,
    check_callback,
    parse_callback_url,
    resolve,
)
from worker.webhooks.outbound import JudgedBackend, usual_tls

MOST_REDIRECTS = 5
REDIRECTS = (301, 302, 303, 307, 308)
CONNECT_S = 20.0  # also for a name to be resolved


@dataclass(frozen=True, slots=True)
class Rules:
    """Where downloads may go, and whom TLS trusts.

    Attributes:
        idle_s: how long a server may be silent.
        resolve: gives the addresses of a host and port; may block.
    """

    allow_nets: Sequence[Network] = ()
    idle_s: float = 60.0
    tls: ssl.SSLContext = field(default_factory=usual_tls)
    resolve: Callable[[str, int], Sequence[Address]] = resolve


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answers; header names are in small letters."""

    host: str
    status: int
    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes]


@asynccontextmanager
async def open_url(
    url: str, *, headers: Mapping[str, str], rules: Rules
) -> AsyncIterator[Answer]:
    """Ask for what an address leads to.

    Raises:
        DownloadRefused: the address, or one that it leads to, may not be called.
        DownloadFailed: connection or server failed.
    """
    name = "url"
    for _ in range(MOST_REDIRECTS + 1):
        allowed = await _check_callback(url, name, rules)
        host = urlsplit(allowed.url).hostname or ""
        async with _send(allowed, headers, rules, host) as response:
            said = _headers(response)
            if response.status not in REDIRECTS or "location" not in said:
                chunks = _chunks(response, host)
                yield Answer(host, response.status, said, chunks)
                return
        try:
            url = urljoin(allowed.url, said["location"])
        except ValueError as exc:
            raise DownloadRefused(f"{host} redirects to what is no URL.") from exc
        name = f"what {host} redirects to"
    raise DownloadRefused(f"The address redirects more than {MOST_REDIRECTS} times.")


async def _check_callback(url: str, name: str, rules: Rules) -> Callback:
    try:
        parsed = parse_callback_url(url, name=name)
    except CallbackRefused as exc:
        raise DownloadRefused(exc.detail) from exc
    look_up = partial(rules.resolve, parsed.host, parsed.port)
    try:
        async with asyncio.timeout(CONNECT_S):
            addresses = await asyncio.to_thread(look_up)
    except (CallbackRefused, TimeoutError) as exc:
        raise DownloadFailed(f"The host {parsed.host} does not resolve.") from exc
    try:
        return check_callback(parsed, addresses, rules.allow_nets)
    except CallbackRefused as exc:
        raise DownloadRefused(exc.detail) from exc


@asynccontextmanager
async def _send(
    allowed: Callback, headers: Mapping[str, str], rules: Rules, host: str
) -> AsyncIterator[httpcore.Response]:
    waits = {"connect": CONNECT_S, "read": rules.idle_s, "write": CONNECT_S}
    async with (
        httpcore.AsyncConnectionPool(
            ssl_context=rules.tls,
            network_backend=JudgedBackend(allowed.addresses, max_bytes=None),
            max_connections=1,
        ) as pool,
        AsyncExitStack() as stack,
    ):
        with _telling(host):
            response = await stack.enter_async_context(
                pool.stream(
                    "GET",
                    allowed.url,
                    headers=list(headers.items()),
                    extensions={"timeout": waits},
                )
            )
        yield response


async def _chunks(response: httpcore.Response, host: str) -> AsyncIterator[bytes]:
    chunks = aiter(response.aiter_stream())
    while True:
        with _telling(host):
            try:
                chunk = await anext(chunks)
            except StopAsyncIteration:
                return
        yield chunk


@contextmanager
def _telling(host: str) -> Iterator[None]:
    """Say what failed and where, and nothing of the address, which may be a secret."""
    try:
        yield
    except (httpcore.TimeoutException, TimeoutError) as exc:
        raise DownloadFailed(f"{host} did not answer in time.") from exc
    except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as exc:
        why = type(exc).__name__
        raise DownloadFailed(f"The connection to {host} failed: {why}.") from exc


def _headers(response: httpcore.Response) -> dict[str, str]:
    return {
        name.decode("latin-1").lower(): value.decode("latin-1")
        for name, value in response.headers
    }
