"""Fragmented MP4 as recordings of live streams are made of it: read and moved in time.

Only boxes are looked at, never pictures. Source: ISO/IEC 14496-12.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from model.errors import UnreadableVideo

_INDEXES = (b"sidx", b"mfra", b"styp", b"free", b"skip")  # of one segment alone
_MAX_BOXES = 100_000


@dataclass(frozen=True, slots=True)
class Box:
    """A box: its type, where it begins, where its content does, and where it ends."""

    kind: bytes
    start: int
    content: int
    end: int


def head_size(data: bytes) -> int:
    """Tell how many bytes come before the first fragment: `ftyp` and `moov`.

    Raises:
        UnreadableVideo: it is no fragmented MP4 that is complete by itself.
    """
    kinds = []
    for box in boxes(data):
        if box.kind in (b"moof", b"sidx", b"styp"):
            if b"moov" not in kinds:
                break
            return box.start
        kinds.append(box.kind)
    raise UnreadableVideo("A segment of the recording is no fragmented MP4.")


def pictures_of(head: bytes) -> bytes:
    """Give what of a head says how pictures are to be read, and how many tracks are.

    Segments of which this is the same are one video behind each other. A head may have
    been written before the first sound came, and says less of it than later ones.

    Raises:
        UnreadableVideo: it is no head.
    """
    found, tracks = b"", 0
    for trak in _inside(head, b"moov", b"trak"):
        tracks += 1
        whole = head[trak.start : trak.end]
        if b"vide" in whole:
            found += whole
    return bytes([tracks]) + found


def fragments(data: bytes) -> Iterator[bytes]:
    """Give the fragments of a segment, without its head and its indexes."""
    begin = head_size(data)
    for box in boxes(data):
        if box.start >= begin and box.kind not in _INDEXES:
            yield data[box.start : box.end]


def still_until(data: bytes, until_s: float) -> bytes:
    """Make a fragment that shows a segment's first picture from 0 until a time.

    So a recording that began late has the times of its stream.

    Raises:
        UnreadableVideo: the segment has no picture that could be shown.
    """
    videos = [track for track, kind in _handlers(data).items() if kind == b"vide"]
    scales = _time_scales(data)
    for moof in boxes(data):
        if moof.kind != b"moof":
            continue
        for traf in boxes(data, moof.content, moof.end):
            if traf.kind != b"traf":
                continue
            track, sample = _first_sample(data, moof, traf)
            if track in videos and sample:
                lasts = min(round(until_s * scales[track]), 2**32 - 1)
                return _one_sample(track, sample, lasts)
        break
    raise UnreadableVideo("The recording begins with no picture.")


def shifted(data: bytes, by_s: float) -> bytes:
    """Move the pictures and the sound of a segment in time.

    Raises:
        UnreadableVideo: it is no fragmented MP4, or would begin before 0.
    """
    if by_s == 0:
        return data
    scales = _time_scales(data)
    moved = bytearray(data)
    for moof in boxes(data):
        if moof.kind != b"moof":
            continue
        for traf in boxes(data, moof.content, moof.end):
            if traf.kind == b"traf":
                _shift(data, moved, traf, scales, by_s)
    return bytes(moved)


def boxes(data: bytes, start: int = 0, end: int | None = None) -> Iterator[Box]:
    """List the boxes of a stretch.

    Raises:
        UnreadableVideo: one does not end where its parent does.
    """
    end = len(data) if end is None else end
    for _ in range(_MAX_BOXES):
        if start == end:
            return
        if end - start < 8:
            break
        size, kind = struct.unpack_from(">I4s", data, start)
        content = start + 8
        if size == 1 and end - start >= 16:
            (size,) = struct.unpack_from(">Q", data, content)
            content += 8
        elif size == 0:
            size = end - start
        if size < content - start or start + size > end:
            break
        yield Box(kind, start, content, start + size)
        start += size
    raise UnreadableVideo("A segment of the recording is damaged.")


def _time_scales(data: bytes) -> dict[int, int]:
    """Give the ticks a second of each track."""
    scales = {}
    for trak in _inside(data, b"moov", b"trak"):
        track, scale = 0, 0
        for box in boxes(data, trak.content, trak.end):
            if box.kind == b"tkhd":
                track = _after_times(data, box)
            elif box.kind == b"mdia":
                for inner in boxes(data, box.content, box.end):
                    if inner.kind == b"mdhd":
                        scale = _after_times(data, inner)
        scales[track] = scale
    return scales


def _inside(data: bytes, parent: bytes, child: bytes) -> Iterator[Box]:
    for box in boxes(data):
        if box.kind == parent:
            for inner in boxes(data, box.content, box.end):
                if inner.kind == child:
                    yield inner


def _handlers(data: bytes) -> dict[int, bytes]:
    """Give what each track is: `vide` or `soun`."""
    found = {}
    for trak in _inside(data, b"moov", b"trak"):
        track, kind = 0, b""
        for box in boxes(data, trak.content, trak.end):
            if box.kind == b"tkhd":
                track = _after_times(data, box)
            elif box.kind == b"mdia":
                for inner in boxes(data, box.content, box.end):
                    if inner.kind == b"hdlr":
                        kind = data[inner.content + 8 : inner.content + 12]
        found[track] = kind
    return found


def _first_sample(data: bytes, moof: Box, traf: Box) -> tuple[int, bytes]:
    """Give the track of a fragment's part, and the bytes of its first sample."""
    track, size = 0, 0
    for box in boxes(data, traf.content, traf.end):
        flags = int.from_bytes(data[box.content + 1 : box.content + 4])
        at = box.content + 4
        if box.kind == b"tfhd":
            (track,) = struct.unpack_from(">I", data, at)
            at += 4 + 8 * bool(flags & 1) + 4 * bool(flags & 2) + 4 * bool(flags & 8)
            if flags & 0x10:
                (size,) = struct.unpack_from(">I", data, at)
        elif box.kind == b"trun":
            if not flags & 1:
                return track, b""
            (offset,) = struct.unpack_from(">i", data, at + 4)
            at += 8 + 4 * bool(flags & 4) + 4 * bool(flags & 0x100)
            if flags & 0x200:
                (size,) = struct.unpack_from(">I", data, at)
            begin = moof.start + offset
            return track, data[begin : begin + size]
    return track, b""


