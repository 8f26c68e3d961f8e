"""Finding spots: NMS of both kinds against slow loops, thresholds, ties."""

from dataclasses import replace

import numpy as np
import pytest

from model.checkpoint.spotting_options import LabelOptions, NmsKind, SpottingOptions
from model.spotting.nms import TemporalNms
from model.spotting.spots import Spot, find_spots
from tests.unit.model.spotting.timelines import timeline_of


def spot(time_s: float, score: float, label: str = "PASS") -> Spot:
    frame = round(time_s * 30)
    return Spot(label=label, time_s=time_s, score=score, frame=frame, pts=frame * 512)


def nms(spots: list[Spot], choice: LabelOptions) -> list[Spot]:
    """Run NMS label by label, over spots that are given in their order."""
    kept = []
    for label in {one.label for one in spots}:
        same = [one for one in spots if one.label == label]
        run = TemporalNms(choice)
        run.push(
            np.array([one.time_s for one in same]),
            np.array([one.score for one in same]),
            np.array([one.frame for one in same]),
        )
        ids, scores = run.settle(np.inf)
        by_frame = {one.frame: one for one in same}
        kept += [
            replace(by_frame[frame], score=score)
            for frame, score in zip(ids.tolist(), scores.tolist(), strict=True)
        ]
    return sorted(kept, key=lambda one: (one.time_s, one.label, one.frame))


def temporal_nms(spots: list[Spot], *, window_s: float) -> list[Spot]:
    """Greedy NMS of all spots."""
    return nms(spots, LabelOptions(0.0, window_s, "greedy"))


def soft_nms(
    spots: list[Spot], *, window_s: float, threshold: float = 0.0
) -> list[Spot]:
    """Soft NMS of all spots."""
    return nms(spots, LabelOptions(threshold, window_s, "soft"))


def random_spots(seed: int, count: int = 120) -> list[Spot]:
    """Draw spots with many ties and many boundary distances."""
    rng = np.random.default_rng(seed)
    return [
        spot(
            float(rng.integers(0, 300) / 30),
            float(rng.integers(0, 20) / 20),
            str(rng.choice(["PASS", "DRIVE"])),
        )
        for _ in range(count)
    ]


def slow_nms(spots: list[Spot], window_s: float) -> list[Spot]:
    kept: list[Spot] = []
    for one in sorted(spots, key=lambda s: (-s.score, s.time_s)):
        if all(
            one.label != other.label or abs(one.time_s - other.time_s) > window_s + 1e-6
            for other in kept
        ):
            kept.append(one)
    return sorted(kept, key=lambda s: (s.time_s, s.label))


def slow_soft_nms(spots: list[Spot], window_s: float, threshold: float) -> list[Spot]:
    kept = []
    waiting = list(spots)
    while waiting:
        best = min(waiting, key=lambda s: (-s.score, s.time_s, s.frame))
        waiting.remove(best)
        if best.score < threshold:
            continue
        kept.append(best)
        for index, other in enumerate(waiting):
            distance = abs(other.time_s - best.time_s)
            if other.label == best.label and distance <= window_s + 1e-6:
                decay = min((distance / window_s) ** 2, 1.0)
                waiting[index] = Spot(
                    other.label,
                    other.time_s,
                    other.score * decay,
                    other.frame,
                    other.pts,
                )
    return sorted(kept, key=lambda s: (s.time_s, s.label, s.frame))


def test_a_dropped_spot_drops_nobody() -> None:
    spots = [spot(0 / 30, 0.9), spot(10 / 30, 0.8), spot(20 / 30, 0.7)]

    kept = temporal_nms(spots, window_s=10 / 30)

    assert [one.frame for one in kept] == [0, 20]


def test_the_end_of_the_window_is_inside() -> None:
    for frame in range(200):
        spots = [spot(frame / 30, 0.9), spot((frame + 7) / 30, 0.8)]

        assert len(temporal_nms(spots, window_s=7 / 30)) == 1
        assert len(temporal_nms(spots, window_s=6.9 / 30)) == 2


def test_at_equal_scores_the_earlier_spot_stays_whatever_the_order() -> None:
    spots = [spot(1.0, 0.5), spot(1.2, 0.5), spot(1.4, 0.5)]

    for order in ([0, 1, 2], [2, 1, 0], [1, 2, 0]):
        kept = temporal_nms([spots[i] for i in order], window_s=0.3)

        assert [one.time_s for one in kept] == [1.0, 1.4]


def test_labels_do_not_silence_each_other() -> None:
    spots = [spot(1.0, 0.9, "PASS"), spot(1.0, 0.3, "DRIVE")]

    assert len(temporal_nms(spots, window_s=5)) == 2


def test_a_window_of_zero_keeps_all_but_spots_at_the_same_time() -> None:
    spots = [spot(1.0, 0.9), replace(spot(1.0, 0.8), frame=31), spot(1.1, 0.7)]

    assert [one.score for one in temporal_nms(spots, window_s=0)] == [0.9, 0.7]


