"""H.264 as files hold it: NAL units, and the parameter sets that pictures refer to.

ITU-T H.264, 7.3.1 and 7.3.2; the `avcC` box is ISO/IEC 14496-15, 5.3.3.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

SLICE_TYPES = (1, 5)
IDR, SEI, SPS, PPS = 5, 6, 7, 8
_DROPPED = (9, 10, 11, 12)  # delimiters, ends and filler: containers need none
_START = re.compile(rb"\x00\x00\x01")
_LENGTH_BYTES = 4
_MAX_ID = {SPS: 31, PPS: 255}
_WITH_CHROMA = (100, 110, 122, 144)
"""Profiles whose `avcC` tells the format of the pictures, too."""

PLAIN = {66: "baseline", 77: "main", 100: "high"}
"""Profiles of 8 bits and 4:2:0, by the names that x264 has for them."""


class UnsupportedStream(ValueError):
    """Bytes are not what H.264 says they should be."""


@dataclass(frozen=True, slots=True)
class ParameterSets:
    """What a decoder must know before the first picture.

    Attributes:
        sequence: NAL units of sequence parameter sets.
        picture: NAL units of picture parameter sets.
    """

    sequence: tuple[bytes, ...]
    picture: tuple[bytes, ...]

    @property
    def profiles(self) -> set[int]:
        """The `profile_idc` of each sequence parameter set."""
        return {unit[1] for unit in self.sequence}

    def free_id(self) -> int:
        """Choose a number that neither kind of set has, the highest that may be."""
        taken = {id_of(unit) for unit in (*self.sequence, *self.picture)}
        for number in range(_MAX_ID[SPS], -1, -1):
            if number not in taken:
                return number
        raise UnsupportedStream("no number is left for another parameter set")

    def joined(self, other: "ParameterSets") -> "ParameterSets":
        """Put the sets of another encoder behind these."""
        return ParameterSets(
            self.sequence + other.sequence, self.picture + other.picture
        )

    def avc_box(self) -> bytes:
        """Write them as the content of an `avcC` box."""
        level = max(unit[3] for unit in self.sequence)
        profile = max(self.sequence, key=lambda unit: unit[1])
        head = bytes([1, profile[1], profile[2], level])
        parts = [head, bytes([0xFC | _LENGTH_BYTES - 1, 0xE0 | len(self.sequence)])]
        parts += [len(unit).to_bytes(2) + unit for unit in self.sequence]
        parts.append(bytes([len(self.picture)]))
        parts += [len(unit).to_bytes(2) + unit for unit in self.picture]
        if profile[1] in _WITH_CHROMA:
            parts.append(bytes([0xFC | 1, 0xF8, 0xF8, 0]))  # 4:2:0, 8 bits
        return b"".join(parts)


@dataclass(frozen=True, slots=True)
class Framing:
    """How units are kept apart: by start codes, or by their lengths.

    Attributes:
        length_bytes: of each length; 0: start codes (annex B).
    """

    length_bytes: int

    def units(self, data: bytes) -> Iterator[bytes]:
        """Take a packet apart.

        Raises:
            UnsupportedStream: it is cut off.
        """
        if self.length_bytes == 0:
            yield from _between_start_codes(data)
            return
        at = 0
        while at < len(data):
            start = at + self.length_bytes
            at = start + int.from_bytes(data[at:start])
            if at > len(data) or at == start:
                raise UnsupportedStream("a unit is cut off")
            yield data[start:at]


def read_extradata(data: bytes) -> tuple[Framing, ParameterSets]:
    """Read what a container says of the stream: an `avcC` box, or annex B.

    Raises:
        UnsupportedStream: it is neither, or lacks a parameter set.
    """
    if data[:1] == b"\x01":
        framing, sets = _read_avc_box(data)
    else:
        framing, sets = Framing(0), sets_among(_between_start_codes(data))
    if not sets.sequence or not sets.picture:
        raise UnsupportedStream("no parameter sets")
    return framing, sets


def sets_among(units: Iterable[bytes]) -> ParameterSets:
    """Pick the parameter sets, each once."""
    kept = list(dict.fromkeys(units))
    return ParameterSets(
        tuple(unit for unit in kept if type_of(unit) == SPS and len(unit) > 4),
        tuple(unit for unit in kept if type_of(unit) == PPS and len(unit) > 1),
    )


def type_of(unit: bytes) -> int:
    """Tell what a unit holds (`nal_unit_type`)."""
    return unit[0] & 0x1F


def id_of(unit: bytes) -> int:
    """Tell the number by which a parameter set is referred to."""
    bits = "".join(f"{byte:08b}" for byte in unit[4 if type_of(unit) == SPS else 1 :])
    zeros = bits.find("1")
    if zeros < 0 or 2 * zeros + 1 > len(bits):
        raise UnsupportedStream("a parameter set is cut off")
    number = int(bits[zeros : 2 * zeros + 1], 2) - 1
    if number > _MAX_ID[type_of(unit)]:
        raise UnsupportedStream("a parameter set has no number")
    return number


def with_lengths(units: Iterable[bytes], known: ParameterSets) -> bytes:
    """Write units as MP4 holds them, without the parameter sets that it knows.

    Raises:
        UnsupportedStream: other parameter sets are among them.
    """
    sets = {*known.sequence, *known.picture}
    kept = []
    for unit in units:
        if type_of(unit) in (SPS, PPS):
            if unit not in sets:
                raise UnsupportedStream("the parameter sets change")
        elif type_of(unit) not in _DROPPED:
            kept.append(len(unit).to_bytes(_LENGTH_BYTES) + unit)
    return b"".join(kept)


def _between_start_codes(data: bytes) -> Iterator[bytes]:
    starts = [found.start() for found in _START.finditer(data)]
    for start, end in pairwise([*starts, len(data)]):
        unit = data[start + 3 : end].rstrip(b"\x00")
        if unit:
            yield unit


def _read_avc_box(data: bytes) -> tuple[Framing, ParameterSets]:
    if len(data) < 7:
        raise UnsupportedStream("the box is cut off")
    units, at = [], 5
    for mask in (0x1F, 0xFF):
        count = data[at : at + 1]
        at += 1
        for _ in range(count[0] & mask if count else 0):
            size = int.from_bytes(data[at : at + 2])
            unit = data[at + 2 : at + 2 + size]
            if size == 0 or len(unit) < size:
                raise UnsupportedStream("the box is cut off")
            units.append(unit)
            at += 2 + size
    return Framing((data[4] & 3) + 1), sets_among(units)
