"""Edits the time stamps of MPEG-TS files, PES packet by PES packet."""

from collections.abc import Callable, Iterator
from pathlib import Path

PACKET = 188
TICKS = 90_000
_TURNS = 1 << 33


def edit_times(
    path: Path, shift_s: Callable[[int], float], *, pid: int = 0x100
) -> None:
    """Add `shift_s(k)` seconds to PTS and DTS of the k-th PES packet, in place.

    Args:
        path: of the file.
        shift_s: by the number of the PES packet (a frame each), in decoding order.
        pid: of the stream; FFmpeg's first one is 0x100.
    """
    data = bytearray(path.read_bytes())
    for number, at in enumerate(_pes_headers(data, pid)):
        ticks = round(shift_s(number) * TICKS)
        has_pts, has_dts = data[at + 7] & 0x80, data[at + 7] & 0x40
        if has_pts and ticks:
            _shift(data, at + 9, ticks)
        if has_dts and ticks:
            _shift(data, at + 14, ticks)
    path.write_bytes(bytes(data))


def _pes_headers(data: bytearray, pid: int) -> Iterator[int]:
    for at in range(0, len(data), PACKET):
        is_start = data[at + 1] & 0x40
        if not is_start or (data[at + 1] & 0x1F) << 8 | data[at + 2] != pid:
            continue
        has_adaptation = data[at + 3] & 0x20
        start = at + 4 + (1 + data[at + 4] if has_adaptation else 0)
        if data[start : start + 3] == b"\0\0\1":
            yield start


def _shift(data: bytearray, at: int, ticks: int) -> None:
    a, b, c = data[at], data[at + 1 : at + 3], data[at + 3 : at + 5]
    high, middle, low = a >> 1 & 7, int.from_bytes(b) >> 1, int.from_bytes(c) >> 1
    time = ((high << 30 | middle << 15 | low) + ticks) % _TURNS
    data[at] = a & 0xF1 | (time >> 30) << 1
    data[at + 1 : at + 3] = ((time >> 15 & 0x7FFF) << 1 | 1).to_bytes(2)
    data[at + 3 : at + 5] = ((time & 0x7FFF) << 1 | 1).to_bytes(2)
