"""What a live stream is read with, and what comes out of it."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from model.video.frame_spec import FrameSpec
from model.video.limits import MediaLimits

GapReason = Literal[
    "lost packets",
    "reconnected",
    "clock jumped",
    "size changed",
    "no pictures",
    "too slow",
]

WITHOUT_HOLE = ("lost packets", "size changed")
_LENGTHS = (
    *("start_timeout_s", "sender_timeout_s", "stall_timeout_s", "give_up_s", "gap_s"),
)


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """How a live source is read.

    Attributes:
        spec: what the network sees, and its steps a second.
        start_timeout_s: how long the first picture is waited for, in seconds.
        sender_timeout_s: how long somebody who sends is waited for before that, by a
            source that others connect to.
        stall_timeout_s: so long without a picture the connection counts as dead.
        give_up_s: so long without a picture the stream counts as over.
        reconnect_s: first and longest pause before the next try to connect.
        gap_s: pictures that lie further apart are a gap; nearer ones are repeated.
        max_pixels: width x height of a picture.
        max_fps: pictures a second.
        segment_s: least length of a recorded segment; it ends at a key frame.
        ring_steps: images that wait for the reader; with more the source is ahead.
    """

    spec: FrameSpec
    start_timeout_s: float = 30.0
    sender_timeout_s: float = 600.0
    stall_timeout_s: float = 10.0
    give_up_s: float = 600.0
    reconnect_s: tuple[float, float] = (0.5, 10.0)
    gap_s: float = 2.5
    max_pixels: int = 4096 * 2304
    max_fps: float = 120.0
    segment_s: float = 4.0
    ring_steps: int = 64

    def __post_init__(self) -> None:
        for name in _LENGTHS:
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be > 0, got {getattr(self, name)}")
        first_s, most_s = self.reconnect_s
        if not 0 < first_s <= most_s:
            raise ValueError(
                f"reconnect_s must be (first, most) with 0 < first <= most, got "
                f"{self.reconnect_s}"
            )
        if not 0.5 <= self.segment_s <= 60:
            raise ValueError(f"segment_s must be 0.5 to 60, got {self.segment_s}")
        if self.ring_steps < 1:
            raise ValueError(f"ring_steps must be >= 1, got {self.ring_steps}")

    @property
    def limits(self) -> MediaLimits:
        """The same bounds as those of files; there is none on the length."""
        return MediaLimits(max_pixels=self.max_pixels, max_fps=self.max_fps)


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """What the source sends; comes before the first step, and again where it changes.

    Attributes:
        width: of the pictures, in pixels.
        height: of the pictures, in pixels.
        fps: as the source says; 0 where it does not.
        codec: of the pictures, as FFmpeg names it.
        format: of the bytes, as FFmpeg names it.
        sound: codec of the sound; None where there is none.
        is_copied: whether a recording holds the source's own pictures; False: they
            are encoded anew, for browsers could not play them.
    """

    width: int
    height: int
    fps: float
    codec: str
    format: str
    sound: str | None
    is_copied: bool


@dataclass(frozen=True, slots=True)
class LiveStep:
    """One picture for the network.

    Attributes:
        image: (H, W, 3) uint8 RGB of the spec's size, the caller's to keep.
        media_s: seconds since the stream's first picture; later than the step before.
            By the source's clock, and by the wall's where that began anew.
        wall: when it came, UTC, freed of the network's jitter.
        decoded_at: `time.monotonic()` of this machine when it was decoded.
    """

    image: NDArray[np.uint8]
    media_s: float
    wall: datetime
    decoded_at: float


@dataclass(frozen=True, slots=True)
class LiveGap:
    """Something is missing, or is not what it was.

    Attributes:
        from_s: time of the last good picture before it, as `media_s`.
        to_s: time of the first good one after it.
        reason: why.
    """

    from_s: float
    to_s: float
    reason: GapReason

    @property
    def is_hole(self) -> bool:
        """Whether there is no step inside: what was seen before is out of date."""
        return self.reason not in WITHOUT_HOLE


LiveEvent = LiveStep | LiveGap | SourceFacts


class SegmentSink(Protocol):
    """Takes the segments of a recording; called from a thread of the recording."""

    def segment(
        self,
        number: int,
        path: Path,
        start_s: float,
        duration_s: float,
        is_after_gap: bool,
    ) -> None:
        """Take a finished segment.

        Args:
            number: from 0, one more each time.
            path: of a fragmented MP4 that is complete by itself; now the sink's.
            start_s: time of its first picture, as `media_s` of steps.
            duration_s: in seconds.
            is_after_gap: it does not go on where the one before ended.

        Raises:
            OSError: it cannot be kept; recording then ends, and `failed` is called.
        """

    def failed(self, why: str) -> None:
        """Learn that recording has ended; the stream goes on."""
