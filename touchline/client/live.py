"""What the client does with live streams: begin, watch, stop."""

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from touchline.client.errors import ApiProblem, ClientError
from touchline.client.live_push import LivePush
from touchline.client.reading import read
from touchline.client.records import JobError, Video
from touchline.client.transport import Backoff, is_transient
from touchline.client.videos import VideoCalls, id_of

StreamState = Literal[
    "waiting", "connecting", "live", "interrupted", "ending", "ended", "failed"
]
ChangeKind = Literal["provisional", "final", "retracted"]
LOOK_S = 0.5
CHANGES = ("provisional", "final", "retracted")


@dataclass(frozen=True, slots=True)
class PushAddress:
    """Where an encoder sends RTMP to."""

    url: str
    key: str


@dataclass(frozen=True, slots=True)
class LiveStream:
    """A live source, under way or over; times are seconds since its first picture.

    Attributes:
        look_ahead_s: how much video after an event the model waits for.
        edge_s: of the latest picture the model has seen.
        recorded_s: up to where the recording can be viewed.
        changes: the number of the latest change of events.
        end_reason: why it ended by itself, before its source was over.
    """

    video_id: str
    name: str
    state: StreamState
    source: str
    kind: str
    push: PushAddress | None
    model: str | None
    look_ahead_s: float | None
    recording: Literal["on", "off", "stopped"]
    recording_problem: str | None
    edge_s: float
    recorded_s: float
    changes: int
    error: JobError | None
    end_reason: str | None = None

    @property
    def is_over(self) -> bool:
        """Whether it has ended, in whatever way."""
        return self.state in ("ended", "failed")


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """What has become of an event of a stream.

    Attributes:
        number: of the change, rising.
        id: of the event, as in the video's timeline.
        replaces: the provisional event whose place it takes.
    """

    kind: ChangeKind
    number: int
    id: str
    type: str
    time_s: float
    wall: str
    frame: int
    score: float
    team: str | None
    replaces: str | None


class LiveCalls(VideoCalls):
    """Live streams and their events."""

    def start_live(
        self,
        source: str,
        *,
        name: str | None = None,
        model: str | None = None,
        record: bool = True,
        analyse_after: bool = False,
    ) -> Video:
        """Have a live source followed; its events are there while it is played.

        Args:
            source: an address, `listen`, `push`, or `import:PATH`.

        Raises:
            ApiProblem: it is refused; its code says why.
        """
        body = {
            "source": source,
            "name": name,
            "model": model,
            "record": record,
            "analyse_after": analyse_after,
        }
        return read(Video, self._http.json("POST", "/live", body=body))

    def live(self, video: Video | str) -> LiveStream:
        """Look at a stream."""
        return read(LiveStream, self._http.json("GET", f"/live/{id_of(video)}"))

    def live_streams(self, *, only_open: bool = False) -> Iterator[LiveStream]:
        """List streams, the newest first."""
        state = "open" if only_open else "all"
        return self._pages(LiveStream, "/live", {"state": state})

    def stop_live(self, video: Video | str) -> LiveStream:
        """End a stream in order: its recording becomes the video's file."""
        path = f"/live/{id_of(video)}/stop"
        return read(LiveStream, self._http.json("POST", path))

    def push_live(
        self, video: Video | str, pieces: Iterable[bytes], *, ends: bool = True
    ) -> bool:
        """Send the bytes of a stream whose source is `push`, at their own pace.

        Any format that can be read as it comes, MPEG-TS above all, which can be gone
        on with after a lost connection. What is sent is taken, not yet spotted, when
        this returns: `end_live` waits for that.

        Args:
            ends: the stream is over with the last piece, once all was seen. False: more
                follows by another call.

        Returns:
            False: the stream has ended before.

        Raises:
            LivePushRefused: the stream takes nothing from us; the message says why.
            NotReachable: the service was not there for as long as retries may take.
        """
        push = LivePush(self._http, f"/live/{id_of(video)}/push")
        return push.send(pieces, ends=ends)

    def end_live(self, video: Video | str, *, still_s: float = 30.0) -> LiveStream:
        """Wait until a stream has seen all that was sent; stop it if nothing moves.

        Args:
            still_s: for so long nothing more is seen then. A worker that takes the
                stream over from a dead one waits for a sender who does not come.
        """
        edge_s, since = -1.0, time.monotonic()
        while time.monotonic() - since < still_s:
            stream = self.live(video)
            if stream.is_over:
                return stream
            if stream.edge_s > edge_s or stream.state == "ending":
                edge_s, since = stream.edge_s, time.monotonic()
            time.sleep(LOOK_S)
        try:
            return self.stop_live(video)
        except ApiProblem as problem:
            if problem.code != "live-has-ended":
                raise
            return self.live(video)

    def live_events(
        self, video: Video | str, *, after: int | None = None
    ) -> Iterator[LiveEvent]:
        """Follow the events of a stream to its end, over lost connections.

        Args:
            after: the number of the change that is known; 0: tell all of them; left
                out: only what is new.

        Raises:
            NotReachable: the service was not there for as long as retries may take.
        """
        path, known = f"/live/{id_of(video)}/events/stream", after
        backoff = Backoff(self._http.limits.retry_s)
        while True:
            headers = {} if known is None else {"last-event-id": str(known)}
            try:
                with self._http.stream(path, headers) as answer:
                    for kind, data in _messages(answer.iter_lines()):
                        backoff.renew()
                        if kind == "end":
                            return
                        if kind == "state" and known is None:
                            known = int(data["changes"])
                        if kind in CHANGES:
                            known = int(data["number"])
                            yield read(LiveEvent, {**data, "kind": kind})
            except ClientError as problem:
                if not (is_transient(problem) and backoff.pause()):
                    raise
            else:
                if not backoff.pause():
                    return


def _messages(lines: Iterator[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Read server-sent events whose data is one line of JSON."""
    kind = ""
    for line in lines:
        name, _, value = line.partition(": ")
        if name == "event":
            kind = value
        elif name == "data" and kind:
            yield kind, json.loads(value)
            kind = ""
