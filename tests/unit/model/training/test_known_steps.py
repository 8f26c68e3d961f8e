"""Of a match that is reviewed in parts, clips come from those parts, and only they
count: what lies outside is neither event nor background."""

from dataclasses import replace

import numpy as np
import pytest

from model.data.frame_store import StoredMatch
from model.data.labels import Event
from model.errors import BadAnnotations
from model.training.clip_options import ClipOptions
from model.training.dataset import RandomClips
from model.training.false_alarms import FalseAlarm
from model.training.known_steps import KnownSteps
from model.training.targets import PhaseTargets, ScoreTargets
from tests.unit.model.training.test_dataset import LABELS, stored

EVENTS = tuple(Event("PASS", second + 0.5) for second in range(0, 100, 3))


def reviewed(*spans: tuple[float, float], steps: int = 1000) -> StoredMatch:
    """A match of 10 steps a second, reviewed in parts, whose labels tell more."""
    match = stored(steps=steps)
    labels = replace(match.labels, events=EVENTS, reviewed=spans)
    return replace(match, labels=labels)


def clips_of(
    match: StoredMatch, options: ClipOptions, *alarms: FalseAlarm
) -> RandomClips:
    """Clips of one match, with targets of scores."""
    makers = {"scores": ScoreTargets(1)}
    return RandomClips(
        [match], LABELS, options, seed=3, makers=makers, hard_negatives=alarms
    )


@pytest.mark.parametrize("event_bias", [0.0, 0.7, 1.0])
def test_clips_lie_in_a_reviewed_stretch(event_bias: float) -> None:
    match = reviewed((10.0, 20.0), (50.0, 58.0))
    options = ClipOptions(steps=16, padding=8, event_bias=event_bias)
    clips = clips_of(match, options, FalseAlarm("m", "PASS", 80.0, 0.9))

    starts = {clips.draw(n).start for n in range(400)}

    assert starts <= {*range(100, 185), *range(500, 565)}
    assert {start >= 500 for start in starts} == {True, False}
    drawn = [clips.draw(n) for n in range(50)]
    assert all(clip.targets["scores"].weight.all() for clip in drawn)


def test_longer_stretches_are_drawn_more_often() -> None:
    match = reviewed((0.0, 60.0), (80.0, 100.0))
    clips = clips_of(match, ClipOptions(steps=8, event_bias=0.0))

    late = np.mean([clips.draw(n).start >= 800 for n in range(800)])

    assert 0.19 < late < 0.31


def test_a_clip_longer_than_its_stretch_counts_there_alone() -> None:
    match = reviewed((30.0, 32.0))
    clips = clips_of(match, ClipOptions(steps=64, event_bias=0.5))

    for number in range(50):
        clip = clips.draw(number)
        steps = np.arange(clip.start, clip.start + 64)
        inside = (steps >= 300) & (steps < 320)
        assert inside.sum() == 20, "all of the stretch is in it"
        assert (clip.targets["scores"].weight == inside).all()


def test_what_is_not_reviewed_is_no_background_and_no_event() -> None:
    match = reviewed((10.0, 20.0))
    events = tuple(e for e in EVENTS if 10 <= e.time_s < 20)
    clips = clips_of(match, ClipOptions(steps=300, event_bias=0.0))

    clip = clips.draw(0)

    weight, values = clip.targets["scores"].weight, clip.targets["scores"].values
    assert weight.sum() == 100
    assert (values[weight > 0, 1] > 0).sum() == 3 * len(events)


def test_a_phase_is_known_from_the_first_event_of_a_stretch_to_its_end() -> None:
    match = reviewed((10.0, 20.0), (50.0, 55.0))
    match = replace(match, labels=match.labels.within(match.labels.reviewed or ()))

    weight = PhaseTargets().of_match(match, LABELS).weight

    assert np.flatnonzero(weight).tolist() == [*range(125, 200), *range(515, 550)]


def test_a_match_whose_stretches_have_no_frame_is_refused() -> None:
    with pytest.raises(BadAnnotations, match="No reviewed stretch"):
        clips_of(reviewed((500.0, 600.0)), ClipOptions(steps=8))


def test_a_match_of_which_all_is_known_is_masked_nowhere() -> None:
    whole = KnownSteps.of(stored())

    assert whole.is_all
    assert whole.fit(-5, 3, 16) == -5
    assert (whole.count, whole.has(99)) == (100, True)
