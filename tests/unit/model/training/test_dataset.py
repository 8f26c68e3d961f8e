"""Clips are functions of the seed and their number, with labels where they belong."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from model.data.frame_store import StoredMatch
from model.data.labels import Event, MatchLabels
from model.training.clip_options import ClipOptions
from model.training.dataset import Clip, RandomClips
from model.training.false_alarms import FalseAlarm
from model.training.targets import ScoreTargets, nearest_step, step_labels

LABELS = ("PASS", "DRIVE")


def stored(
    *events: Event, steps: int = 100, name: str = "m", fps: int = 10
) -> StoredMatch:
    """A match whose frames show their own number."""
    frames = np.zeros((steps, 2, 2, 3), np.uint8)
    frames += np.arange(steps, dtype=np.uint8)[:, None, None, None]
    return StoredMatch(
        name=name,
        frames=frames,
        time_s=np.arange(steps) / fps,
        frame=np.arange(steps),
        pts=np.arange(steps),
        labels=MatchLabels(name, events, Path("x")),
    )


def clips_of(
    matches: list[StoredMatch],
    labels: tuple[str, ...],
    options: ClipOptions,
    *,
    seed: int,
    frames_per_step: int = 1,
    hard_negatives: tuple[FalseAlarm, ...] = (),
) -> RandomClips:
    """Clips whose scores alone have targets."""
    radius = options.dilation * frames_per_step + frames_per_step // 2
    return RandomClips(
        matches,
        labels,
        options,
        seed=seed,
        makers={"scores": ScoreTargets(radius)},
        frames_per_step=frames_per_step,
        hard_negatives=hard_negatives,
    )


def scores(clip: Clip) -> NDArray[np.float32]:
    """Targets of the scores."""
    return clip.targets["scores"].values


def test_an_event_marks_its_nearest_step_and_its_neighbours() -> None:
    match = stored(Event("DRIVE", 1.04))

    marked = step_labels(match, LABELS, dilation=1)

    assert np.flatnonzero(marked == 2).tolist() == [9, 10, 11]


def test_where_two_events_overlap_the_nearer_one_rules() -> None:
    match = stored(Event("PASS", 1.0), Event("DRIVE", 1.3))

    marked = step_labels(match, LABELS, dilation=2)

    assert marked[8:16].tolist() == [1, 1, 1, 1, 2, 2, 2, 2]


def test_events_at_the_edge_stay_inside() -> None:
    match = stored(Event("PASS", 0.0), Event("PASS", 50.0), steps=20)

    marked = step_labels(match, LABELS, dilation=1)

    assert np.flatnonzero(marked).tolist() == [0, 1, 18, 19]


def test_a_label_that_is_not_trained_is_background() -> None:
    assert not step_labels(stored(Event("SHOT", 1.0)), LABELS, dilation=1).any()


@pytest.mark.parametrize(("at_s", "step"), [(-1, 0), (0.34, 3), (0.36, 4), (99, 9)])
def test_the_nearest_step_is_found_at_every_index(at_s: float, step: int) -> None:
    assert nearest_step(np.arange(10) / 10, at_s) == step


def test_a_clip_is_the_same_each_time_and_others_differ() -> None:
    clips = clips_of([stored()], LABELS, ClipOptions(steps=8), seed=3)

    first, again, other = clips.draw(5), clips.draw(5), clips.draw(6)

    assert np.array_equal(first.frames, again.frames)
    assert first.start == again.start != other.start


def test_frames_and_targets_of_a_clip_belong_together() -> None:
    match = stored(*(Event("PASS", k / 10) for k in range(0, 100, 7)))
    clips = clips_of([match], LABELS, ClipOptions(steps=16, padding=4), seed=1)
    truth = step_labels(match, LABELS, dilation=1)

    for number in range(40):
        clip = clips.draw(number)
        shown = clip.frames[:, 0, 0, 0]
        for index, step in enumerate(range(clip.start, clip.start + 16)):
            is_inside = 0 <= step < 100
            assert shown[index] == (step if is_inside else 0)
            expected = truth[step] if is_inside else 0
            assert scores(clip)[index].argmax() == expected


def test_a_clip_drawn_about_an_event_holds_it() -> None:
    options = ClipOptions(steps=8, event_bias=1.0)
    clips = clips_of([stored(Event("DRIVE", 5.0))], LABELS, options, seed=1)

    assert all(scores(clips.draw(n))[:, 2].any() for n in range(30))


def test_balance_brings_a_rare_label_up() -> None:
    events = [Event("PASS", k / 10 + 1) for k in range(0, 60, 3)]
    match = stored(*events, Event("DRIVE", 9.0))
    shares = []
    for balance in (0.0, 1.0):
        options = ClipOptions(steps=4, event_bias=1.0, balance=balance, dilation=0)
        clips = clips_of([match], LABELS, options, seed=1)
        drawn = [scores(clips.draw(n))[:, 2].any() for n in range(200)]
        shares.append(float(np.mean(drawn)))

    assert shares[0] < 0.2
    assert 0.35 < shares[1] < 0.65


def test_longer_matches_are_drawn_more_often() -> None:
    matches = [stored(steps=200, name="long"), stored(steps=50, name="short")]
    options = ClipOptions(steps=4, event_bias=0.0)
    clips = clips_of(matches, LABELS, options, seed=1)

    names = [clips.draw(n).name for n in range(400)]

    assert 0.72 < names.count("long") / 400 < 0.88


def test_a_higher_speed_skips_steps() -> None:
    options = ClipOptions(steps=6, padding=0, event_bias=0.0, speed_range=(2.0, 2.0))
    clips = clips_of([stored()], LABELS, options, seed=1)

    shown = clips.draw(0).frames[:, 0, 0, 0].astype(int)

    assert np.diff(shown).tolist() == [2] * 5


def test_clips_begin_at_any_frame_of_a_finer_store() -> None:
    options = ClipOptions(steps=6, padding=0, event_bias=0.0)
    clips = clips_of([stored(fps=30)], LABELS, options, seed=1, frames_per_step=3)

    shown = [clips.draw(n).frames[:, 0, 0, 0].astype(int) for n in range(60)]

    assert all(np.diff(frames).tolist() == [3] * 5 for frames in shown)
    assert {int(frames[0]) % 3 for frames in shown} == {0, 1, 2}


@pytest.mark.parametrize("at_s", [1.5, 1.533, 1.567, 1.59])
@pytest.mark.parametrize("dilation", [0, 1])
def test_a_clip_of_a_finer_store_is_labelled_as_its_own_steps_are(
    at_s: float, dilation: int
) -> None:
    match = stored(Event("DRIVE", at_s), fps=30)
    options = ClipOptions(steps=10, padding=0, event_bias=1.0, dilation=dilation)
    clips = clips_of([match], LABELS, options, seed=1, frames_per_step=3)

    seen = 0
    for number in range(20):
        clip = clips.draw(number)
        times = clip.frames[:, 0, 0, 0] / 30
        marked = np.flatnonzero(scores(clip)[:, 2])
        nearest = np.abs(times - round(at_s * 30) / 30).argmin()
        expected = np.arange(nearest - dilation, nearest + dilation + 1)
        inside = expected[(expected >= 0) & (expected < 10)]
        if 0 < nearest < 9:
            assert marked.tolist() == inside.tolist()
            seen += 1
    assert seen > 5


def test_steps_outside_the_match_are_padding() -> None:
    options = ClipOptions(steps=16, padding=8, event_bias=0.0)
    clips = clips_of([stored(steps=20)], LABELS, options, seed=1)

    for number in range(20):
        clip = clips.draw(number)
        steps = np.arange(clip.start, clip.start + 16)
        assert clip.is_padding.tolist() == ((steps < 0) | (steps >= 20)).tolist()
        assert scores(clip)[clip.is_padding, 0].all()


def test_jitter_shows_a_neighbouring_frame_now_and_then() -> None:
    options = ClipOptions(steps=30, padding=0, event_bias=0.0)
    jittered = ClipOptions(steps=30, padding=0, event_bias=0.0, frame_jitter=0.3)
    match = stored(Event("PASS", 1.0), fps=30)
    plain, moved = (
        clips_of([match], LABELS, each, seed=1, frames_per_step=3)
        for each in (options, jittered)
    )

    steps = []
    for number in range(20):
        one, other, again = (each.draw(number) for each in (plain, moved, moved))
        assert np.array_equal(other.frames, again.frames)
        assert np.array_equal(scores(one), scores(other))
        inside = ~one.is_padding
        pair = (each.frames[inside, 0, 0, 0].astype(int) for each in (other, one))
        steps += np.subtract(*pair).tolist()

    assert set(steps) == {-1, 0, 1}
    assert 0.2 < np.mean(np.abs(steps)) < 0.4


def test_hard_negatives_are_drawn_by_their_share_and_score() -> None:
    matches = [stored(steps=200, name="a"), stored(steps=200, name="b")]
    alarms = (
        FalseAlarm("a", "PASS", 15.0, 0.9),
        FalseAlarm("b", "PASS", 5.0, 0.3),
        FalseAlarm("elsewhere", "PASS", 5.0, 0.9),
    )
    options = ClipOptions(steps=4, padding=0, event_bias=0.0, hard_negative_share=0.5)
    clips = clips_of(matches, LABELS, options, seed=1, hard_negatives=alarms)

    drawn = [clips.draw(n) for n in range(600)]

    near_a = sum(c.name == "a" and 147 <= c.start <= 150 for c in drawn) / 600
    near_b = sum(c.name == "b" and 47 <= c.start <= 50 for c in drawn) / 600
    assert 0.30 < near_a < 0.46, "three quarters of a half"
    assert 0.07 < near_b < 0.20, "one quarter of a half"


def test_without_hard_negatives_clips_are_what_they_were() -> None:
    options = ClipOptions(steps=4, hard_negative_share=0.9)
    plain = clips_of([stored()], LABELS, ClipOptions(steps=4), seed=1)
    other = clips_of([stored()], LABELS, options, seed=1)

    assert all(plain.draw(n).start == other.draw(n).start for n in range(20))
