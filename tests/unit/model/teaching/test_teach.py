"""A whole teaching on toys: it learns, goes on after any end, and says what fails."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.checkpoint.archive import Checkpoint
from model.data.splits import Split
from model.errors import BadAnnotations, Canceled, TrainingFailed, TrainingPaused
from model.teaching.loss import total_loss
from model.teaching.network import TRUNK
from model.teaching.options import TeachOptions
from model.teaching.run import STATE
from model.teaching.teach import Taught, teach
from model.teaching.watch import STAGES
from tests.thoroughness import kills_everywhere
from tests.unit.model.teaching.toys import QUICK, Notebook, toy_base, toy_dataset

pytestmark = [pytest.mark.slow, pytest.mark.costly]

# Where to pause or to be killed: a stage, and how many questions of it to let pass.
PLACES = [
    ("prepare", 1),
    ("features", 1),
    ("features", 4),
    ("features", 5),
    ("head", 12),
    ("head", 25),
    ("finetune", 1),
    ("calibrate", 1),
    ("engines", 0),
]
KILLS = list(dict(reversed(PLACES)).items())[::-1]
"""The first place in each stage; each costs a process that loads torch."""

if not kills_everywhere():
    KILLS = [place for place in KILLS if place[0] in ("features", "finetune")]


@pytest.fixture(scope="module")
def toys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set and a base that knows one of its two types."""
    root = tmp_path_factory.mktemp("toys")
    toy_dataset(root / "data")
    toy_base(root / "base.touchline")
    return root


def options_for(root: Path, **changes: Any) -> TeachOptions:
    """Ask for the usual teaching."""
    return replace(
        TeachOptions("hall", root / "base.touchline", minutes=600), **changes
    )


@pytest.fixture(scope="module")
def straight(toys: Path) -> tuple[Taught, Notebook]:
    """A teaching that nothing interrupted."""
    watch = Notebook()
    found = teach(
        toys / "data", toys / "straight", options_for(toys), watch, recipe=QUICK
    )
    return found, watch


def weights_of(path: Path) -> Mapping[str, np.ndarray[Any, Any]]:
    """Read a checkpoint's weights."""
    return Checkpoint.open(path).read_weights()


def same(one: Path, other: Path) -> bool:
    """Whether two checkpoints have the same weights and thresholds."""
    first, second = weights_of(one), weights_of(other)
    return Checkpoint.open(one).manifest.spotting == Checkpoint.open(
        other
    ).manifest.spotting and all(np.array_equal(first[k], second[k]) for k in first)


def test_a_teaching_learns_a_new_type_and_makes_a_checkpoint_that_serves(
    straight: tuple[Taught, Notebook],
) -> None:
    found, watch = straight

    manifest = Checkpoint.open(found.checkpoint).manifest
    assert manifest.labels == ("DRIBBLE", "DUNK", "BASKET")
    assert "openvino" in manifest.engines
    assert manifest.name == "hall"
    assert watch.stages == list(STAGES)
    validations = [p[3] for p in watch.points if p[:2] == ("validation", "head")]
    assert max(v["BASKET"] for v in validations) > validations[0]["BASKET"]
    types = found.figures["types"]
    assert types["BASKET"]["ap"] > 0.3
    assert types["BASKET"]["ap_low"] <= types["BASKET"]["ap"]
    assert types["DUNK"]["events"] == 0
    assert not types["DUNK"]["is_judged"]
    assert types["BASKET"]["threshold"] == manifest.spotting.labels["BASKET"].threshold
    assert len(found.holdout) == 2
    json.dumps(found.figures, allow_nan=False)
    shares = [point["share"] for point in found.figures["learning"]]
    assert shares == [0.25, 0.5, 1.0]
    assert {need["type"] for need in found.figures["needs"]} == {"DRIBBLE", "BASKET"}


