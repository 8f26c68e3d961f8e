"""From frames to times and back."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from model.data.formats.events import EventFacts
from model.errors import CannotWrite

TOLD_S = 0.0005005
"""Times are told in milliseconds: so much earlier a frame counts as shown already."""

LOOSE_MS = 10.0  # a rounded rate drifts by so much in hours

_NTSC = tuple(whole * 1000 / 1001 for whole in (24, 30, 48, 60, 120))
_NTSC_SLACK = 1e-4  # 29.97 is meant as 30000/1001, 23.98 as 24000/1001 is not


class Clock(Protocol):
    """When each frame of a video is shown; `model.video.frame_times` has one."""

    @property
    def fps(self) -> float:
        """Frames a second, on average."""

    @property
    def is_constant(self) -> bool:
        """Whether all frames are shown for as long."""

    def time_of(self, frame: int) -> float:
        """Return when a frame begins to be shown, in seconds.

        Raises:
            IndexError: there is no such frame.
        """

    def frame_at(self, time_s: float) -> int:
        """Return the frame that is shown at a time, told to the millisecond."""


@dataclass(frozen=True, slots=True)
class ConstantRate:
    """The clock of a video of a constant rate, however long it is.

    Raises:
        ValueError: `fps` is not a number above 0.
    """

    fps: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.fps) and self.fps > 0):
            raise ValueError(f"fps must be above 0, got {self.fps}")

    @property
    def is_constant(self) -> bool:
        """It is."""
        return True

    def time_of(self, frame: int) -> float:
        """Return when a frame begins to be shown, in seconds."""
        return frame / self.fps

    def frame_at(self, time_s: float) -> int:
        """Return the frame that is shown at a time, told to the millisecond."""
        return max(0, math.floor((time_s + TOLD_S) * self.fps + 1e-9))


def exact_rate(fps: float) -> float:
    """Give the rate that is meant: 29.97 is 30000/1001."""
    for rate in _NTSC:
        if abs(fps / rate - 1) < _NTSC_SLACK:
            return rate
    return fps


def position_ms(event: EventFacts, fps: float | None) -> int:
    """Choose the milliseconds that come back to the same frame.

    The field's programs read them as `int(fps * ms / 1000)`, which truncates: at 30
    fps two of three rounded times would come back one frame early. Of the moments that
    are read as the frame the one nearest to the event's own time is taken; where frame
    and time are further apart than half a frame (a variable rate, a video that starts
    late), the time stands.
    """
    if event.frame is None or not fps or not math.isfinite(fps):
        return event.time_ms
    first = math.ceil(event.frame * 1000 / fps)
    if int(fps * first / 1000) < event.frame:  # floating point fell just short
        first += 1
    last = max(first, math.ceil((event.frame + 1) * 1000 / fps) - 1)
    nearest = min(max(event.time_ms, first), last)
    is_on_grid = abs(event.time_ms - event.frame * 1000 / fps) < max(1.0, 500 / fps)
    return nearest if is_on_grid else event.time_ms


def seems_constant(events: Iterable[EventFacts], fps: float | None) -> bool:
    """Whether events lie where a constant rate has them; True if nothing says no."""
    if not fps or not math.isfinite(fps):
        return True
    off_ms = [
        event.time_ms - event.frame * 1000 / fps
        for event in events
        if event.frame is not None
    ]
    slack_ms = max(LOOSE_MS, 500 / fps)
    return not off_ms or max(off_ms) - min(off_ms) <= slack_ms


def frame_of(event: EventFacts) -> int:
    """Give the frame of an event, for a format that counts frames.

    Raises:
        CannotWrite: it is not known.
    """
    if event.frame is None:
        raise CannotWrite(
            "the format counts frames, which are not known: name the video, or its "
            "frames per second"
        )
    return event.frame
