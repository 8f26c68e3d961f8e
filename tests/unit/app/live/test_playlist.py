"""The playlist's time is the stream's time, and its heads are those of the segments."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest

from app.live.playlist import write_playlist
from app.live.tables import LiveSegment

NOON = datetime(2026, 5, 31, 12, tzinfo=UTC)


def segment(
    number: int, start_s: float, head: str = "a", *, after_gap: bool = False
) -> LiveSegment:
    return LiveSegment(
        number=number,
        key="",
        start_s=start_s,
        duration_s=4.0,
        size_bytes=1000,
        head_bytes=100,
        head_sha256=head,
        is_after_gap=after_gap,
    )


def test_lengths_add_up_to_the_time_of_each_segment() -> None:
    segments = [segment(0, 0.0), segment(1, 4.0), segment(2, 20.5, after_gap=True)]

    lines = write_playlist(segments, began_at=NOON, is_over=True).splitlines()

    at_s = 0.0
    starts: dict[int, float] = {}
    for line, following in pairwise(lines):
        if line.startswith("#EXTINF:"):
            if following.startswith("#EXT-X-BYTERANGE"):
                starts[len(starts)] = at_s
            at_s += float(line[len("#EXTINF:") : -1])
    assert starts == {0: 0.0, 1: 4.0, 2: 20.5}
    assert lines.count("#EXT-X-DISCONTINUITY") == 1
    assert "#EXT-X-PROGRAM-DATE-TIME:2026-05-31T12:00:20.500+00:00" in lines
    assert lines[-1] == "#EXT-X-ENDLIST"


def test_lengths_of_a_whole_match_add_up_though_each_is_rounded() -> None:
    lasts_s = 375_375 / 90_000  # 100 pictures at 24000 / 1001 a second
    segments = [segment(number, number * lasts_s) for number in range(3600)]
    for one in segments:
        one.duration_s = lasts_s
    segments.append(segment(3600, 3700 * lasts_s, after_gap=True))

    lines = write_playlist(segments, began_at=NOON, is_over=True).splitlines()

    lengths = [float(one[8:-1]) for one in lines if one.startswith("#EXTINF:")]
    assert sum(lengths) == pytest.approx(3700 * lasts_s + 4.0, abs=0.002)
    assert lengths[0] == pytest.approx(lasts_s, abs=0.001)


def test_a_hole_is_filled_to_its_end_and_what_follows_keeps_its_length() -> None:
    segments = [segment(0, 0.0), segment(1, 14.0, after_gap=True)]

    lines = write_playlist(segments, began_at=NOON, is_over=True).splitlines()

    lengths = [float(one[8:-1]) for one in lines if one.startswith("#EXTINF:")]
    assert lengths == [4.0, 3.333, 3.334, 3.333, 4.0]


def test_a_new_head_is_named_and_begins_anew() -> None:
    segments = [segment(0, 0.0), segment(1, 4.0, "b"), segment(2, 8.0, "b")]

    text = write_playlist(segments, began_at=None, is_over=False)

    assert [line for line in text.splitlines() if "MAP" in line or "CONT" in line] == [
        '#EXT-X-MAP:URI="seg0.mp4",BYTERANGE="100@0"',
        "#EXT-X-DISCONTINUITY",
        '#EXT-X-MAP:URI="seg1.mp4",BYTERANGE="100@0"',
    ]
    assert "#EXT-X-BYTERANGE:900@100" in text


@pytest.mark.parametrize(
    ("is_over", "last_s", "begins"),
    [
        (False, 40.0, "#EXT-X-START:TIME-OFFSET=40.000"),  # 12 s before its end
        (False, 8.0, None),
        (True, 40.0, None),
    ],
)
def test_players_do_not_begin_in_a_hole(
    is_over: bool, last_s: float, begins: str | None
) -> None:
    segments = [segment(0, 0.0), segment(1, 4.0), segment(2, last_s, after_gap=True)]

    text = write_playlist(segments, began_at=None, is_over=is_over)

    found = [line for line in text.splitlines() if "EXT-X-START" in line]
    assert found == ([] if begins is None else [begins])


def test_the_first_picture_of_one_that_was_recorded_late_is_where_players_begin() -> (
    None
):
    text = write_playlist([segment(0, 6.0)], began_at=None, is_over=True)

    assert "#EXT-X-START:TIME-OFFSET=6.000" in text
