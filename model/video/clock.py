"""The time of each frame: PTS minus the file's start, corrected where files need it."""

import heapq
from fractions import Fraction
from typing import cast

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

JUMP_BACK_S = 1
"""A clock that falls back this far was restarted: two recordings joined in one."""


class Clock:
    """Reads each frame's time, and corrects clocks that are missing or restarted."""

    def __init__(
        self, time_base: Fraction, start_s: Fraction, *, frame_s: Fraction | int = 0
    ) -> None:
        """Take what the file says of its clock.

        Args:
            time_base: seconds a tick.
            start_s: the file's start time.
            frame_s: how long a frame is shown, as far as the header knows; for
                frames without a time that come before two that have one.
        """
        self.pts = 0
        self._time_base = time_base
        self._offset_s = -start_s
        self._last_s: Fraction | None = None
        self._gap_s = Fraction(frame_s)

    def read(self, pts: int | None) -> Fraction | None:
        """Return a frame's time in seconds; None if it does not go forward."""
        if pts is None:
            return self._follow()
        time_s = pts * self._time_base + self._offset_s
        if self._last_s is not None and time_s <= self._last_s:
            if self._last_s - time_s < JUMP_BACK_S:
                return None
            restarted_s = self._last_s + self._gap_s
            self._offset_s += restarted_s - time_s
            time_s = restarted_s
        if self._last_s is not None:
            self._gap_s = time_s - self._last_s
        self.pts, self._last_s = pts, time_s
        return time_s

    def _follow(self) -> Fraction | None:
        if self._last_s is None:
            self._last_s = Fraction(0)
            return self._last_s
        if not self._gap_s:
            return None
        self._last_s += self._gap_s
        self.pts += round(self._gap_s / self._time_base)
        return self._last_s


class DecodingTimes:
    """Times of pictures whose packets say only when they are decoded.

    Pictures leave the decoder in order of time, so the next one takes the earliest
    time that still waits.
    """

    def __init__(self) -> None:
        self._waiting: list[int] = []

    def enter(self, packet: "Packet[VideoStream]") -> None:
        """Note a packet that goes into the decoder."""
        if packet.dts is not None:
            heapq.heappush(self._waiting, packet.dts)
            packet.pts = packet.dts  # So a picture tells which packet it was in.

    def lose(self) -> None:
        """Note a packet that the decoder refused."""
        if self._waiting:
            heapq.heappop(self._waiting)

    def leave(self, picture: VideoFrame) -> int | None:
        """Return the time of the picture that has just left the decoder."""
        own = picture.pts
        if picture.key_frame and own is not None:
            # What went in before it is out by now, or held no picture.
            while self._waiting and self._waiting[0] < own:
                heapq.heappop(self._waiting)
        return heapq.heappop(self._waiting) if self._waiting else None


def start_of(container: InputContainer, stream: VideoStream) -> Fraction:
    """Return the file's start time: what a player calls zero."""
    own = None
    if stream.start_time is not None and stream.time_base is not None:
        own = stream.start_time * stream.time_base
    stated = cast("int | None", container.start_time)
    if stated is None:
        return own or Fraction(0)
    start = Fraction(stated, av.time_base)
    # The container's start is rounded to a microsecond; the stream's is exact.
    if own is not None and abs(own - start) <= Fraction(1, av.time_base):
        return own
    return start
