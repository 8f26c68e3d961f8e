"""Packets of a video by the numbers of the frames they hold, from key frames on.

Only frames whose packets tell their times: `CannotCopy` says that it is not so.
"""

from collections.abc import Iterator

from av.packet import Packet
from av.video.stream import VideoStream

from model.video.cut_reader import seeks_before
from model.video.cuts import Cut
from model.video.frame_times import FrameTimes
from model.video.source import VideoSource

_SAME_S = 1e-6

_MOST_HELD_BYTES = 256 << 20
"""Between a cut and the key frame before it; more is not copied. It is ten times what
cameras put between two key frames, but some put one at the beginning alone."""

NumberedPacket = tuple[int, "Packet[VideoStream]"]


class CannotCopy(Exception):  # names the condition
    """The file must be encoded anew."""


class PacketReader:
    """Finds the packets of cuts in a source that is used one after another."""

    def __init__(self, source: VideoSource, times: FrameTimes) -> None:
        """Use a source.

        Raises:
            CannotCopy: its format does not tell when frames are shown.
        """
        if source.has_decoding_times_only:
            raise CannotCopy
        self._source, self._times = source, times

    def from_key_frame(self, cut: Cut) -> tuple[int, Iterator[NumberedPacket]]:
        """Find the key frame that is shown before a cut; gives packets from it on."""
        source, times = self._source, self._times
        wanted_s = times.time_of(cut.first)
        for _ in seeks_before(source, wanted_s):
            for packet in source.packets():
                if packet is None:
                    break
                source.check(packet)
                if packet.is_keyframe:
                    number = self._number(packet)
                    if number > cut.first:
                        break
                    return self._nearest(number, packet, cut)
        raise CannotCopy

    def _nearest(
        self, number: int, packet: "Packet[VideoStream]", cut: Cut
    ) -> tuple[int, Iterator[NumberedPacket]]:
        """Go on to the last key frame before the cut, where seeking fell short."""
        held, size = [(number, packet)], packet.size
        rest = self._numbered()
        for number, packet in rest:
            if packet.is_keyframe and number <= cut.first:
                held, size = [], 0
            held.append((number, packet))
            size += packet.size
            if size > _MOST_HELD_BYTES:
                raise CannotCopy
            if (number > cut.first and packet.is_keyframe) or number >= cut.until:
                break
        first = held[0][0]

        def kept() -> Iterator[NumberedPacket]:
            for one in held:
                if one[0] >= first:  # Others refer to what lies before it.
                    yield one
            yield from (one for one in rest if one[0] >= first)

        return first, kept()

    def _numbered(self) -> Iterator[NumberedPacket]:
        for packet in self._source.packets():
            if packet is None:
                return
            self._source.check(packet)
            yield self._number(packet), packet

    def _number(self, packet: "Packet[VideoStream]") -> int:
        """Tell which frame a packet holds, by its time."""
        source, times = self._source, self._times
        if packet.pts is None:
            raise CannotCopy
        time_s = float(packet.pts * source.time_base - source.start_s)
        number = times.frame_at(time_s)
        # Before the first frame: what an open group of pictures leaves out.
        if abs(times.time_of(number) - time_s) > _SAME_S:
            raise CannotCopy
        return number
