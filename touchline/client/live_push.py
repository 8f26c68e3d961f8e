"""Bytes of a live stream to the service, over a WebSocket: from a pipe or a program."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from touchline.client.errors import LivePushRefused, NotReachable
from touchline.client.transport import Backoff, Transport

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

ENDED, IS_OVER = 1000, 4409
PASSING = (1001, 1006, 1011, 1012, 1013)  # codes of ends after which it is tried again
READY_S = 15.0
OPEN_S = 10.0
END_S = 900.0  # for the worker to take what was sent before the end
END = json.dumps({"kind": "end"})


class LivePush:
    """Sends to one stream; a connection that is lost is made again."""

    def __init__(self, http: Transport, path: str) -> None:
        self._http, self._path = http, path
        self._backoff = Backoff(http.limits.retry_s)
        self._has_said_end = False

    def send(self, pieces: Iterable[bytes], *, ends: bool) -> bool:
        """Send all of it; False: the stream has ended before.

        Args:
            ends: the stream is over with the last piece.

        Raises:
            LivePushRefused: the stream takes nothing from us; the message says why.
            NotReachable: the service was not there for as long as retries may take.
        """
        left: Iterator[bytes] = iter(pieces)
        piece = next(left, None)
        if piece is None and not ends:
            return True
        while True:
            piece, code, why = self._send_some(piece, left, ends=ends)
            # An answer to our end may have been lost: the stream is over all the same.
            if code == ENDED or (code == IS_OVER and self._has_said_end):
                return piece is None
            if code not in PASSING:
                raise LivePushRefused(f"The stream takes nothing: {why or code}.")
            if not self._backoff.pause():
                raise NotReachable(
                    f"{self._http.url} did not take the stream: {why or 'no answer'}."
                )

    def _send_some(
        self, piece: bytes | None, left: Iterator[bytes], *, ends: bool
    ) -> tuple[bytes | None, int, str]:
        """Send over one connection; gives what is left to send, and how it ended."""
        from websockets.exceptions import ConnectionClosed, WebSocketException

        try:
            with self._connected() as socket:
                takes_end = _takes_end(socket.recv(timeout=READY_S))
                if piece is not None:  # An end that is not taken is not said for ever.
                    self._backoff.renew()
                while piece is not None:
                    if piece:
                        socket.send(piece)
                    piece = next(left, None)
                if ends and takes_end:
                    socket.send(END)
                    self._has_said_end = True
                    socket.recv(timeout=END_S)  # Nothing but its close comes.
        except ConnectionClosed as exc:
            if exc.rcvd is None:
                return piece, 1006, "the connection was lost"
            return piece, exc.rcvd.code, exc.rcvd.reason
        except (OSError, WebSocketException) as exc:
            return piece, 1006, str(exc)
        return None, ENDED, ""

    @contextmanager
    def _connected(self) -> Iterator["ClientConnection"]:
        from websockets.sync.client import connect

        url = f"{self._http.url.replace('http', 'ws', 1)}{self._path}"
        with connect(
            url,
            additional_headers=self._http.authorization,
            open_timeout=OPEN_S,
            proxy=True if self._http.uses_proxies else None,
        ) as socket:
            yield socket


def _takes_end(ready: str | bytes) -> bool:
    """Whether a service that is ready understands an end; older ones do not."""
    try:
        said = json.loads(ready)
    except ValueError:
        return False
    return isinstance(said, dict) and bool(said.get("takes_end"))
