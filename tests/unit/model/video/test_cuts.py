"""Which frames make the clips of events."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.errors import BadCut
from model.video.cuts import MAX_CUTS, Cut, Moment, Order, length_s, plan_cuts
from model.video.frame_times import FrameTimes

TIMES = FrameTimes.constant(fps=25, frames=250)


def bounds(cuts: list[Cut]) -> list[tuple[int, int]]:
    return [(cut.first, cut.until) for cut in cuts]


def test_a_cut_has_the_frames_shown_from_lead_to_lag() -> None:
    cuts = plan_cuts([Moment("a", 4.0, 100)], TIMES, lead_s=1.0, lag_s=0.5)

    assert cuts == [Cut(75, 113, ("a",), 1.0)]
    assert length_s(cuts, TIMES) == pytest.approx(38 / 25)


def test_a_cut_ends_where_the_video_does() -> None:
    moments = [Moment("a", 0.2), Moment("b", 9.9)]

    cuts = plan_cuts(moments, TIMES, lead_s=3, lag_s=3)

    assert bounds(cuts) == [(0, 81), (172, 250)]


def test_overlapping_and_touching_cuts_become_one_with_all_their_events() -> None:
    moments = [
        Moment("c", 2.04, score=0.4),
        Moment("a", 1.0, score=0.5),
        Moment("b", 1.5, score=0.9),
        Moment("d", 8.0, score=0.1),
    ]

    merged = plan_cuts(moments, TIMES, lead_s=0.26, lag_s=0.26)
    single = plan_cuts(moments, TIMES, lead_s=0.26, lag_s=0.26, merge=False)

    assert [cut.names for cut in merged] == [("a", "b", "c"), ("d",)]
    assert merged[0].score == 0.9
    assert [cut.names for cut in single] == [("a",), ("b",), ("c",), ("d",)]


def test_a_hit_is_one_cut_from_its_first_moment_to_its_last() -> None:
    """Merged or not; a moment of two hits is named once where they are merged."""
    hits = [("pass", 1.0, 0), ("shot", 7.0, 0), ("shot", 7.0, 1), ("goal", 8.0, 1)]
    moments = [Moment(name, at_s, hit=hit) for name, at_s, hit in hits]
    moments += [Moment("foul", 4.0, score=0.5), Moment("far", 9.6)]

    merged = plan_cuts(moments, TIMES, lead_s=0.2, lag_s=0.2)
    single = plan_cuts(moments, TIMES, lead_s=0.2, lag_s=0.2, merge=False)

    assert bounds(merged) == [(20, 206), (235, 246)]
    assert merged[0].names == ("pass", "foul", "shot", "goal")
    assert bounds(single) == [(20, 181), (95, 106), (170, 206), (235, 246)]
    assert [cut.names for cut in single[::2]] == [("pass", "shot"), ("shot", "goal")]


def test_the_best_come_first_by_score_and_what_people_said_before_all() -> None:
    moments = [Moment("low", 1, score=0.2), Moment("said", 9), Moment("high", 5, 125)]
    moments[2] = Moment("high", 5, 125, 0.8)

    cuts = plan_cuts(moments, TIMES, lead_s=0.1, lag_s=0.1, order="score")

    assert [cut.names for cut in cuts] == [("said",), ("high",), ("low",)]


def test_a_clip_of_no_length_is_refused() -> None:
    with pytest.raises(BadCut, match="no length"):
        plan_cuts([Moment("a", 1.0)], TIMES, lead_s=0, lag_s=0)


def test_no_event_is_refused() -> None:
    with pytest.raises(BadCut, match="No event"):
        plan_cuts([], TIMES, lead_s=1, lag_s=1)


@pytest.mark.parametrize("one", [Moment("late", 10.5), Moment("late", 1.0, 250)])
def test_events_beyond_the_end_are_refused_by_name(one: Moment) -> None:
    with pytest.raises(BadCut, match=r"ends at 10\.000 s \(frame 249\).*: late"):
        plan_cuts([Moment("a", 1.0), one], TIMES, lead_s=1, lag_s=1)


def test_too_many_clips_are_refused_unless_they_merge() -> None:
    moments = [Moment(str(n), n / 200) for n in range(MAX_CUTS + 1)]

    with pytest.raises(BadCut, match="1001 clips are too many"):
        plan_cuts(moments, TIMES, lead_s=1, lag_s=1, merge=False)
    assert bounds(plan_cuts(moments, TIMES, lead_s=1, lag_s=1)) == [(0, 151)]


@given(
    gaps_ms=st.lists(st.integers(1, 500), min_size=1, max_size=60),
    places=st.lists(st.floats(0, 1), min_size=1, max_size=20),
    lead_s=st.floats(0, 3),
    lag_s=st.floats(0.01, 3),
    merge=st.booleans(),
    order=st.sampled_from(["time", "score"]),
)
def test_every_event_is_in_a_cut_and_every_frame_asked_for(
    gaps_ms: list[int],
    places: list[float],
    lead_s: float,
    lag_s: float,
    merge: bool,
    order: Order,
) -> None:
    starts = np.cumsum([0, *gaps_ms]).astype(np.float64) / 1000
    times = FrameTimes(starts, float(starts[-1]) + 0.04)
    frames = [int(place * (len(times) - 1)) for place in places]
    moments = [
        Moment(str(n), times.time_of(frame), frame, score=places[n])
        for n, frame in enumerate(frames)
    ]

    cuts = plan_cuts(
        moments, times, lead_s=lead_s, lag_s=lag_s, merge=merge, order=order
    )

    names = sorted(name for cut in cuts for name in cut.names)
    assert names == sorted(one.name for one in moments)
    for cut in cuts:
        assert 0 <= cut.first < cut.until <= len(times)
        for name in cut.names:
            at_s = times.time_of(frames[int(name)])
            shown = [
                n for n, t in enumerate(starts) if at_s - lead_s <= t <= at_s + lag_s
            ]
            assert cut.first <= min(shown)
            assert max(shown) < cut.until
    if merge:
        ordered = sorted(cuts, key=lambda cut: cut.first)
        assert all(a.until < b.first for a, b in pairwise(ordered))
