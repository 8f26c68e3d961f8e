"""A live stream from its first picture to its end, over lost connections.

Each connection is read by a decoding process of its own (`model.video.child`).
"""

import math
import os
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from model.errors import (
    DecoderCrashed,
    DecoderError,
    SourceSilent,
    SourceUnreachable,
    UnreadableVideo,
)
from model.video.live.connection import STOP, Connection, LiveSource
from model.video.live.messages import LATEST_S, facts_of, gap_of
from model.video.live.recording import Recording
from model.video.live.settings import LiveEvent, LiveSettings, LiveStep, SegmentSink
from model.video.process import ChildProcess
from model.video.ring import Ring
from model.video.shared_memory import create_memory

_CHILD_STALL_S = 30.0
_STOP_S = 3.0


@contextmanager
def open_live(
    source: LiveSource,
    settings: LiveSettings,
    *,
    record: SegmentSink | None = None,
    folder: Path | None = None,
    on_wait: Callable[[], None] | None = None,
) -> Iterator[Iterator[LiveEvent]]:
    """Read a live source: facts, steps and gaps, in order of time.

    The iterator waits for the next one. It ends where the source says that it is over;
    a connection that is lost before is made again. Leave the block to stop. The source
    is closed with the block.

    Args:
        source: where pictures come from.
        settings: how they are read.
        record: takes the recording; None: nothing is recorded.
        folder: where segments are written first; None is the system's for scratch.
        on_wait: called a few times a second while waiting; may raise to stop.

    Raises:
        SourceSilent: no first picture in `start_timeout_s`, or none for `give_up_s`.
        SourceUnreachable: the same, and this is what the last try said.
        UnreadableVideo, UnsupportedMedia, NoVideoStream, VideoLimitExceeded: what the
            source sends cannot be used; raised by the step that meets it.
    """
    recording = None if record is None else Recording(record, folder)
    stream = _Stream(source, settings, recording, on_wait)
    events = stream.events()
    try:
        yield events
    finally:
        events.close()
        source.close()
        if recording is not None:
            recording.close()


class _Silent(Exception):
    """No picture came for too long."""