@pytest.mark.nightly
def test_what_does_not_happen_on_the_hold_out_is_learned_all_the_same(
    tmp_path: Path,
) -> None:
    root = toy_dataset(tmp_path / "data")
    parts = json.loads((root / "split.json").read_text())["parts"]
    for name in (*parts["val"], *parts["test"]):
        labels = root / name / "labels.json"
        labels.write_text(json.dumps({**json.loads(labels.read_text()), "events": []}))
    run = tmp_path / "run"
    options = TeachOptions("one", toy_base(tmp_path / "base.touchline"), minutes=600)
    recipe = replace(QUICK, tune_steps=0)

    found = teach(root, run, options, Notebook(), recipe=recipe)

    assert any("cannot be judged, and nothing ends" in note for note in found.notes)
    begun, made = (weights_of(run / f"{name}.touchline") for name in ("start", "head"))
    changed = [name for name in begun if not np.array_equal(begun[name], made[name])]
    assert [name for name in changed if not name.startswith(TRUNK)]


def test_when_it_may_be_done_is_told_from_its_pace_and_not_from_its_budget(
    straight: tuple[Taught, Notebook],
) -> None:
    etas = straight[1].etas

    assert etas["prepare"][0] == pytest.approx(600 * 60, rel=0.01)
    for stage in ("finetune", "calibrate", "engines"):
        last = etas[stage][-1]
        assert last is not None
        assert last < 600


def test_called_again_a_finished_teaching_gives_what_it_gave(
    toys: Path, straight: tuple[Taught, Notebook]
) -> None:
    watch = Notebook()

    again = teach(
        toys / "data", toys / "straight", options_for(toys), watch, recipe=QUICK
    )

    assert again == straight[0]
    assert watch.points == []


@pytest.mark.nightly
def test_paused_in_every_stage_it_gives_what_it_gives_without(
    toys: Path, straight: tuple[Taught, Notebook]
) -> None:
    paused = []
    for stage, passes in PLACES:
        watch = Notebook(pause_at=stage, passes=passes)
        try:
            teach(
                toys / "data", toys / "paused", options_for(toys), watch, recipe=QUICK
            )
        except TrainingPaused:
            paused.append((stage, passes))
    found = teach(
        toys / "data", toys / "paused", options_for(toys), Notebook(), recipe=QUICK
    )

    assert paused == PLACES
    assert same(found.checkpoint, straight[0].checkpoint)
    assert found.figures == straight[0].figures


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_killed_in_every_stage_it_gives_what_it_gives_without(
    toys: Path, straight: tuple[Taught, Notebook]
) -> None:
    for stage, passes in KILLS:
        name = "tests.unit.model.teaching.killed_teaching"
        ended = subprocess.run(
            [sys.executable, "-m", name, str(toys), stage, str(passes)],
            check=False,
            capture_output=True,
        )
        assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()[-2000:]
    found = teach(
        toys / "data", toys / "killed", options_for(toys), Notebook(), recipe=QUICK
    )

    assert same(found.checkpoint, straight[0].checkpoint)


@pytest.mark.nightly
def test_other_options_begin_anew_but_for_the_frames(
    toys: Path, tmp_path: Path, straight: tuple[Taught, Notebook]
) -> None:
    watch = Notebook(pause_at="head", passes=0)
    folder = shutil.copytree(toys / "straight", tmp_path / "again")
    frames = {p: p.stat().st_mtime_ns for p in folder.rglob("*.rgb")}
    assert frames
    assert (folder / "finetune").exists()
    other = options_for(toys, types=("BASKET",))

    with pytest.raises(TrainingPaused):
        teach(toys / "data", folder, other, watch, recipe=QUICK)

    assert not (folder / "finetune").exists()
    assert {p: p.stat().st_mtime_ns for p in folder.rglob("*.rgb")} == frames


