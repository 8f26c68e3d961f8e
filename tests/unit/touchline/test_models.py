"""Load a checkpoint and spot a video, as a notebook does."""

import io
import os
import shutil
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

import touchline
from app.cli.models import find_model
from app.core.settings import Settings
from model.errors import BadCheckpoint, VideoError
from model.spotting.predictor import load_predictor
from model.spotting.spot_file import spot_file
from tests.checkpoints import LABELS
from tests.videos import cut_off, draw_video
from touchline.models import _chosen, _user_dir

ROOT = Path(__file__).resolve().parents[3]


def test_a_model_tells_what_it_is(model: touchline.Model) -> None:
    assert model.name == "tiny"
    assert model.labels == LABELS
    assert repr(model) == "Model('tiny': PASS, DRIVE, SHOT; openvino/float32)"


@pytest.mark.costly
@pytest.mark.slow
def test_a_path_may_be_a_string(checkpoint: Path, video: Path) -> None:
    found = touchline.load(str(checkpoint), "cpu").spot(str(video))

    assert found.events == touchline.load(checkpoint, "cpu").spot(video).events


@pytest.mark.costly
@pytest.mark.slow
def test_events_are_those_that_serving_finds(
    checkpoint: Path, video: Path, result: touchline.Result
) -> None:
    served = spot_file(video, predictor=load_predictor(checkpoint, engine="openvino"))

    assert [
        (event.label, event.time_s, event.frame, event.score, event.team)
        for event in result.events
    ] == [(s.label, s.time_s, s.frame, s.score, s.team) for s in served.spots]
    assert result.events
    assert (result.name, result.fps) == ("match.mp4", 30.0)


def test_min_score_takes_the_place_of_the_thresholds(
    model: touchline.Model, video: Path, result: touchline.Result
) -> None:
    middle = float(np.median([event.score for event in result.events]))

    found = model.spot(video, min_score=middle)

    assert found.events == [e for e in result.events if e.score >= np.float32(middle)]
    assert 0 < len(found.events) < len(result.events)
    assert found.at().events == result.events


def test_frames_with_times_give_what_their_file_gives(
    model: touchline.Model, video: Path, result: touchline.Result
) -> None:
    with av.open(str(video)) as container:
        frames = [
            (frame.time or 0.0, frame.to_ndarray(format="rgb24"))
            for frame in container.decode(video=0)
        ]

    found = model.spot(iter(frames))

    timeline = found.timeline
    assert np.array_equal(timeline.frame, result.timeline.frame)
    assert np.allclose(timeline.time_s, result.timeline.time_s)
    # Scaled from RGB, not from YUV: colours differ by a few levels.
    assert np.abs(timeline.scores - result.timeline.scores).max() < 0.1
    assert found.events


@pytest.mark.parametrize("min_score", [-0.1, 1.1, float("nan")])
def test_a_bad_score_is_refused_before_the_work(
    model: touchline.Model, min_score: float
) -> None:
    with pytest.raises(ValueError, match="min_score must be in"):
        model.spot("not/even/looked/at.mp4", min_score=min_score)


@pytest.mark.parametrize("name", ["nowhere.mp4", "folder"])
def test_what_is_no_video_is_told(
    model: touchline.Model, tmp_path: Path, name: str
) -> None:
    (tmp_path / "folder").mkdir()

    with pytest.raises(VideoError):
        model.spot(tmp_path / name)


def test_a_damaged_video_is_spotted_as_far_as_it_goes_with_a_warning(
    model: touchline.Model, tmp_path: Path
) -> None:
    whole, cut = tmp_path / "whole.mp4", tmp_path / "cut.mp4"
    draw_video(whole, frames=90, options={"movflags": "faststart"})
    cut_off(whole, cut, keep=0.6)

    with pytest.warns(UserWarning, match="header says|are damaged") as caught:
        found = model.spot(cut)

    assert 0 < len(found.timeline) < 45
    told = [str(warning.message) for warning in caught]
    assert any("shorter than its header says" in line for line in told)
    assert {warning.filename for warning in caught} == {__file__}


def test_an_unknown_checkpoint_and_device_name_those_there_are() -> None:
    with pytest.raises(BadCheckpoint, match="arena-rny002"):
        touchline.load("arena")
    with pytest.raises(ValueError, match="auto, cpu, cuda"):
        touchline.load("arena-rny002", device="gpu")  # type: ignore[arg-type]  # what a notebook may say


def test_checkpoints_of_the_users_own_are_listed_and_loaded(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TOUCHLINE_MODEL", raising=False)
    monkeypatch.setenv("TOUCHLINE_DATA_DIR", str(tmp_path))
    (tmp_path / "models").mkdir()
    shutil.copy(checkpoint, tmp_path / "models" / "mine.touchline")
    (tmp_path / "models" / "damaged.touchline").write_bytes(b"PK")

    bundled = ["arena-rny002", "arena-rny002-live"]
    assert touchline.available_models() == [*bundled, "mine"]
    assert touchline.load("mine", device="cpu").labels == LABELS


def test_the_default_is_the_one_that_the_command_line_takes(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for directory in ("", "elsewhere"):
        monkeypatch.setenv("TOUCHLINE_DATA_DIR", directory)
        assert Settings().data_dir / "models" == _user_dir().resolve()
    monkeypatch.setenv("TOUCHLINE_MODEL", str(checkpoint))
    assert Path(_chosen() or "") == find_model(None)
    assert touchline.load(device="cpu").name == "tiny"


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.costly
@pytest.mark.slow
def test_progress_is_one_line_of_a_terminal(
    model: touchline.Model, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = _Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)

    model.spot(video)
    model.spot(video, progress=False)

    shown = terminal.getvalue()
    assert shown.count("\n") == 1
    assert shown.endswith("\n")
    lines = shown.rstrip("\n").split("\r")[1:]
    assert lines[0].startswith("match.mp4: reading")
    assert lines[-1].startswith("match.mp4: 100%")


def test_nothing_is_written_where_standard_error_is_no_terminal(
    model: touchline.Model, video: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model.spot(video)

    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("package", ["av", "openvino"])
def test_a_package_that_is_missing_is_named_with_its_extra(
    package: str, checkpoint: Path, tmp_path: Path
) -> None:
    code = (
        "import sys, touchline\n"
        f"sys.modules[{package!r}] = None\n"
        f"touchline.load({str(checkpoint)!r}, 'auto').spot('x.mp4')"
    )

    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.endswith(f"{package} is not installed: pip install 'touchline[worker]'")


def test_the_package_runs_as_the_command_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "touchline", "models", "list", "--json"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )

    assert '"arena-rny002"' in done.stdout