@pytest.mark.parametrize("seed", range(8))
def test_greedy_nms_equals_a_slow_loop(seed: int) -> None:
    spots = list({(s.label, s.time_s): s for s in random_spots(seed)}.values())

    assert temporal_nms(spots, window_s=9 / 30) == slow_nms(spots, 9 / 30)


@pytest.mark.parametrize("seed", range(8))
def test_soft_nms_equals_a_slow_loop(seed: int) -> None:
    spots = list({(s.label, s.time_s): s for s in random_spots(seed)}.values())

    kept = soft_nms(spots, window_s=9 / 30, threshold=0.1)

    expected = slow_soft_nms(spots, 9 / 30, 0.1)
    assert [(s.label, s.frame) for s in kept] == [(s.label, s.frame) for s in expected]
    np.testing.assert_allclose([s.score for s in kept], [s.score for s in expected])


def test_soft_nms_lowers_a_neighbour_by_the_square_of_its_distance() -> None:
    kept = soft_nms([spot(1.0, 0.9), spot(1.5, 0.8)], window_s=1.0)

    assert [one.score for one in kept] == pytest.approx([0.9, 0.8 * 0.25])


@pytest.mark.parametrize("kinds", [("greedy", "soft"), ("soft", "greedy")])
@pytest.mark.parametrize("seed", range(4))
def test_find_spots_is_each_labels_nms_over_every_step_above_its_threshold(
    kinds: tuple[NmsKind, NmsKind], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    timeline = timeline_of(
        {
            "PASS": rng.integers(0, 50, 200) / 100,
            "DRIVE": rng.integers(0, 50, 200) / 100,
        }
    )
    choices = {
        "PASS": LabelOptions(0.2, 0.5, kinds[0]),
        "DRIVE": LabelOptions(0.3, 1.0, kinds[1]),
    }
    options = SpottingOptions(labels=choices)

    spots = find_spots(timeline, options)

    expected: list[Spot] = []
    for label, choice in choices.items():
        candidates = [
            Spot(label, step / 10, float(score), step * 3, step * 512)
            for step, score in enumerate(timeline.of(label))
        ]
        if choice.nms == "greedy":
            kept = temporal_nms(candidates, window_s=choice.window_s)
        else:
            kept = slow_soft_nms(candidates, choice.window_s, choice.threshold)
        expected += [s for s in kept if s.score >= np.float32(choice.threshold)]
    expected.sort(key=lambda s: (s.time_s, s.label))
    assert [(s.label, s.frame, s.pts) for s in spots] == [
        (s.label, s.frame, s.pts) for s in expected
    ]
    np.testing.assert_allclose(
        [s.score for s in spots], [s.score for s in expected], rtol=1e-6
    )


def test_a_timeline_without_steps_has_no_spots() -> None:
    choice = LabelOptions(0.5, 0.1)

    assert (
        find_spots(timeline_of({"PASS": []}), SpottingOptions({"PASS": choice})) == []
    )


def test_min_score_takes_the_place_of_every_threshold() -> None:
    timeline = timeline_of({"PASS": [0, 0.3, 0, 0.05, 0], "DRIVE": [0, 0, 0, 0, 0.6]})
    options = SpottingOptions(
        labels={"PASS": LabelOptions(0.5, 0.1), "DRIVE": LabelOptions(0.9, 0.1)}
    )

    assert find_spots(timeline, options) == []
    assert [s.label for s in find_spots(timeline, options, min_score=0.3)] == [
        "PASS",
        "DRIVE",
    ]
    assert len(find_spots(timeline, options, min_score=0.04)) == 3


def test_a_threshold_equal_to_the_score_lets_it_in() -> None:
    timeline = timeline_of({"PASS": [0.3, 0.1]})
    options = SpottingOptions(labels={"PASS": LabelOptions(0.3, 1.0)})

    assert len(find_spots(timeline, options)) == 1


def test_temperature_changes_scores_but_not_the_timeline() -> None:
    timeline = timeline_of({"PASS": [0.9, 0.1]})
    options = SpottingOptions(labels={"PASS": LabelOptions(0.5, 1.0)}, temperature=2.0)

    (found,) = find_spots(timeline, options)

    assert found.score == pytest.approx(0.75, abs=1e-6)  # 3 / (3 + 1)
    assert timeline.of("PASS")[0] == np.float32(0.9)


def test_a_label_without_options_is_named() -> None:
    with pytest.raises(ValueError, match="DRIVE"):
        find_spots(timeline_of({"DRIVE": [0.5]}), SpottingOptions.default(["PASS"]))


def test_a_long_match_is_spotted_in_one_go() -> None:
    # Two hours at 15 steps a second; a quadratic NMS would not come back.
    rng = np.random.default_rng(0)
    timeline = timeline_of({"PASS": rng.random(108_000)}, fps=15)
    options = SpottingOptions.default(["PASS"])

    spots = find_spots(timeline, options, min_score=0.0)

    gaps = np.diff([s.time_s for s in spots])
    assert len(spots) > 3600
    assert gaps.min() > 1.0
