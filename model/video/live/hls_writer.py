"""HLS playlists of recorded segments; loads no decoder, so the API may use it.

Each segment is a complete fragmented MP4 (`model.video.live.fragments`): its head is
named by `EXT-X-MAP` as a range of the very file that follows it.

Source: RFC 8216, 4.3.2.5.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

_HEADS = (b"ftyp", b"moov", b"styp", b"sidx")


@dataclass(frozen=True, slots=True)
class RecordedSegment:
    """A segment as players are told of it.

    Attributes:
        number: one more than that of the segment before.
        url: where it is served, relative to the playlist.
        duration_s: in seconds.
        is_after_gap: it does not go on where the one before ended.
        head_bytes: as `head_bytes` tells.
        size_bytes: of the file.
        wall: when its first picture was shown, if that is known.
    """

    number: int
    url: str
    duration_s: float
    is_after_gap: bool
    head_bytes: int
    size_bytes: int
    wall: datetime | None = None


def head_bytes(path: Path) -> int:
    """Return how many bytes of a segment come before its first fragment.

    Raises:
        ValueError: it is no fragmented MP4.
    """
    at, size = 0, path.stat().st_size
    with path.open("rb") as file:
        while at < size:
            file.seek(at)
            head = file.read(8)
            length, kind = int.from_bytes(head[:4]), head[4:]
            if kind == b"moof" and at > 0:
                return at
            if kind not in _HEADS or length < 8:
                break
            at += length
    raise ValueError(f"{path.name} is no segment of a recording")


def write_playlist(
    segments: Iterable[RecordedSegment], *, is_ended: bool, gaps_before: int = 0
) -> str:
    """Write the playlist of a recording, all of it or its last part.

    Args:
        segments: in order.
        is_ended: no more will come.
        gaps_before: segments with `is_after_gap` before the first one that is listed.
    """
    listed = list(segments)
    longest_s = max((one.duration_s for one in listed), default=1.0)
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        f"#EXT-X-TARGETDURATION:{max(1, math.ceil(longest_s))}",
        f"#EXT-X-MEDIA-SEQUENCE:{listed[0].number if listed else 0}",
        f"#EXT-X-DISCONTINUITY-SEQUENCE:{gaps_before}",
        "#EXT-X-INDEPENDENT-SEGMENTS",
    ]
    if listed and listed[0].number == 0:
        lines.append("#EXT-X-PLAYLIST-TYPE:EVENT")
    for place, one in enumerate(listed):
        lines += _lines_of(one, is_first=place == 0)
    if is_ended:
        lines.append("#EXT-X-ENDLIST")
    return "\n".join([*lines, ""])


def _lines_of(one: RecordedSegment, *, is_first: bool) -> list[str]:
    lines = ["#EXT-X-DISCONTINUITY"] if one.is_after_gap and not is_first else []
    lines.append(f'#EXT-X-MAP:URI="{one.url}",BYTERANGE="{one.head_bytes}@0"')
    if one.wall is not None:
        wall = one.wall.astimezone(UTC).isoformat(timespec="milliseconds")
        lines.append(f"#EXT-X-PROGRAM-DATE-TIME:{wall}")
    media_bytes = one.size_bytes - one.head_bytes
    return [
        *lines,
        f"#EXTINF:{one.duration_s:.5f},",
        f"#EXT-X-BYTERANGE:{media_bytes}@{one.head_bytes}",
        one.url,
    ]
