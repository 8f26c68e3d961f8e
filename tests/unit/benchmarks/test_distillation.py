"""A teacher's clips beside those of what was reviewed."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.teaching.distillation import by_the_base, unreviewed, with_teacher
from benchmarks.teaching.stretches import Stretch
from model.data.frame_store import StoredMatch
from model.data.labels import Event, MatchLabels
from model.evaluation.timed import TimedMatch
from model.network.outputs import SCORES
from model.spotting.timeline import Timeline
from model.training.clip_options import ClipOptions
from model.training.dataset import RandomClips
from model.training.targets import DisplacementTargets, ScoreTargets, TargetMaker

STEPS = 600
LABELS = ("PASS left", "PASS right")
MAKERS: dict[str, TargetMaker] = {
    SCORES: ScoreTargets(1),
    "displacement": DisplacementTargets(3, 10.0),
}
FIRST, SECOND = Stretch("a", (0.0, 30.0)), Stretch("a", (30.0, 60.0))


def stored(*events: Event) -> StoredMatch:
    steps = np.arange(STEPS)
    frames = steps[:, None].astype(np.uint8)
    labels = MatchLabels("a", events, Path("a"), reviewed=(FIRST.span,))
    return StoredMatch("a", frames, steps / 10, steps, steps, labels)


def believed(labels: tuple[str, ...], row: list[float]) -> TimedMatch:
    steps = np.arange(STEPS)
    scores = np.tile(np.array(row, np.float32), (STEPS, 1))
    return TimedMatch("a", Timeline(labels, scores, steps / 10, steps, steps), ())


def test_the_base_says_how_likely_and_the_other_which_team() -> None:
    base = believed(("PASS", "DRIVE"), [0.4, 0.5, 0.1])
    split = believed((*LABELS, "DRIVE left"), [0.2, 0.6, 0.2, 0.0])

    scores = by_the_base(base, split).timeline.scores

    assert scores[0] == pytest.approx([0.4, 0.375, 0.125, 0.1], abs=1e-5)


def test_what_nobody_has_reviewed_is_known_to_the_teacher_alone() -> None:
    match = stored(Event("PASS left", 10.0))

    rest = unreviewed(match, [FIRST], [FIRST, SECOND])

    assert rest is not None
    assert rest.labels.reviewed == (SECOND.span,)
    assert rest.labels.events == ()
    assert unreviewed(match, [FIRST, SECOND], [FIRST, SECOND]) is None


def test_every_second_clip_is_the_teachers_and_teaches_scores_alone() -> None:
    match = stored(Event("PASS left", 10.0))
    options = ClipOptions(steps=20, padding=0)
    reviewed = RandomClips([match], LABELS, options, seed=1, makers=MAKERS)
    rest = unreviewed(match, [FIRST], [FIRST, SECOND])
    assert rest is not None
    curves = {"a": believed(LABELS, [0.3, 0.5, 0.2])}

    clips = with_teacher(reviewed, [rest], LABELS, curves)

    for number in range(20):
        clip = clips.draw(number)
        is_of_teacher = clip.start >= 300
        assert is_of_teacher == (number % 2 == 1)
        if is_of_teacher:
            assert clip.targets[SCORES].values[0] == pytest.approx([0.3, 0.5, 0.2])
            assert clip.targets["displacement"].weight.sum() == 0
        else:
            assert set(clip.targets[SCORES].values.ravel()) <= {0.0, 1.0}
