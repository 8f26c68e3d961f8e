"""Sources that are pulled from a server: RTMP and RTSP.

FFmpeg speaks the protocol, in the decoding process; the connection is opened here.
"""

import os
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit, urlunsplit

from model.errors import SourceUnreachable
from model.video.live.connection import Connection, Input, Waiting
from model.video.live.dialing import Resolver, dial, resolve_any

_MAX_ADDRESS = 2048


@dataclass(frozen=True, slots=True)
class _Scheme:
    input: Input
    port: int
    tls: bool


_SCHEMES = {
    "rtmp": _Scheme("rtmp", 1935, tls=False),
    "rtmps": _Scheme("rtmp", 443, tls=True),
    "rtsp": _Scheme("rtsp", 554, tls=False),
    "rtsps": _Scheme("rtsp", 322, tls=True),
}


class PullSource:
    """A stream of an RTMP or RTSP server; a lost connection is made again.

    RTSP comes over its TCP connection (interleaved): not over UDP.
    """

    is_paced, is_bursty, is_pushed, is_over = False, False, False, False

    def __init__(self, url: str, *, resolve: Resolver = resolve_any) -> None:
        """Name the stream.

        Args:
            url: `rtmp[s]://` or `rtsp[s]://`, with user and password if need be.
            resolve: says which addresses may be connected to; asked each time.

        Raises:
            SourceUnreachable: it is no such address.
        """
        self._parts = split_address(url, tuple(_SCHEMES))
        self._scheme = _SCHEMES[self._parts.scheme]
        self._resolve = resolve
        self.name = without_password(self._parts)

    def connect(self, wait: Waiting) -> Connection:
        """Connect to the server.

        Raises:
            SourceUnreachable: it does not answer.
        """
        wait()
        scheme, parts = self._scheme, self._parts
        host, port = parts.hostname or "", parts.port or scheme.port
        connected = dial(host, port, self._resolve, tls=scheme.tls)
        descriptor = connected.detach()
        os.set_blocking(descriptor, True)
        return Connection(
            descriptor,
            scheme.input,
            address=self._local_address(),
            options=self._options(),
        )

    def close(self) -> None:
        """Nothing is held."""

    def _local_address(self) -> str:
        parts = self._parts
        login = parts.netloc.rpartition("@")[0]
        path = parts.path.replace("{", "%7B").replace("}", "%7D")
        query = f"?{parts.query}" if parts.query else ""
        query = query.replace("{", "%7B").replace("}", "%7D")
        login = login.replace("{", "%7B").replace("}", "%7D")
        at = f"{login}@" if login else ""
        return f"{self._scheme.input}://{at}127.0.0.1:{{port}}{path}{query}"

    def _options(self) -> dict[str, str]:
        if self._scheme.input == "rtsp":
            return {"rtsp_transport": "tcp"}
        # What the server is told that it was called by: some serve several names.
        parts = self._parts
        host = parts.netloc.rpartition("@")[2]
        app = parts.path.strip("/").rpartition("/")[0]
        return {"rtmp_live": "live", "rtmp_tcurl": f"{parts.scheme}://{host}/{app}"}


def split_address(url: str, schemes: tuple[str, ...]) -> SplitResult:
    """Split an address; refuse what is none.

    Raises:
        SourceUnreachable: another scheme, no host, or a port out of range.
    """
    try:
        parts = urlsplit(url)
        is_good = bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_good = False
    if len(url) > _MAX_ADDRESS or not url.isprintable() or " " in url or not is_good:
        raise SourceUnreachable(
            "The source's address is not one: write it as rtmp://host/app/stream, with "
            "special characters encoded (%20 for a space)."
        )
    if parts.scheme not in schemes:
        names = ", ".join(f"{name}://" for name in schemes)
        raise SourceUnreachable(
            f"A source of {parts.scheme}:// cannot be read here; {names} can. SRT "
            "and WebRTC come through MediaMTX (docs/live-sources.md)."
        )
    return parts


def without_password(parts: SplitResult) -> str:
    """Write an address for messages: no user, no password, no query."""
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))
