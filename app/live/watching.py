"""One client that watches a stream: what it was not sent yet, in bounded memory."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from fastapi.sse import format_sse_event

from app.live.tables import LiveChange, LiveGap
from app.live.wire import change_item, gap_item
from app.streams.subscription import HEARTBEAT, HEARTBEAT_S

RETRY_MS = 1000
MAX_WAITING = 5000  # messages for one client; who reads too slowly is let go
FINAL = ("ended", "failed")


class News(NamedTuple):
    """What one look found of a stream.

    Attributes:
        status: see `status_of`.
        changes: of events, in order.
        gaps: in order.
    """

    status: Mapping[str, object]
    changes: Sequence[LiveChange]
    gaps: Sequence[LiveGap]


@dataclass(frozen=True, slots=True)
class Message:
    """What waits to be sent.

    Attributes:
        decoded_s: when the picture behind it was decoded, in seconds since 1970; None:
            that is not counted.
    """

    data: bytes
    decoded_s: float | None = None


class Watch:
    """Messages on their way to one client; belongs to the event loop's thread.

    Attributes:
        number: of the change up to which everything is sent or waits.
        gap_number: of the gap, likewise.
    """

    def __init__(
        self,
        video_id: UUID,
        key_id: str,
        *,
        number: int,
        gap_number: int,
        on_sent: Callable[[float], None],
    ) -> None:
        """Begin.

        Args:
            number: of the change that the client knows.
            gap_number: of the gap that it knows.
            on_sent: is told when the picture behind a message was decoded.
        """
        self.video_id, self.key_id = video_id, key_id
        self.number, self.gap_number = number, gap_number
        self._on_sent = on_sent
        self._status: Mapping[str, object] | None = None
        self._waiting: deque[Message] = deque()
        self._wake = asyncio.Event()
        self._is_ended = False

    def take(self, news: News) -> None:
        """Note what is new to this client."""
        is_first = self._status is None
        if news.status != self._status:
            retry = RETRY_MS if is_first else None
            self._put("state", news.status, retry=retry)
            self._status = news.status
        for gap in news.gaps:
            if gap.number > self.gap_number:
                self.gap_number = gap.number
                self._put("gap", gap_item(gap))
        for change in news.changes:
            if change.number > self.number:
                self.number = change.number
                self._put(
                    change.kind,
                    change_item(change),
                    number=change.number,
                    decoded_s=None if is_first else change.decoded_at.timestamp(),
                )
        if news.status["state"] in FINAL and self.number >= _last_of(news):
            told = {name: news.status[name] for name in ("state", "error")}
            self._put("end", told)
            self.end()

    def end(self) -> None:
        """Send what waits, then end."""
        self._is_ended = True
        self._wake.set()

    async def messages(self) -> AsyncIterator[bytes]:
        """Give what is to be sent, until the end; a comment while it is quiet."""
        while True:
            self._wake.clear()
            if self._waiting:
                batch = list(self._waiting)
                self._waiting.clear()
                for message in batch:
                    if message.decoded_s is not None:
                        self._on_sent(message.decoded_s)
                yield b"".join(message.data for message in batch)
            elif self._is_ended:
                return
            else:
                try:
                    await asyncio.wait_for(self._wake.wait(), HEARTBEAT_S)
                except TimeoutError:
                    yield HEARTBEAT

    def _put(
        self,
        event: str,
        data: Mapping[str, Any],
        *,
        number: int | None = None,
        retry: int | None = None,
        decoded_s: float | None = None,
    ) -> None:
        if len(self._waiting) >= MAX_WAITING:
            # It connects again, and says by Last-Event-ID what it has.
            self._waiting.clear()
            self.end()
            return
        text = format_sse_event(
            data_str=json.dumps(data),
            event=event,
            id=None if number is None else str(number),
            retry=retry,
        )
        self._waiting.append(Message(text, decoded_s))
        self._wake.set()


def _last_of(news: News) -> int:
    changes = news.status["changes"]
    return changes if isinstance(changes, int) else 0