def test_a_loss_that_is_no_number_stops_and_names_the_clips(
    toys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = total_loss
    monkeypatch.setattr(
        "model.teaching.head.total_loss", lambda *parts: real(*parts) * float("nan")
    )

    with pytest.raises(TrainingFailed, match=r"clips: match_\d segment"):
        teach(toys / "data", tmp_path, options_for(toys), Notebook(), recipe=QUICK)


def test_a_full_disk_is_said_and_what_is_done_is_kept(
    toys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("model.teaching.head.write_at_once", full)
        with pytest.raises(TrainingFailed, match="what is done is kept there"):
            teach(toys / "data", tmp_path, options_for(toys), Notebook(), recipe=QUICK)
    watch = Notebook(pause_at="head", passes=0)
    with pytest.raises(TrainingPaused):
        teach(toys / "data", tmp_path, options_for(toys), watch, recipe=QUICK)

    assert watch.stages == ["prepare", "features", "head"]


def before_its_end(straight: Taught, folder: Path) -> Path:
    """Copy a finished teaching as it was before thresholds and engines."""
    shutil.copytree(straight.checkpoint.parent, folder)
    state = json.loads((folder / STATE).read_text())
    for done in ("calibrated", "engines"):
        del state["results"][done]
    (folder / STATE).write_text(json.dumps(state))
    return folder


@pytest.mark.nightly
def test_a_form_that_cannot_be_made_costs_the_form_and_not_the_checkpoint(
    toys: Path,
    straight: tuple[Taught, Notebook],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder, watch = before_its_end(straight[0], tmp_path / "run"), Notebook()
    monkeypatch.setattr("model.export.differences.TOLERANCE", -1.0)

    found = teach(toys / "data", folder, options_for(toys), watch, recipe=QUICK)

    assert Checkpoint.open(found.checkpoint).manifest.engines == {}
    assert same(found.checkpoint, straight[0].checkpoint)
    assert found.figures["types"] == straight[0].figures["types"]
    assert list(found.warnings) == ["no-cpu-form"]
    assert "not kept" in found.warnings["no-cpu-form"]
    assert f"warning: {found.warnings['no-cpu-form']}" in watch.lines
    assert "there is none" in found.figures["int8"]


def test_a_disk_that_is_full_where_a_form_is_made_is_waited_for(
    toys: Path,
    straight: tuple[Taught, Notebook],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    folder = before_its_end(straight[0], tmp_path / "run")
    monkeypatch.setattr("model.teaching.finish.add_openvino", full)

    with pytest.raises(TrainingFailed, match="what is done is kept there"):
        teach(toys / "data", folder, options_for(toys), Notebook(), recipe=QUICK)


def test_a_watch_that_cancels_ends_it(toys: Path, tmp_path: Path) -> None:
    class Canceling(Notebook):
        def progress(self, stage: str, done: float, eta_s: float | None) -> None:
            if stage == "features":
                raise Canceled("canceled")

    with pytest.raises(Canceled):
        teach(toys / "data", tmp_path, options_for(toys), Canceling(), recipe=QUICK)


@pytest.mark.nightly
def test_little_data_of_one_type_in_one_match_at_another_rate(tmp_path: Path) -> None:
    root = toy_dataset(tmp_path / "data", matches=1, seconds=24, names={"BASKET": "X"})
    base = toy_base(tmp_path / "base.touchline", fps=5.0)
    options = TeachOptions("one", base, types=("X",), start="trunk", minutes=0.02)
    watch = Notebook()

    found = teach(root, tmp_path / "run", options, watch, recipe=QUICK)

    manifest = Checkpoint.open(found.checkpoint).manifest
    assert manifest.labels == ("X",)
    assert manifest.frame_spec.fps == 5.0
    assert any("Fewer than three matches" in note for note in found.notes)
    assert any("no time for it" in note for note in found.notes)
    assert any("not tuned" in note for note in found.notes)
    assert not [note for note in found.notes if note.startswith("note:")]
    again = teach(root, tmp_path / "run", options, Notebook(), recipe=QUICK)
    assert again.notes == found.notes


def test_a_video_that_cannot_be_decoded_is_left_out(toys: Path, tmp_path: Path) -> None:
    root = toy_dataset(tmp_path / "data", seconds=12)
    parts = {"train": ("match_1",), "val": ("match_2",), "test": ("match_3",)}
    (root / "split.json").write_text(Split(parts).to_json())
    (root / "match_3" / "video.mp4").write_bytes(b"damaged" * 100)
    watch = Notebook(pause_at="features", passes=0)

    with pytest.raises(TrainingPaused):
        teach(root, tmp_path / "run", options_for(toys), watch, recipe=QUICK)
    (root / "match_1" / "video.mp4").write_bytes(b"damaged" * 100)
    with pytest.raises(BadAnnotations, match="No video is left to teach from"):
        teach(root, tmp_path / "other", options_for(toys), Notebook(), recipe=QUICK)

    assert any(line.startswith("note: left out match_3") for line in watch.lines)


def test_a_video_that_goes_once_it_is_decoded_costs_nothing_when_it_goes_on(
    toys: Path, tmp_path: Path
) -> None:
    root = shutil.copytree(toys / "data", tmp_path / "data")
    options, folder = options_for(toys), tmp_path / "run"
    first = Notebook(pause_at="head", passes=0)
    with pytest.raises(TrainingPaused):
        teach(root, folder, options, first, recipe=QUICK)
    begun = json.loads((folder / STATE).read_text())
    for video in root.rglob("video.mp4"):
        video.unlink()
        video.symlink_to(tmp_path / "deleted.mp4")
    watch = Notebook(pause_at="head", passes=3)

    with pytest.raises(TrainingPaused):
        teach(root, folder, options, watch, recipe=QUICK)

    assert not [line for line in watch.lines if "left out" in line]
    gone_on = json.loads((folder / STATE).read_text())
    assert gone_on["stamp"] == begun["stamp"]
    assert gone_on["results"].items() >= begun["results"].items()


@pytest.mark.nightly
def test_features_are_those_of_their_match_when_one_can_be_decoded_after_all(
    toys: Path, tmp_path: Path
) -> None:
    root = toy_dataset(tmp_path / "data", matches=4, seconds=12)
    parts = {"train": ("match_1", "match_2"), "val": ("match_3",), "test": ("match_4",)}
    (root / "split.json").write_text(Split(parts).to_json())
    video = root / "match_1" / "video.mp4"
    good = video.read_bytes()

    def features(folder: str) -> list[bytes]:
        watch = Notebook(pause_at="head", passes=0)
        with pytest.raises(TrainingPaused):
            teach(root, tmp_path / folder, options_for(toys), watch, recipe=QUICK)
        found = sorted((tmp_path / folder / "features").glob("plain-*"))
        return [path.read_bytes() for path in found]

    video.write_bytes(b"hardly there" * 100)  # as one whose decoder stalls
    assert len(features("run")) == 3
    video.write_bytes(good)

    assert features("run") == features("straight")


@pytest.mark.parametrize("left", [0, pytest.param(1000, marks=pytest.mark.nightly)])
def test_a_state_that_a_power_cut_tore_costs_the_stage_and_no_more(
    toys: Path, tmp_path: Path, straight: tuple[Taught, Notebook], left: int
) -> None:
    folder, options = tmp_path / "run", options_for(toys)
    with pytest.raises(TrainingPaused):
        teach(
            *(toys / "data", folder, options, Notebook(pause_at="head", passes=12)),
            recipe=QUICK,
        )
    os.truncate(folder / "head.pt", left)
    watch = Notebook(pause_at="finetune", passes=0)

    with pytest.raises(TrainingPaused):
        teach(toys / "data", folder, options, watch, recipe=QUICK)

    one, other = folder / "head.touchline", straight[0].checkpoint.parent
    assert same(one, other / "head.touchline")