class _Stream:
    """What is known of the stream from one connection to the next."""

    def __init__(
        self,
        source: LiveSource,
        settings: LiveSettings,
        recording: Recording | None,
        on_wait: Callable[[], None] | None,
    ) -> None:
        self._source, self._settings = source, settings
        self._recording = recording
        self._on_wait = on_wait
        self._last_s: float | None = None
        self._last_at = time.monotonic()
        self._first_s = 0.0  # within which a first picture must come
        self._deadline = self._last_at
        self._expect_sender()
        self._heard_at = self._last_at
        self._burst_s = 0.0
        self._failure: Exception | None = None

    def events(self) -> Generator[LiveEvent]:
        """Give facts, steps and gaps until the source is over."""
        pause_s, most_s = self._settings.reconnect_s
        while True:
            before_s = self._last_s
            try:
                yield from self._connection()
                self._expect_sender()
            except _Silent:
                pass  # Of this connection; the next one may be better.
            except (SourceUnreachable, DecoderError) as exc:
                has_ended = self._source.is_over and self._last_s is not None
                if not (has_ended and isinstance(exc, SourceUnreachable)):
                    self._failure = exc  # Else it was only the end that came again.
            except UnreadableVideo as exc:
                if self._last_s is None and not self._source.is_pushed:
                    raise
                self._failure = exc  # Cut off in its head, or somebody else's.
            if self._source.is_over:
                if self._failure is not None or self._last_s is None:
                    raise self._given_up()
                return
            self._wait(pause_s)
            came = self._last_s != before_s
            pause_s = (
                self._settings.reconnect_s[0] if came else min(2 * pause_s, most_s)
            )

    def _connection(self) -> Iterator[LiveEvent]:
        connection = self._source.connect(self._check)
        self._expect_picture()
        with ExitStack() as cleanup:
            cleanup.callback(connection.close)
            ring, child = self._start(connection, cleanup)
            yield from self._read(child, ring)

    def _expect_sender(self) -> None:
        """Wait for the first picture, and for somebody who sends if others connect."""
        if self._last_s is not None:
            return
        self._first_s = self._settings.start_timeout_s
        if self._source.is_pushed:
            self._first_s = max(self._settings.sender_timeout_s, self._first_s)
            self._deadline = time.monotonic() + self._first_s
        else:
            self._deadline = self._last_at + self._first_s

    def _expect_picture(self) -> None:
        """Wait less long for the first picture once somebody sends."""
        if self._last_s is None and self._source.is_pushed:
            self._first_s = self._settings.start_timeout_s
            self._deadline = min(self._deadline, time.monotonic() + self._first_s)

    def _start(
        self, connection: Connection, cleanup: ExitStack
    ) -> tuple[Ring, ChildProcess]:
        settings, spec = self._settings, self._settings.spec
        shared = [create_memory(settings.ring_steps * spec.step_bytes)]
        try:
            ring = Ring(shared[0], spec, slots=settings.ring_steps)
            cleanup.callback(ring.close)
            record = self._recording
            if record is not None and not record.is_over:
                shared.append(record.open())
            request = {
                "verb": "live",
                **_input_of(connection),
                "ring": shared[0],
                "record": shared[1] if len(shared) > 1 else None,
                "slots": settings.ring_steps,
                "spec": spec.to_dict(),
                "limits": asdict(settings.limits),
                "gap_s": settings.gap_s,
                "segment_s": settings.segment_s,
                "is_paced": self._source.is_paced,
                "is_bursty": self._source.is_bursty,
                "last_s": self._last_s,
                "last_at": self._last_at,
            }
            self._child = child = ChildProcess(
                request,
                limits=settings.limits,
                stall_timeout_s=_CHILD_STALL_S,
                share=(*shared, connection.descriptor),
                on_wait=self._check_picture,
            )
        finally:
            for descriptor in shared:
                os.close(descriptor)
        cleanup.callback(self._end, child)
        self._burst_s = connection.burst_s
        return ring, child

    def _end(self, child: ChildProcess) -> None:
        if self._recording is not None:
            child.send(STOP)  # For the segment that is being written.
            self._recording.drain(_STOP_S)
        child.close()

    def _read(self, child: ChildProcess, ring: Ring) -> Iterator[LiveEvent]:
        steps = 0
        self._heard_at = time.monotonic()
        try:
            while (message := child.receive())["kind"] != "end":
                match message["kind"]:
                    case "step":
                        step = self._step_of(message, ring, steps)
                        steps += 1
                        child.send(b"+")
                        yield step
                        self._heard_at = time.monotonic()
                    case "gap":
                        yield gap_of(message)
                    case "facts":
                        yield facts_of(message)
                    case "record_failed":
                        self._fail_recording(str(message["why"]))
                    case other:
                        raise ValueError(f"{other} is no message")
        except (KeyError, TypeError, ValueError) as exc:
            raise DecoderCrashed(
                "The decoding process sent an invalid message."
            ) from exc

    def _step_of(self, message: dict[str, Any], ring: Ring, number: int) -> LiveStep:
        media_s, at = float(message["media_s"]), float(message["at"])
        last_s = -math.inf if self._last_s is None else self._last_s
        if not last_s < media_s < LATEST_S:
            raise ValueError(f"a step at {media_s} s after one at {last_s} s")
        now = time.monotonic()
        self._last_s, self._last_at = media_s, now
        self._deadline = now + self._settings.give_up_s
        self._failure = None
        return LiveStep(
            image=ring.read(number),
            media_s=media_s,
            wall=datetime.fromtimestamp(float(message["wall"]), UTC),
            decoded_at=min(at, now),
        )

    def _fail_recording(self, why: str) -> None:
        if self._recording is not None:
            self._recording.fail(why)

    def _check_picture(self) -> None:
        self._check()
        if self._source.is_over:
            return  # It cannot be connected to again: `give_up_s` alone holds.
        if not self._child.has_started:
            self._heard_at = time.monotonic()  # A busy machine starts it slowly.
        stall_s = self._settings.stall_timeout_s + self._burst_s
        if self._last_s is None:
            stall_s = max(stall_s, self._settings.start_timeout_s)
        if time.monotonic() > self._heard_at + stall_s:
            raise _Silent

    def _check(self) -> None:
        if self._on_wait is not None:
            self._on_wait()
        if time.monotonic() > self._deadline:
            raise self._given_up()

    def _given_up(self) -> Exception:
        is_last = self._last_s is None or self._source.is_over
        if isinstance(self._failure, SourceUnreachable):
            return self._failure
        if is_last and isinstance(self._failure, UnreadableVideo | DecoderError):
            return self._failure
        name, settings = self._source.name, self._settings
        if self._last_s is None:
            error = SourceSilent(
                f"No picture came from {name} within {self._first_s:g} s. "
                "Check that the encoder is running and sends to this address."
            )
        else:
            error = SourceSilent(
                f"No picture came from {name} for {settings.give_up_s:g} s: the "
                "stream counts as over."
            )
        error.__cause__ = self._failure
        return error

    def _wait(self, pause_s: float) -> None:
        until = time.monotonic() + pause_s
        while (left_s := until - time.monotonic()) > 0:
            self._check()
            time.sleep(min(0.1, left_s))


def _input_of(connection: Connection) -> dict[str, Any]:
    return {
        "input": connection.input,
        "descriptor": connection.descriptor,
        "format": connection.format,
        "address": connection.address,
        "options": dict(connection.options),
        "idle_s": connection.idle_s,
        "began_at": connection.began_at,
    }
