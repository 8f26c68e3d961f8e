"""A stream of parts gives the spots of the whole timeline, to the bit."""

from collections.abc import Mapping

import numpy as np
import pytest

from model.checkpoint.spotting_options import LabelOptions, NmsKind, SpottingOptions
from model.spotting.displacement import MAX_MOVE_STEPS
from model.spotting.spots import Spot, SpotStream, find_spots
from model.spotting.timeline import Timeline
from tests.unit.model.spotting.timelines import timeline_of

LABELS = ("PASS", "DRIVE")
SIDES = ("left", "right")


def draw_timeline(seed: int, *, steps: int = 400, outputs: str = "") -> Timeline:
    """Draw curves with peaks, plateaus, ties and frames that stand still."""
    rng = np.random.default_rng(seed)
    scores = rng.random((steps, 3)) ** 4
    scores = np.round(scores, 2) if seed % 2 else scores
    scores[100:160, 1] = np.linspace(0.3, 0.9, 60)  # Nothing is final on a slope.
    scores /= np.maximum(scores.sum(axis=1, keepdims=True), 1)
    scores[:, 0] = np.maximum(1 - scores[:, 1:].sum(axis=1), 0)
    frame = np.cumsum(rng.integers(0 if seed % 3 else 1, 4, steps))
    more: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]] = {}
    if "d" in outputs:
        more["displacement"] = rng.normal(0, 3, (steps, 1)).astype(np.float32)
    if "t" in outputs:
        more["team"] = rng.dirichlet((1, 1), steps).astype(np.float32)
    return Timeline(
        labels=LABELS,
        scores=scores.astype(np.float32),
        time_s=frame / 29.97,
        frame=frame,
        pts=frame * 3003,
        outputs=more,
    )


def spots_of_parts(
    timeline: Timeline, options: SpottingOptions, seed: int, min_score: float | None
) -> list[Spot]:
    """Push a timeline in parts of random lengths."""
    rng = np.random.default_rng(seed)
    stream = SpotStream(LABELS, options, min_score=min_score, sides=SIDES)
    spots: list[Spot] = []
    at = 0
    while at < len(timeline):
        end = at + int(rng.choice([1, 2, 7, 48, 150]))
        spots += stream.push(timeline[at:end])
        at = end
    return spots + stream.close()


@pytest.mark.parametrize("outputs", ["", "d", "t", "dt"])
@pytest.mark.parametrize("nms", ["greedy", "soft"])
@pytest.mark.parametrize("seed", range(4))
def test_parts_give_the_spots_of_the_whole(
    seed: int, nms: NmsKind, outputs: str
) -> None:
    timeline = draw_timeline(seed, outputs=outputs)
    choices = (LabelOptions(0.2, 0.7, nms), LabelOptions(0.05, 1.3, nms))
    options = SpottingOptions(dict(zip(LABELS, choices, strict=True)), temperature=0.8)

    for min_score in (None, 0.0, 0.01):
        whole = find_spots(timeline, options, min_score=min_score, sides=SIDES)
        parts = spots_of_parts(timeline, options, seed, min_score)

        assert parts == whole
        assert len(whole) > 20


