"""Where a stream comes from: read, shown without secrets, and checked.

The rules are those of webhooks: an address must be public, or in a network that the
operator allows. Who connects checks the address again.
"""

import ipaddress
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from app.core.errors import CallbackRefused
from app.core.resources import Resources
from app.core.settings import Network
from app.sources.problems import SourceRefused
from app.webhooks.addresses import Address, is_public
from app.webhooks.callbacks import resolve
from app.webhooks.checking import RESOLVE_S

Kind = Literal["pull", "listen", "push", "udp", "file", "relay"]

LISTEN, PUSH, SRT, IMPORT = "listen", "push", "srt", "import:"
PULLED = {"rtmp": 1935, "rtmps": 443, "rtsp": 554, "rtsps": 322}
OVER_HTTP = {"http": 80, "https": 443}
MAX_CHARS = 2048
LEAST_PORT = 1024
HOW = (
    "give rtmp://, rtsp://, https://….m3u8 or udp://0.0.0.0:PORT, `listen` to take "
    "RTMP, `srt` to take SRT by way of MediaMTX, `push` to send from a browser, or "
    "`import:PATH` for a file that grows (docs/live-sources.md)"
)


@dataclass(frozen=True, slots=True)
class LiveAddress:
    """Where a stream comes from.

    Attributes:
        text: as it was given.
        shown: the same without what may be a secret.
        host, port: what is connected to; empty and 0: nothing is.
    """

    kind: Kind
    text: str
    shown: str
    host: str = ""
    port: int = 0


def read_address(text: str) -> LiveAddress:
    """Read what `source` of a request names; asks no resolver.

    Raises:
        SourceRefused: no stream can come from there.
    """
    if text == LISTEN:
        return LiveAddress("listen", text, text)
    if text == PUSH:
        return LiveAddress("push", text, text)
    if text == SRT:
        return LiveAddress("relay", text, text)
    if text.startswith(IMPORT):
        return LiveAddress("file", text, text)
    if len(text) > MAX_CHARS or not text.isprintable() or " " in text:
        raise SourceRefused(
            f"source: an address has up to {MAX_CHARS} characters, and no white space."
        )
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as exc:
        raise SourceRefused(f"source: {text[:200]!r} is no address: {exc}.") from exc
    if parts.scheme == "udp":
        return _read_udp(text, parts, port)
    return _read_pulled(text, parts, port)


def _read_udp(text: str, parts: SplitResult, port: int | None) -> LiveAddress:
    try:
        ipaddress.IPv4Address(parts.hostname or "")
    except ValueError as exc:
        raise SourceRefused(
            "source: of udp:// give an IPv4 address of the worker's machine, 0.0.0.0, "
            "or a multicast group."
        ) from exc
    if port is None or port < LEAST_PORT:
        raise SourceRefused(
            f"source: of udp:// name a port from {LEAST_PORT}: udp://0.0.0.0:5004."
        )
    return LiveAddress("udp", text, text, parts.hostname or "", port)


def _read_pulled(text: str, parts: SplitResult, port: int | None) -> LiveAddress:
    known = PULLED.get(parts.scheme)
    if parts.scheme in OVER_HTTP:
        if PurePosixPath(parts.path).suffix.lower() != ".m3u8":
            raise SourceRefused(
                "source: over http(s) a stream is an HLS playlist, whose name ends in "
                ".m3u8; a file that is whole is fetched with POST /videos."
            )
        known = OVER_HTTP[parts.scheme]
    if known is None or not parts.hostname:
        raise SourceRefused(f"source: {text[:200]!r} is no live source: {HOW}.")
    host = parts.netloc.rpartition("@")[2]
    shown = parts._replace(netloc=host, query="", fragment="").geturl()
    return LiveAddress("pull", text, shown, parts.hostname, port or known)


def check_addresses(
    host: str, addresses: Sequence[Address], allow_nets: Sequence[Network]
) -> None:
    """Refuse a host any of whose addresses is private and not allowed.

    Raises:
        SourceRefused: so it is.
    """
    for address in addresses:
        is_allowed = any(
            address.version == net.version and address in net for net in allow_nets
        )
        if not is_allowed and not is_public(address):
            raise SourceRefused(
                f"source: {host} leads to {address}, which is not a public address; "
                "the operator can allow its network with TOUCHLINE_WEBHOOK_ALLOW_NETS."
            )


async def check_source(address: LiveAddress, resources: Resources) -> None:
    """Refuse an address that the worker would refuse.

    Raises:
        SourceRefused: its host is unknown, private, or was not looked up in time; or
            nothing takes SRT.
    """
    settings = resources.settings
    if address.kind == "relay" and not (settings.live_relay and settings.live_srt):
        raise SourceRefused(
            "source: nothing takes SRT here. MediaMTX does, beside the service: set "
            "TOUCHLINE_LIVE_RELAY and TOUCHLINE_LIVE_SRT (docs/live-sources.md), or "
            "use `listen` for RTMP."
        )
    if address.kind != "pull":
        return
    found: Sequence[Address]
    try:
        with suppress(ValueError):
            found = [ipaddress.ip_address(address.host)]
            check_addresses(address.host, found, resources.settings.webhook_allow_nets)
            return
        key = (address.host, address.port, "source")
        found = await resources.lookups.call(
            key,
            lambda: resolve(address.host, address.port, name="source"),
            within_s=RESOLVE_S,
        )
    except TimeoutError as exc:
        raise SourceRefused(
            "source: its host could not be looked up in time. Try again later."
        ) from exc
    except CallbackRefused as exc:
        raise SourceRefused(exc.detail) from exc
    check_addresses(address.host, found, resources.settings.webhook_allow_nets)
