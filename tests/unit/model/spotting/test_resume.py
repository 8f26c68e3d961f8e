"""A run that goes on where another one ended gives what one alone would have given."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from model.spotting.predictor import EnginePredictor, Predictor, load_predictor
from model.spotting.resume import SavedPart, SavedRun, Saving
from model.spotting.spot_file import Progress, SpottedVideo, spot_file
from model.spotting.timeline import Timeline
from tests.unit.model.engines.networks import (
    ALL_OUTPUTS,
    exported_noise,
)
from tests.videos import draw_video, join_bytes, match_picture

pytestmark = [pytest.mark.slow, pytest.mark.costly]

FRAMES, FPS = 240, 15  # FPS is the network's own rate


class Killed(Exception):
    """The run ends here, as by SIGKILL."""


@pytest.fixture(scope="module")
def predictor(export_cache: Path) -> EnginePredictor:
    path = exported_noise(export_cache, outputs=ALL_OUTPUTS)
    found = load_predictor(path, engine="openvino", threads=1)
    assert isinstance(found, EnginePredictor)
    return found


def even(folder: Path) -> Path:
    path = folder / "even.mp4"
    draw_video(path, frames=FRAMES, fps=FPS, paint=match_picture, b_frames=2)
    return path


def uneven(folder: Path) -> Path:
    """Draw a video of a variable rate, with a gap that repeats frames."""
    times_ms = [k * 70 + (k % 7) * 5 + (2500 if k > 100 else 0) for k in range(190)]
    path = folder / "uneven.mkv"
    draw_video(path, times_ms=times_ms, paint=match_picture)
    return path


def brief(folder: Path) -> Path:
    path = folder / "brief.mp4"
    draw_video(path, frames=80, fps=FPS, paint=match_picture)
    return path


def restarted(folder: Path) -> Path:
    """Draw a transport stream whose clock begins again in the middle."""
    one, path = folder / "one.ts", folder / "restarted.ts"
    draw_video(one, frames=FRAMES // 2, fps=FPS, paint=match_picture)
    join_bytes([one, one], path)
    return path


def shorter(folder: Path) -> Path:
    path = folder / "short.mp4"
    draw_video(path, frames=FRAMES // 2, fps=FPS, paint=match_picture, b_frames=2)
    return path


def run(
    path: Path,
    predictor: Predictor,
    *,
    earlier: Sequence[SavedPart] = (),
    end_after: int | None = None,
    lost: int = 0,
    on_progress: Callable[[Progress], None] | None = None,
) -> tuple[SpottedVideo | None, list[SavedPart]]:
    """Spot a video; it ends as by SIGKILL once it has saved so many parts.

    The first `lost` of them cannot be saved.
    """
    parts: list[SavedPart] = []

    def save(part: SavedPart) -> bool:
        nonlocal lost
        if lost:  # The disk was full.
            lost -= 1
            return False
        stored, facts = SavedPart.from_bytes(part.to_bytes({"name": "Müller"}))
        assert facts == {"name": "Müller"}
        parts.append(stored)
        if len(parts) == end_after:
            raise Killed
        return True

    saving = Saving(save, SavedRun.of(earlier) if earlier else None, every_s=4.0)
    try:
        found = spot_file(
            path,
            predictor=predictor,
            min_score=0.1,
            saving=saving,
            on_progress=on_progress,
        )
    except Killed:
        return None, parts
    return found, parts


Draw = Callable[[Path], Path]


@dataclass(frozen=True)
class Undisturbed:
    """A video, and what one run in one pass gives that nothing ends."""

    video: Path
    expected: SpottedVideo | None
    parts: Sequence[SavedPart]


@pytest.fixture(scope="module")
def undisturbed(
    predictor: EnginePredictor, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Draw], Undisturbed]:
    @cache
    def of(draw: Draw) -> Undisturbed:
        video = draw(tmp_path_factory.mktemp("undisturbed"))
        return Undisturbed(video, *run(video, predictor))

    return of


def assert_same(found: SpottedVideo | None, expected: SpottedVideo | None) -> None:
    assert found is not None
    assert expected is not None
    assert found.spots == expected.spots != []
    assert_same_timeline(found.timeline, expected.timeline)
    assert (found.facts, found.warnings) == (expected.facts, expected.warnings)
    assert found.damaged_packets == expected.damaged_packets
    assert found.frame_times is not None
    assert expected.frame_times is not None
    np.testing.assert_array_equal(
        found.frame_times.times_s, expected.frame_times.times_s
    )


def assert_same_timeline(found: Timeline, expected: Timeline) -> None:
    for name in ("scores", "time_s", "frame", "pts"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    assert found.outputs.keys() == expected.outputs.keys()
    for name, values in expected.outputs.items():
        np.testing.assert_array_equal(found.outputs[name], values)


@pytest.mark.parametrize(
    ("draw", "mode"),
    [
        pytest.param(even, "one-pass", marks=pytest.mark.nightly),
        (uneven, "one-pass"),
        pytest.param(restarted, "one-pass", marks=pytest.mark.nightly),
        (brief, "reference"),
    ],
)
def test_a_run_that_was_killed_again_and_again_gives_the_same(
    draw: Draw,
    mode: str,
    predictor: EnginePredictor,
    undisturbed: Callable[[Draw], Undisturbed],
    tmp_path: Path,
) -> None:
    if mode == "one-pass":
        straight = undisturbed(draw)
    else:
        predictor = replace(predictor, mode="reference")
        video = draw(tmp_path)
        straight = Undisturbed(video, *run(video, predictor))
    video = straight.video

    parts: list[SavedPart] = []
    for _ in straight.parts:
        found, more = run(video, predictor, earlier=parts, end_after=1)
        assert found is None
        parts += more
    found, _ = run(video, predictor, earlier=parts)

    assert parts[-1].state.images_from > 0
    assert_same(found, straight.expected)


@pytest.mark.parametrize("kept", [1, 3])
def test_what_was_scored_is_not_scored_again_and_progress_does_not_fall(
    kept: int,
    predictor: EnginePredictor,
    undisturbed: Callable[[Draw], Undisturbed],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("model.spotting.spot_file.REPORT_EVERY_S", 0.0)
    straight = undisturbed(even)
    parts = straight.parts[:kept]
    chunks: list[int] = []
    trunk = predictor.runtime.trunk

    def counted(frames: np.ndarray, *marks: np.ndarray) -> np.ndarray:
        chunks.append(len(frames))
        return trunk(frames, *marks)

    monkeypatch.setattr(predictor.runtime, "trunk", counted)
    heard: list[Progress] = []

    found, more = run(
        straight.video, predictor, earlier=parts, on_progress=heard.append
    )

    assert_same(found, straight.expected)
    state, runtime = parts[-1].state, predictor.runtime
    assert state.images_from >= state.steps - 2 * (runtime.delay + runtime.chunk_len)
    steps = FRAMES - state.images_from
    assert sum(chunks) <= steps + runtime.delay + 2 * runtime.chunk_len
    assert more[0].first == sum(len(part.timeline) for part in parts)
    done = [progress.done for progress in heard]
    assert done == sorted(done)
    assert done[0] == parts[-1].done > 0


def test_a_part_that_could_not_be_saved_is_in_the_next_one(
    predictor: EnginePredictor, undisturbed: Callable[[Draw], Undisturbed]
) -> None:
    straight = undisturbed(even)
    _, parts = run(straight.video, predictor, lost=1, end_after=1)

    found, _ = run(straight.video, predictor, earlier=parts)

    assert parts[0].first == 0
    assert parts[0].state.steps > 7 * FPS
    assert_same(found, straight.expected)


def test_what_is_of_another_video_is_not_gone_on_with(
    predictor: EnginePredictor, undisturbed: Callable[[Draw], Undisturbed]
) -> None:
    parts = undisturbed(even).parts

    for draw in (uneven, shorter):
        other = undisturbed(draw)
        found, more = run(other.video, predictor, earlier=parts)

        assert_same(found, other.expected)
        assert all(part.first == 0 for part in more[:1])


@pytest.mark.nightly
def test_another_mode_or_other_labels_begin_anew(
    predictor: EnginePredictor, tmp_path: Path
) -> None:
    video = brief(tmp_path)
    expected, parts = run(video, predictor)
    _, of_clips = run(video, replace(predictor, mode="reference"), end_after=1)
    timeline = replace(parts[0].timeline, labels=("THROW", "KICK"))

    for earlier in (of_clips, [replace(parts[0], timeline=timeline)]):
        found, _ = run(video, predictor, earlier=earlier)
        assert_same(found, expected)


def test_damaged_parts_and_missing_ones_are_refused(
    undisturbed: Callable[[Draw], Undisturbed],
) -> None:
    parts = undisturbed(even).parts
    data = parts[0].to_bytes({})

    for damaged in (b"", bytes(len(data)), data[: len(data) // 2], b"PK" + data[2:50]):
        with pytest.raises(ValueError, match="not a part of a run"):
            SavedPart.from_bytes(damaged)
    with pytest.raises(ValueError, match="is missing"):
        SavedRun.of(parts[1:])
    with pytest.raises(ValueError, match="no part"):
        SavedRun.of([])