def _one_sample(track: int, sample: bytes, lasts: int) -> bytes:
    """Write a fragment of one key picture at time 0."""
    mfhd = _box(b"mfhd", struct.pack(">II", 0, 0))
    tfhd = _box(b"tfhd", struct.pack(">II", 0x020000, track))  # offsets from the moof
    tfdt = _box(b"tfdt", struct.pack(">IQ", 0x01000000, 0))

    def trun(offset: int) -> bytes:
        # Offset, and of each sample duration, size and flags: it depends on none.
        told = struct.pack(">IIi", 0x000701, 1, offset)
        return _box(b"trun", told + struct.pack(">III", lasts, len(sample), 0x02000000))

    def moof(offset: int) -> bytes:
        return _box(b"moof", mfhd + _box(b"traf", tfhd + tfdt + trun(offset)))

    return moof(len(moof(0)) + 8) + _box(b"mdat", sample)


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def _after_times(data: bytes, box: Box) -> int:
    """Read the number behind the two times of a header."""
    at = box.content + (20 if data[box.content] == 1 else 12)
    number: int = struct.unpack_from(">I", data, at)[0]
    return number


def _shift(
    data: bytes, moved: bytearray, traf: Box, scales: dict[int, int], by_s: float
) -> None:
    track = 0
    for box in boxes(data, traf.content, traf.end):
        if box.kind == b"tfhd":
            (track,) = struct.unpack_from(">I", moved, box.content + 4)
        elif box.kind == b"tfdt":
            form = ">Q" if moved[box.content] == 1 else ">I"
            (time,) = struct.unpack_from(form, moved, box.content + 4)
            time += round(by_s * scales.get(track, 0))
            most = 2**64 if form == ">Q" else 2**32
            if not 0 <= time < most:
                raise UnreadableVideo("A segment would lie outside of its stream.")
            struct.pack_into(form, moved, box.content + 4, time)
