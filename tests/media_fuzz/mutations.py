"""What is done to the bytes of a video; a seed always does the same."""

import random
from collections.abc import Callable, Mapping, Sequence

Mutation = Callable[[random.Random, bytearray, Sequence[bytes]], bytearray]

BOXES = (
    *(b"ftyp", b"moov", b"mvhd", b"trak", b"tkhd", b"edts", b"elst", b"mdia", b"mdhd"),
    *(b"hdlr", b"minf", b"stbl", b"stsd", b"avc1", b"avcC", b"hvcC", b"colr", b"pasp"),
    *(b"stts", b"ctts", b"stss", b"stsc", b"stsz", b"stco", b"co64", b"mdat", b"moof"),
    *(b"mfhd", b"traf", b"tfhd", b"tfdt", b"trun", b"mvex", b"trex", b"sidx", b"mfra"),
)
"""MP4's, each after its length in four bytes."""

CHUNKS = (b"RIFF", b"LIST", b"avih", b"strl", b"strh", b"strf", b"00dc", b"idx1")
"""AVI's, each before its length in four bytes, little-endian."""

ELEMENTS = (
    *(b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67", b"\x11\x4d\x9b\x74"),
    *(b"\x15\x49\xa9\x66", b"\x16\x54\xae\x6b", b"\x1f\x43\xb6\x75"),
    *(b"\x1c\x53\xbb\x6b", b"\xae", b"\xe0", b"\xa3", b"\xa0", b"\x63\xa2"),
)
"""Matroska's, each before its length in one to eight bytes."""

TIME_BOXES = (b"mvhd", b"tkhd", b"elst", b"mdhd", b"stts", b"ctts", b"tfdt", b"trun")
TIME_ELEMENTS = (b"\x2a\xd7\xb1", b"\x44\x89", b"\xe7", b"\xa3", b"\x23\xe3\x83")
EXTREMES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
TS_PACKET = 188
TS_SYNC = 0x47
PES_TIMES = 14
"""How far from a PES's start code its two times reach."""


def mutate(dice: random.Random, whole: bytes, others: Sequence[bytes]) -> bytes:
    """Change a file's bytes in one to three ways.

    Args:
        dice: decides.
        whole: the file.
        others: files whose parts may be mixed in.
    """
    data = bytearray(whole)
    for _ in range(dice.choice((1, 1, 2, 3))):
        name = dice.choice(list(MUTATIONS))
        if data:
            data = MUTATIONS[name](dice, data, others)
    return bytes(data)


def _flip_bits(dice: random.Random, data: bytearray, _: Sequence[bytes]) -> bytearray:
    reach = dice.choice((64, 1024, len(data)))
    for _time in range(dice.choice((1, 8, 100))):
        data[dice.randrange(min(reach, len(data)))] ^= 1 << dice.randrange(8)
    return data


def _truncate(dice: random.Random, data: bytearray, _: Sequence[bytes]) -> bytearray:
    at = dice.randrange(len(data))
    return data[at:] if dice.random() < 0.2 else data[:at]


def _swap_chunks(dice: random.Random, data: bytearray, _: Sequence[bytes]) -> bytearray:
    size = min(dice.choice((16, TS_PACKET, 1024, 4096)), len(data) // 2)
    one, other = sorted(dice.randrange(len(data) - size + 1) for _ in range(2))
    if other - one < size:
        return data
    first, second = data[one : one + size], data[other : other + size]
    data[one : one + size], data[other : other + size] = second, first
    return data


def _repeat_or_drop(
    dice: random.Random, data: bytearray, _: Sequence[bytes]
) -> bytearray:
    at = dice.randrange(len(data))
    size = dice.choice((1, 16, TS_PACKET, 4096))
    if dice.random() < 0.5:
        return data[:at] + data[at + size :]
    return data[:at] + data[at : at + size] * dice.choice((2, 10)) + data[at + size :]


def _edit_length(dice: random.Random, data: bytearray, _: Sequence[bytes]) -> bytearray:
    """Let a box, chunk or element claim another length."""
    if data[:1] == bytes([TS_SYNC]):
        at = dice.randrange(0, len(data), TS_PACKET)
        _set(dice, data, at + 4, 1)  # The adaptation field's length.
        return data
    at, name = _find(dice, data, (*BOXES, *CHUNKS, *ELEMENTS))
    if name in BOXES:
        _set(dice, data, at - 4, 4)
    elif name is not None:
        _set(dice, data, at + len(name), 4 if name in CHUNKS else 1)
    return data


def _edit_times(dice: random.Random, data: bytearray, _: Sequence[bytes]) -> bytearray:
    if data[:1] == bytes([TS_SYNC]):
        at, name = _find(dice, data, (b"\0\0\1\xe0", b"\0\0\1\xc0"))
        if name is not None:
            _set(dice, data, at + dice.randrange(6, 6 + PES_TIMES), 1)
        return data
    at, name = _find(dice, data, (*TIME_BOXES, *TIME_ELEMENTS, b"strh", b"avih"))
    if name is None:
        return data
    if len(name) == 4:  # The fields of a box are as wide.
        _set(dice, data, at + 4 * dice.randrange(1, 12), 4)
    else:
        _set(dice, data, at + len(name) + dice.randrange(6), dice.choice((1, 2)))
    return data


def _graft(dice: random.Random, data: bytearray, others: Sequence[bytes]) -> bytearray:
    """Put another file's header before this one's body, or its body after this."""
    other = dice.choice(others)
    header = dice.choice((12, 64, 512, 2048))
    if dice.random() < 0.5:
        return bytearray(other[:header]) + data[header:]
    return data[: len(data) // 2] + bytearray(other[len(other) // 2 :])


def _find(
    dice: random.Random, data: bytearray, names: Sequence[bytes]
) -> tuple[int, bytes | None]:
    there = [name for name in names if name in data]
    if not there:
        return 0, None
    name = dice.choice(there)
    at = data.find(name, dice.randrange(len(data)))
    return (at if at >= 0 else data.index(name)), name


def _set(dice: random.Random, data: bytearray, at: int, width: int) -> None:
    if at < 0 or at + width > len(data):
        return
    now = int.from_bytes(data[at : at + width])
    wanted = dice.choice((*EXTREMES, now + 1, now - 1, 2 * now, dice.getrandbits(32)))
    data[at : at + width] = (wanted % (1 << 8 * width)).to_bytes(width)


MUTATIONS: Mapping[str, Mutation] = {
    "bits": _flip_bits,
    "truncation": _truncate,
    "swap": _swap_chunks,
    "repetition": _repeat_or_drop,
    "length": _edit_length,
    "times": _edit_times,
    "graft": _graft,
}
