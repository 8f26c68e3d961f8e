"""When reviewed stretches cover all of a video."""

import pytest

from app.annotations.review_end import covers_all
from app.videos.tables import Video


@pytest.mark.parametrize(
    ("spans", "fps", "is_all"),
    [
        ([(0, 10_000)], 25, True),
        ([(0, 4000), (4000, 99_000)], 25, True),
        ([(5000, 10_000), (0, 5000)], 25, True),
        ([], 25, False),
        ([(0, 9960)], 25, False),  # the last frame
        ([(0, 9961)], 25, True),  # what is left holds no frame
        ([(0, 5000), (5039, 10_000)], 25, True),
        ([(0, 5000), (5040, 10_000)], 25, False),
        ([(0, 9961)], 120, False),
        ([(0, 9961)], None, True),
    ],
)
def test_gaps_of_a_frame_or_more_leave_a_video_unfinished(
    spans: list[tuple[int, int]], fps: float | None, *, is_all: bool
) -> None:
    assert covers_all(spans, Video(duration_s=10.0, fps=fps)) is is_all


def test_a_video_of_unknown_length_is_never_finished() -> None:
    assert not covers_all([(0, 10**9)], Video(duration_s=None, fps=25))
