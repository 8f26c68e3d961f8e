"""Put the index of an MP4 before its pictures, so that a player need not look for it.

FFmpeg does it by opening the file again by name, which a decoding process cannot.
"""

import os
import struct
from collections.abc import Iterator

CHUNK = 1 << 20
_MAX_BOXES = 100
_INSIDE = (b"moov", b"trak", b"mdia", b"minf", b"stbl")
_MAX_INDEX = 1 << 28


def with_index_first(
    descriptor: int, *, start: int = 0, end: int | None = None
) -> Iterator[bytes]:
    """Give the bytes of an MP4 with its index first; the file stays as it is.

    A file in which nothing is to be moved, or whose offsets would no longer fit, is
    given as it is.

    Args:
        descriptor: of an MP4 that is complete.
        start, end: where it lies in the file; else it is all of it.

    Raises:
        ValueError: it is no MP4 with an index.
    """
    end = os.fstat(descriptor).st_size if end is None else end
    boxes = _top_boxes(descriptor, start, end)
    names = [name for name, _, _ in boxes]
    if b"moov" not in names or b"mdat" not in names:
        raise ValueError("no index or no content")
    _, at, length = boxes[names.index(b"moov")]
    first = boxes[names.index(b"mdat")][1]
    index = None
    if first < at and length <= _MAX_INDEX:
        index = _moved(os.pread(descriptor, length, at), by=length)
    if index is None:
        yield from _pieces(descriptor, start, end)
        return
    head = boxes[0][2] if names[0] == b"ftyp" else 0
    yield os.pread(descriptor, head, start)
    yield index
    yield from _pieces(descriptor, start + head, at)
    yield from _pieces(descriptor, at + length, end)


def _top_boxes(descriptor: int, at: int, end: int) -> list[tuple[bytes, int, int]]:
    """List name, place and length of the boxes of the top level."""
    found: list[tuple[bytes, int, int]] = []
    while at < end:
        name, length, _ = _head(os.pread(descriptor, 16, at))
        if length < 8 or at + length > end or len(found) >= _MAX_BOXES:
            raise ValueError(f"no boxes of an MP4 at byte {at}")
        found.append((name, at, length))
        at += length
    return found


def _head(data: bytes) -> tuple[bytes, int, int]:
    """Read a box's name, its length and that of its head."""
    if len(data) < 8:
        raise ValueError("a box ends too early")
    length, name = struct.unpack(">I4s", data[:8])
    if length == 1 and len(data) >= 16:
        return name, struct.unpack(">Q", data[8:16])[0], 16
    return name, length, 8


def _moved(index: bytes, *, by: int) -> bytes | None:
    """Add to each offset in an index; None if one would not fit."""
    data = bytearray(index)
    waiting = [(0, len(data))]
    while waiting:
        at, end = waiting.pop()
        while at < end:
            name, length, head = _head(bytes(data[at : at + 16]))
            if length < head or at + length > end:
                raise ValueError("a box is longer than what holds it")
            if name in _INSIDE:
                waiting.append((at + head, at + length))
            elif name in (b"stco", b"co64") and not _shift(data, at + head, name, by):
                return None
            at += length
    return bytes(data)


def _shift(data: bytearray, at: int, name: bytes, by: int) -> bool:
    count = struct.unpack_from(">I", data, at + 4)[0]
    form = f">{count}{'I' if name == b'stco' else 'Q'}"
    if at + 8 + struct.calcsize(form) > len(data):
        raise ValueError("a table of offsets is cut off")
    offsets = [offset + by for offset in struct.unpack_from(form, data, at + 8)]
    if name == b"stco" and offsets and max(offsets) >= 2**32:
        return False
    struct.pack_into(form, data, at + 8, *offsets)
    return True


def _pieces(descriptor: int, start: int, end: int) -> Iterator[bytes]:
    while start < end:
        piece = os.pread(descriptor, min(CHUNK, end - start), start)
        if not piece:
            raise ValueError("the file became shorter")
        start += len(piece)
        yield piece
