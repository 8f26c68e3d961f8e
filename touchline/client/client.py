"""A client of a Touchline service, for scripts and notebooks.

import touchline

with touchline.Client("http://localhost:8000") as client:
    video = client.wait(client.upload("match.mp4"))
    for event in client.events(video, type="SHOT"):
        print(event.time_s, event.score)
"""

import os
from types import TracebackType
from typing import Self
from urllib.parse import quote

from touchline.client.batches import BatchCalls
from touchline.client.clips import ClipCalls
from touchline.client.events import EventCalls
from touchline.client.joining import JoinCalls
from touchline.client.live import LiveCalls
from touchline.client.models import ModelCalls
from touchline.client.reports import ReportCalls
from touchline.client.searching import SearchCalls
from touchline.client.trainings import TrainingCalls
from touchline.client.transport import Limits, Transport

KEY_VARIABLE = "TOUCHLINE_KEY"


class Client(
    ClipCalls,
    JoinCalls,
    ReportCalls,
    EventCalls,
    SearchCalls,
    ModelCalls,
    TrainingCalls,
    LiveCalls,
    BatchCalls,
):
    """Calls a service; `close` it, or use it in a `with`.

    Every answer is a frozen object, every refusal an `ApiProblem` with `status`, `code`
    and `detail`. Lost answers are asked for again, `Retry-After` is kept, and each wait
    has a limit. Threads may share one.

    Args:
        url: of the service.
        key: of `touchline keys create`; left out: what `TOUCHLINE_KEY` holds, if it is
            set.
        author: who signs corrections, where people share a key.
        timeout_s: for a connection, and between two pieces of an answer.
        retry_s: for the retries of one request, all together; 0: none.

    Raises:
        ValueError: `url` is no address of a service, or `key` cannot be sent.
    """

    def __init__(
        self,
        url: str = "http://localhost:8000",
        key: str | None = None,
        *,
        author: str | None = None,
        timeout_s: float = 30.0,
        retry_s: float = 60.0,
    ) -> None:
        key = key or os.environ.get(KEY_VARIABLE) or None
        self._http = Transport(url, key, Limits(timeout_s, retry_s))
        self._author = None if author is None else quote(author)

    @property
    def url(self) -> str:
        """Tell where the service is."""
        return self._http.url

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client({self.url!r})"
