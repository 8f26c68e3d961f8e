"""A live spotter: what it says in the end is what the whole file would have given."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.checkpoint.archive import Checkpoint
from model.checkpoint.manifest import Manifest
from model.checkpoint.spotting_options import LabelOptions, NmsKind, SpottingOptions
from model.engines.runtime import Floats, Frames
from model.engines.torch_stream import TorchStream
from model.errors import EngineError, UnsupportedCheckpoint
from model.export.live import uncut_outputs
from model.network.config import ModelConfig
from model.network.spotter import Spotter
from model.spotting.live import TICKS_A_SECOND, LiveChange, LiveSpotter
from model.spotting.spots import Spot, find_spots
from model.spotting.timeline import Timeline
from model.video.frame_spec import FrameSpec
from tests.unit.model.engines.networks import (
    LABELS,
    SIZE,
    draw_frames,
    noisy_checkpoint,
    noisy_spotter,
)

FPS = 10.0
DELAY = 3
OUTPUTS: dict[str, Any] = {"displacement": {}, "team": {}}
PICTURE = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)


class Script:
    """Stands in for an engine: gives rows that were written down, `DELAY` late."""

    name, delay = "script", DELAY

    def __init__(self, rows: dict[str, Floats]) -> None:
        self.rows, self.at, self.ended = rows, 0, 0

    def reset(self) -> None:
        self.at, self.ended = self.at - self.ended, 0

    def step(self, frame: Frames, *, is_video: bool = True) -> dict[str, Floats]:
        del frame  # It is not looked at.
        row = max(self.at - DELAY, 0)
        self.at, self.ended = self.at + 1, self.ended + (not is_video)
        return {name: values[row] for name, values in self.rows.items()}


def manifest_of(
    nms: NmsKind = "greedy", outputs: dict[str, Any] | None = None
) -> Manifest:
    return Manifest(
        name="live",
        config=ModelConfig(
            "rny002_gsm",
            "causal_gru",
            16,
            len(LABELS),
            options={"look_ahead": DELAY},
            outputs=outputs or {},
            look_ahead_sites=0,
        ),
        labels=LABELS,
        frame_spec=FrameSpec(*SIZE, fps=FPS),
        spotting=SpottingOptions({x: LabelOptions(0.4, 0.6, nms) for x in LABELS}),
    )


def draw_rows(seed: int, steps: int = 90) -> dict[str, Floats]:
    """Draw curves with many peaks."""
    rng = np.random.default_rng(seed)
    scores = rng.dirichlet((1.0, 0.5, 0.4), steps)
    smooth = np.apply_along_axis(np.convolve, 0, scores, [0.2, 0.6, 0.2], "same")
    return {
        "scores": smooth.astype(np.float32),
        "displacement": rng.normal(0, 1.2, (steps, 1)).astype(np.float32),
        "team": rng.dirichlet((1, 1), steps).astype(np.float32),
    }


def whole_file(manifest: Manifest, rows: dict[str, Floats], fps: float) -> list[Spot]:
    """Find the spots of all steps at once."""
    time_s = np.arange(len(rows["scores"])) / fps
    ticks = np.rint(time_s * TICKS_A_SECOND).astype(np.int64)
    others = {name: values for name, values in rows.items() if name != "scores"}
    timeline = Timeline(LABELS, rows["scores"], time_s, ticks, ticks, others)
    return find_spots(timeline, manifest.spotting, sides=manifest.sides)


def pushed(
    spotter: LiveSpotter, pictures: Sequence[Frames], *, first: int = 0
) -> list[LiveChange]:
    changes: list[LiveChange] = []
    for step, picture in enumerate(pictures, start=first):
        changes += spotter.push(picture, step / spotter.fps)
    return changes


def finals(changes: Sequence[LiveChange]) -> list[tuple[Any, ...]]:
    kept = [change for change in changes if change.kind == "final"]
    return [(c.label, c.media_s, c.score, c.team) for c in kept]


def as_told(spots: Sequence[Spot]) -> list[tuple[Any, ...]]:
    return [(s.label, s.time_s, s.score, s.team) for s in spots]


def check_order(changes: Sequence[LiveChange]) -> None:
    """Each id is provisional at most once, then decided once."""
    told: dict[int, list[str]] = {}
    for change in changes:
        told.setdefault(change.id, []).append(change.kind)
    allowed = (["provisional", "final"], ["provisional", "retracted"], ["final"])
    assert all(kinds in allowed for kinds in told.values()), told


@pytest.mark.parametrize("nms", ["greedy", "soft"])
@pytest.mark.parametrize("has_outputs", [False, True])
def test_final_spots_are_those_of_the_whole_file(
    nms: NmsKind, has_outputs: bool
) -> None:
    manifest = manifest_of(nms, OUTPUTS if has_outputs else None)
    rows = draw_rows(seed=4)
    rows = rows if has_outputs else {"scores": rows["scores"]}
    spotter = LiveSpotter(manifest, Script(rows))

    changes = pushed(spotter, [PICTURE] * 90)
    changes += spotter.close()

    expected = as_told(whole_file(manifest, rows, FPS))
    assert len(expected) > 8
    assert finals(changes) == expected
    check_order(changes)
    assert {"provisional", "final", "retracted"} == {change.kind for change in changes}


def test_a_spot_is_told_one_step_after_the_look_ahead() -> None:
    scores = np.tile(np.array([[0.9, 0.05, 0.05]], np.float32), (60, 1))
    scores[20] = (0.1, 0.85, 0.05)
    spotter = LiveSpotter(manifest_of(), Script({"scores": scores}))

    before = pushed(spotter, [PICTURE] * (20 + DELAY + 1))
    (told,) = spotter.push(PICTURE, (20 + DELAY + 1) / FPS)

    assert before == []
    assert (told.kind, told.label, told.media_s) == ("provisional", "PASS", 2.0)
    assert spotter.look_ahead_s == pytest.approx(0.3)


def test_a_later_higher_peak_retracts_a_provisional_one() -> None:
    scores = np.tile(np.array([[0.9, 0.05, 0.05]], np.float32), (60, 1))
    scores[20], scores[23] = (0.4, 0.55, 0.05), (0.1, 0.85, 0.05)
    spotter = LiveSpotter(manifest_of(), Script({"scores": scores}))

    changes = pushed(spotter, [PICTURE] * 60)

    assert [(c.kind, c.id, c.media_s) for c in changes] == [
        ("provisional", 1, 2.0),
        ("retracted", 1, 2.0),
        ("provisional", 2, 2.3),
        ("final", 2, 2.3),
    ]


def test_a_gap_decides_what_is_provisional_and_starts_anew() -> None:
    rows = {"scores": draw_rows(seed=4)["scores"]}
    manifest = manifest_of()
    spotter = LiveSpotter(manifest, Script(rows))

    changes = pushed(spotter, [PICTURE] * 40)
    changes += spotter.gap()
    at_gap = len(changes)
    changes += pushed(spotter, [PICTURE] * 50, first=400)
    changes += spotter.close()

    halves = [{"scores": rows["scores"][part]} for part in (slice(40), slice(40, 90))]
    first, second = (as_told(whole_file(manifest, half, FPS)) for half in halves)
    assert finals(changes[:at_gap]) == first
    assert [(x[0], x[2]) for x in finals(changes[at_gap:])] == [
        (x[0], x[2]) for x in second
    ]
    check_order(changes)
    assert spotter.close() == []


@pytest.mark.parametrize("count", [0, 1, DELAY])
def test_a_stream_no_longer_than_the_look_ahead_has_its_spots(count: int) -> None:
    scores = np.tile(np.array([[0.2, 0.7, 0.1]], np.float32), (count, 1))
    manifest = manifest_of()
    spotter = LiveSpotter(manifest, Script({"scores": scores}))

    changes = pushed(spotter, [PICTURE] * count)
    changes += spotter.close()

    expected = whole_file(manifest, {"scores": scores}, FPS) if count else []
    assert finals(changes) == as_told(expected)
    assert len(expected) == min(count, 1)


def test_what_is_not_of_the_stream_is_refused() -> None:
    spotter = LiveSpotter(manifest_of(), Script(draw_rows(1)))
    spotter.push(PICTURE, 1.0)

    with pytest.raises(ValueError, match="must rise"):
        spotter.push(PICTURE, 1.0)
    with pytest.raises(ValueError, match="must be uint8 of"):
        spotter.push(PICTURE[:-1], 2.0)
    spotter.close()
    with pytest.raises(ValueError, match="closed"):
        spotter.push(PICTURE, 3.0)


def test_scores_that_are_nan_are_an_error() -> None:
    rows = {"scores": np.full((9, 3), np.nan, np.float32)}
    spotter = LiveSpotter(manifest_of(), Script(rows))

    with pytest.raises(EngineError, match="NaN"):
        pushed(spotter, [PICTURE] * 9)


def test_a_checkpoint_that_is_not_causal_is_refused_by_name(tmp_path: Path) -> None:
    made = noisy_checkpoint(tmp_path, noisy_spotter("rny002_gsm", "gru"))

    with pytest.raises(UnsupportedCheckpoint, match=r"noise cannot run live.*Live mod"):
        LiveSpotter.load(made.path)


@pytest.mark.costly
@pytest.mark.slow
def test_a_real_network_says_live_what_it_says_of_the_whole(tmp_path: Path) -> None:
    spotter: Spotter = noisy_spotter(
        "rny002_gsm", "causal_gru", options={"look_ahead": 2}, look_ahead_sites=0
    )
    made: Checkpoint = noisy_checkpoint(tmp_path, spotter)
    frames = list(draw_frames(40))
    rows = dict(uncut_outputs(frames, spotter))
    middle = float(np.median(rows["scores"][:, 1:]))
    options = SpottingOptions({x: LabelOptions(middle, 0.4) for x in LABELS})
    manifest = replace(made.manifest, spotting=options)
    live = LiveSpotter(manifest, TorchStream(spotter))

    changes = pushed(live, frames)
    changes += live.close()

    expected = as_told(whole_file(manifest, rows, live.fps))
    assert len(expected) > 3
    assert [x[:2] for x in finals(changes)] == [x[:2] for x in expected]
    found = np.array([x[2] for x in finals(changes)])
    np.testing.assert_allclose(found, [x[2] for x in expected], atol=1e-4)
