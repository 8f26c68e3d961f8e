"""The HLS playlist of a recording: fragmented MP4 whose player time is the stream's.

Where nothing was recorded there are EXT-X-GAP segments, so that the lengths add up to
the time of each picture. Source: RFC 8216bis, sections 4.4.4 and 6.2.1.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from math import ceil

from app.live.tables import LiveSegment

MEDIA_TYPE = "application/vnd.apple.mpegurl"
SEGMENT_TYPE = "video/mp4"
LEAST_HOLE_S = 0.05
LONGEST_GAP_S = 4.0  # a player skips a gap segment by segment
TARGET_S = 4
BEHIND_TARGETS = 3  # at which players begin, by RFC 8216bis 6.3.3


def segment_name(number: int) -> str:
    """Name a segment's file beside the playlist."""
    return f"seg{number}.mp4"


def write_playlist(
    segments: Sequence[LiveSegment], *, began_at: datetime | None, is_over: bool
) -> str:
    """Write the playlist.

    Args:
        segments: in order, one at least.
        began_at: wall clock at 0 s, for segments that do not know their own.
        is_over: nothing will be added.
    """
    longest = max((one.duration_s for one in segments), default=0.0)
    target_s = max(TARGET_S, ceil(longest))
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:8",
        f"#EXT-X-TARGETDURATION:{target_s}",
        "#EXT-X-PLAYLIST-TYPE:EVENT",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        "#EXT-X-MEDIA-SEQUENCE:0",
    ]
    begins_s = _beside_hole(segments, 0.0 if is_over else -BEHIND_TARGETS * target_s)
    if begins_s is not None:
        lines.append(f"#EXT-X-START:TIME-OFFSET={begins_s:.3f}")
    at_s, head = 0.0, ""
    for segment in segments:
        hole_s = segment.start_s - at_s
        name = segment_name(segment.number)
        if hole_s > LEAST_HOLE_S:
            lines.extend(_gap(at_s, segment.start_s, name))
            at_s = round(segment.start_s, 3)
        if segment.head_sha256 != head or segment.is_after_gap:
            if head:
                lines.append("#EXT-X-DISCONTINUITY")
            head = segment.head_sha256
            lines.append(f'#EXT-X-MAP:URI="{name}",BYTERANGE="{segment.head_bytes}@0"')
        wall = segment.wall
        if wall is None and began_at is not None:
            wall = began_at + timedelta(seconds=segment.start_s)
        if wall is not None:
            told = wall.isoformat(timespec="milliseconds")
            lines.append(f"#EXT-X-PROGRAM-DATE-TIME:{told}")
        size = segment.size_bytes - segment.head_bytes
        # What was rounded before is made up for: else hours of it add up to a second.
        lasts_s = max(segment.start_s + segment.duration_s - at_s, 0.001)
        lines.extend(
            [
                f"#EXTINF:{lasts_s:.3f},",
                f"#EXT-X-BYTERANGE:{size}@{segment.head_bytes}",
                name,
            ]
        )
        at_s += round(lasts_s, 3)
    if is_over:
        lines.append("#EXT-X-ENDLIST")
    return "\n".join(lines) + "\n"


def _beside_hole(segments: Sequence[LiveSegment], wanted_s: float) -> float | None:
    """Tell where to begin instead of in a hole, where some players stay for good.

    Args:
        segments: in order, one at least.
        wanted_s: where players begin; below 0: from the end.

    Returns:
        None: there is no hole.
    """
    end_s = segments[-1].start_s + segments[-1].duration_s
    at_s = wanted_s if wanted_s >= 0 else max(0.0, end_s + wanted_s)
    after = next(one for one in segments if one.start_s + one.duration_s > at_s)
    return after.start_s if after.start_s - at_s > LEAST_HOLE_S else None


def _gap(from_s: float, to_s: float, name: str) -> Iterator[str]:
    """Fill a hole to its very end; the file that is named is never asked for."""
    count = max(1, ceil((to_s - from_s) / LONGEST_GAP_S))
    ends_s = [from_s + (to_s - from_s) * part / count for part in range(count + 1)]
    for begin_s, end_s in pairwise(round(one, 3) for one in ends_s):
        yield "#EXT-X-GAP"
        yield f"#EXTINF:{end_s - begin_s:.3f},"
        yield name
