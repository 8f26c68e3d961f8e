"""The times of all frames on their way from the decoding process to its parent.

They go in parts, so that neither side holds more than eight bytes a frame.
"""

import base64
from array import array
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from time import monotonic
from typing import Any

import numpy as np

from model.video.frame_times import MAX_FRAMES, FrameTimes
from model.video.sender import MessageChannel
from model.video.source import SourceFrame

KIND = "times"
_PART = 1024
_SEND_EVERY_S = 0.5  # so that they tell progress, too


class TimeSender:
    """The child's side: sends the times of frames as they are decoded."""

    def __init__(self, channel: MessageChannel) -> None:
        self._channel = channel
        self._part = array("d")
        self._sent = monotonic()

    def note(self, frames: Iterable[SourceFrame]) -> Iterator[SourceFrame]:
        """Pass frames on, and the time of each to the parent; the rest at the end."""
        for frame in frames:
            self._take(frame.time_s)
            yield frame
        self._flush()

    def _take(self, time_s: Fraction) -> None:
        self._part.append(float(time_s))
        if len(self._part) >= _PART or monotonic() - self._sent > _SEND_EVERY_S:
            self._flush()

    def _flush(self) -> None:
        data = base64.b64encode(self._part.tobytes()).decode()
        self._channel.send(kind=KIND, data=data)
        self._part = array("d")
        self._sent = monotonic()


class TimeReceiver:
    """The parent's side: gathers what the child, which is not trusted, sends."""

    def __init__(self) -> None:
        self._times_s = array("d")

    @property
    def last_s(self) -> float:
        """The time of the last frame so far; 0 before the first."""
        return self._times_s[-1] if self._times_s else 0.0

    def __len__(self) -> int:
        return len(self._times_s)

    def take(self, message: Mapping[str, Any]) -> None:
        """Take a message of the kind `KIND`.

        Raises:
            KeyError, TypeError, ValueError: it is invalid.
        """
        self._times_s.frombytes(base64.b64decode(message["data"], validate=True))
        if len(self._times_s) > MAX_FRAMES:
            raise ValueError("too many frames")

    def finish(self, *, until_s: float) -> FrameTimes:
        """Return the times of all frames.

        Raises:
            ValueError: they are no times of frames.
        """
        return FrameTimes(np.frombuffer(self._times_s, np.float64), until_s)
