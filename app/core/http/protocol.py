"""The server's side of one connection: headers must come in time, answers be read.

A subclass of whichever HTTP/1.1 protocol uvicorn has (httptools or h11). Who is refused
here was never heard of by the app.
"""

import time
from asyncio import BaseTransport, TimerHandle
from typing import Any

from fastapi.responses import JSONResponse
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from app.core.errors import (
    BadRequest,
    HeadersTooLarge,
    RequestProblem,
    RequestTimeout,
    TooManyConnections,
)
from app.core.http.problems import MEDIA_TYPE, problem_document, retry_headers
from app.core.http.request_id import HEADER as REQUEST_ID
from app.core.http.request_id import choose_request_id
from app.core.http.server import MAX_HEAD_BYTES, ON_SHUTDOWN, HttpLimits


class LimitedProtocol(AutoHTTPProtocol):  # type: ignore[misc,valid-type]  # one of two
    """One connection.

    While more connections are open than allowed, the one that idles longest goes; if
    none does, the new one is refused.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._limits: HttpLimits = self.app_state.get(HttpLimits.KEY, HttpLimits())
        self._head_timer: TimerHandle | None = None
        self._unread_timer: TimerHandle | None = None
        self._head_bytes = 0
        self._idle_since = time.monotonic()
        self._is_upgraded = False  # another protocol has the connection since

    @property
    def is_idle(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or bool(self.cycle.response_complete)

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)
        if len(self.connections) > self._limits.connections and not self._make_room():
            self._refuse(TooManyConnections("Too many connections; try again soon."))
            return
        self._await_head()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP; behind a request it only ends the connection."""
        if self.is_idle:
            self._refuse(BadRequest(msg))
        else:
            self.cycle.keep_alive = False  # The request's own answer goes out first.

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._stop(self._head_timer, self._unread_timer)

    def shutdown(self) -> None:
        """Let the answer under way end; the server waits for it."""
        super().shutdown()
        end_streams = self.app_state.get(ON_SHUTDOWN)
        if end_streams is not None:
            end_streams()

    def handle_websocket_upgrade(self, *args: Any) -> None:
        """Hand the connection over; what comes is no longer ours to wait for."""
        self._is_upgraded = True
        self._stop(self._head_timer, self._unread_timer)
        self._head_timer = self._unread_timer = None
        super().handle_websocket_upgrade(*args)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._is_upgraded:
            return
        if not self.is_idle or self.transport.is_closing():
            self._stop(self._head_timer)
            self._head_timer, self._head_bytes = None, 0
            return
        self._head_bytes += len(data)
        if self._head_bytes > MAX_HEAD_BYTES:
            self._refuse(
                HeadersTooLarge(f"The headers are larger than {MAX_HEAD_BYTES} bytes.")
            )
        elif self._head_timer is None:
            self._await_head()

    def on_response_complete(self) -> None:
        self._idle_since = time.monotonic()
        super().on_response_complete()
        if self.transport.is_closing():
            self._abort_if_unread()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._abort_if_unread()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._abort_if_unread()

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self.transport.is_closing():
            self._stop(self._unread_timer)
            self._unread_timer = None

    def _await_head(self) -> None:
        wait_s = self._limits.head.total_seconds()
        self._head_timer = self.loop.call_later(wait_s, self._give_up_on_head)

    def _give_up_on_head(self) -> None:
        self._head_timer = None
        if self._head_bytes == 0:  # It never began: nobody waits for an answer.
            self.transport.close()
        else:
            wait_s = self._limits.head.total_seconds()
            self._refuse(
                RequestTimeout(
                    f"The headers were not complete after {wait_s:g} seconds."
                )
            )

    def _abort_if_unread(self) -> None:
        """Cut the connection if the client takes too long to read what it was sent."""
        if self._unread_timer is None:
            wait_s = self._limits.unread.total_seconds()
            self._unread_timer = self.loop.call_later(wait_s, self.transport.abort)

    def _make_room(self) -> bool:
        """Close the connection that has idled longest; False if there is none."""
        idle = [
            other
            for other in self.connections
            if other is not self and other.is_idle and not other.transport.is_closing()
        ]
        if not idle:
            return False
        min(idle, key=lambda other: other._idle_since).transport.close()
        return True

    def _refuse(self, problem: RequestProblem) -> None:
        """Answer for the app, which never hears of this connection, and close."""
        answer = JSONResponse(
            problem_document(problem, instance="/"),
            problem.status,
            {
                **retry_headers(problem),
                "connection": "close",
                REQUEST_ID: choose_request_id(),
            },
            MEDIA_TYPE,
        )
        head = b"".join(b"%b: %b\r\n" % header for header in answer.raw_headers)
        status = f"HTTP/1.1 {problem.status} {problem.title}\r\n".encode()
        self.transport.write(status + head + b"\r\n" + bytes(answer.body))
        self.transport.close()
        self._abort_if_unread()

    def _stop(self, *timers: TimerHandle | None) -> None:
        for timer in timers:
            if timer is not None:
                timer.cancel()