def test_spots_come_as_soon_as_nothing_can_change_them_and_in_order() -> None:
    curve = np.zeros(200)
    curve[[20, 24, 100]] = 0.9, 0.8, 0.7
    timeline = timeline_of({"PASS": curve})
    stream = SpotStream(["PASS"], SpottingOptions({"PASS": LabelOptions(0.5, 1.0)}))

    found = {}
    for step in range(200):
        for spot in stream.push(timeline[step : step + 1]):
            found[spot.frame // 3] = step

    # The window is ten steps long, and its end is inside.
    assert found == {20: 31, 100: 111}
    assert stream.close() == []


def test_a_long_stream_holds_only_what_is_not_final() -> None:
    stream = SpotStream(LABELS, SpottingOptions.default(LABELS), min_score=0.0)
    rng = np.random.default_rng(3)
    held = []
    for part in range(300):
        steps = 20 * part + np.arange(20)
        curves: Mapping[str, np.ndarray[tuple[int], np.dtype[np.float64]]] = {
            label: rng.random(20) / 2 for label in LABELS
        }
        drawn = timeline_of(curves)
        stream.push(Timeline(LABELS, drawn.scores, steps / 10, steps * 3, steps * 512))
        candidates = stream._candidates
        assert candidates is not None
        held.append(len(candidates.time_s) + sum(len(n._times) for n in stream._nms))

    assert max(held[150:]) <= 3 * max(held[:150])
    assert max(held) < 1000


def displaced(offsets: list[float], scores: list[float]) -> list[Spot]:
    """Spots of a label whose steps tell of events so many steps away."""
    drawn = timeline_of({"PASS": scores}, stride=3)
    column = np.array(offsets, dtype=np.float32)[:, None]
    timeline = Timeline(
        drawn.labels,
        drawn.scores,
        drawn.time_s,
        drawn.frame,
        drawn.pts,
        {"displacement": column},
    )
    return find_spots(timeline, SpottingOptions({"PASS": LabelOptions(0.5, 0.15)}))


def test_a_spot_lies_on_the_source_frame_next_to_its_displaced_time() -> None:
    (spot,) = displaced([0, 0, 1.3, 0, 0], [0, 0, 0.9, 0, 0])

    # Step 3.3 is 0.9 frames behind frame 9.
    assert (spot.frame, spot.pts) == (10, 3 * 512 + 171)
    assert spot.time_s == pytest.approx(0.3 + 1 / 30)


def test_a_spot_that_lands_on_a_step_has_that_steps_own_time_and_pts() -> None:
    for offset, step in ((1.9, 4), (2.1, 4), (-1.0, 1), (-0.1, 2)):
        (spot,) = displaced([0, 0, offset, 0, 0], [0, 0, 0.9, 0, 0])

        assert (spot.frame, spot.pts, spot.time_s) == (3 * step, step * 512, step / 10)


def test_nothing_is_moved_out_of_the_timeline_or_further_than_allowed() -> None:
    (early,) = displaced([-3, 0, 0], [0.9, 0, 0])
    (late,) = displaced([0, 0, 5.5], [0, 0, 0.9])
    (far,) = displaced([100.0] + [0] * 40, [0.9] + [0] * 40)

    assert (early.frame, late.frame, far.frame) == (0, 6, 3 * MAX_MOVE_STEPS)


def test_steps_that_tell_of_one_event_are_one_spot() -> None:
    spots = displaced([2, 1, 0, -1, -2], [0.6, 0.7, 0.8, 0.7, 0.6])

    assert [(spot.frame, round(spot.score, 3)) for spot in spots] == [(6, 0.8)]


def test_steps_beside_each_other_that_tell_of_two_events_are_two_spots() -> None:
    spots = displaced([0, -1, 2, 0, 0], [0, 0.8, 0.7, 0, 0])

    assert [spot.frame for spot in spots] == [0, 12]


def team_of(curve: list[float], left: list[float]) -> list[str | None]:
    """Teams of the spots of a label."""
    drawn = timeline_of({"PASS": curve})
    team = np.array([[one, 1 - one] for one in left], dtype=np.float32)
    timeline = Timeline(
        drawn.labels, drawn.scores, drawn.time_s, drawn.frame, drawn.pts, {"team": team}
    )
    options = SpottingOptions({"PASS": LabelOptions(0.5, 0.3)})
    return [spot.team for spot in find_spots(timeline, options, sides=SIDES)]


def test_the_steps_around_a_spot_have_a_say_in_its_team() -> None:
    assert team_of([0, 0.6, 0], [0, 0.9, 0]) == ["left"]
    # The peak itself is undecided, its neighbours are not.
    assert team_of([0.4, 0.6, 0.4], [0.1, 0.51, 0.2]) == ["right"]
    # Steps that believe in no PASS have no say.
    assert team_of([0, 0, 0.6, 0, 0], [0, 0, 0.6, 0, 0]) == ["left"]


def test_a_spot_has_no_team_where_the_network_tells_none() -> None:
    timeline = timeline_of({"PASS": [0, 0.9, 0]})
    options = SpottingOptions({"PASS": LabelOptions(0.5, 0.3)})

    assert [spot.team for spot in find_spots(timeline, options, sides=SIDES)] == [None]


def test_labels_that_do_not_exclude_each_other_keep_their_scores_apart() -> None:
    scores = np.array([[0.1, 0.9, 0.8]], dtype=np.float32)
    one = np.zeros(1)
    whole = np.zeros(1, dtype=np.int64)
    timeline = Timeline(LABELS, scores, one, whole, whole, is_multilabel=True)

    flat = timeline.at_temperature(2.0)[0]

    np.testing.assert_allclose(flat[1:], [0.75, 2 / 3], atol=1e-6)  # 3 : 1 and 2 : 1.
    assert flat[0] == pytest.approx(0.25)
