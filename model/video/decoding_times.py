"""Times for pictures of files that say only when packets are decoded: AVI."""

import heapq

from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream


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
