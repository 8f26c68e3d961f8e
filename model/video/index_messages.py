"""The index of a file's steps on its way from the decoding process to its parent."""

import base64
from array import array
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from math import lcm
from typing import TYPE_CHECKING, Any

import numpy as np

from model.errors import CannotSplit
from model.video.frame_times import MAX_FRAMES
from model.video.sender import MessageChannel
from model.video.step_index import EXACT, StepIndex

if TYPE_CHECKING:  # The parent needs no PyAV for it.
    from model.video.frame_index import FrameIndex

KIND = "index"
_PART = 32768
_NAMES = ("pts", "ticks", "keys", "frames")


def send_index(
    channel: MessageChannel, index: "FrameIndex", frames: Sequence[int]
) -> None:
    """Send an index to the parent, in parts of a bounded size.

    Args:
        channel: takes them.
        index: of all frames.
        frames: the number of the frame that each step takes.

    Raises:
        CannotSplit: the times of frames are too fine for whole numbers.
    """
    ticks_per_s = lcm(*{time_s.denominator for time_s in index.time_s})
    if ticks_per_s * (1 + index.until_s) >= EXACT:
        raise CannotSplit("the times of frames are too fine to be told exactly")
    ticks = (
        time_s.numerator * (ticks_per_s // time_s.denominator)
        for time_s in index.time_s
    )
    for name, values in zip(
        _NAMES, (index.pts, ticks, index.keys, frames), strict=True
    ):
        _send(channel, name, values)
    channel.send(kind="end", ticks_per_s=ticks_per_s, until_s=float(index.until_s))


def _send(channel: MessageChannel, name: str, values: Iterable[int]) -> None:
    left = iter(values)
    while part := array("q", islice(left, _PART)):
        data = base64.b64encode(part.tobytes()).decode()
        channel.send(kind=KIND, name=name, data=data)


class IndexReceiver:
    """The parent's side: gathers what the child, which is not trusted, sends."""

    def __init__(self) -> None:
        self._values = {name: array("q") for name in _NAMES}

    def take(self, message: Mapping[str, Any]) -> None:
        """Take a message of the kind `KIND`.

        Raises:
            KeyError, TypeError, ValueError: it is invalid.
        """
        values = self._values[message["name"]]
        values.frombytes(base64.b64decode(message["data"], validate=True))
        if len(values) > MAX_FRAMES:
            raise ValueError("too many frames")

    def finish(self, message: Mapping[str, Any]) -> StepIndex:
        """Return the index, with what the last message tells.

        Raises:
            KeyError, TypeError, ValueError: they are no index.
        """
        pts, ticks, keys, frames = (
            np.frombuffer(self._values[name], np.int64) for name in _NAMES
        )
        return StepIndex(
            *(pts, ticks, int(message["ticks_per_s"]), keys, frames),
            float(message["until_s"]),
        )
