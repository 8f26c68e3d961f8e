"""From a video file to spots: a real decoder, a real network from noise."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from model.errors import Canceled, DecoderCrashed, NoVideoStream, UnreadableVideo
from model.spotting.predictor import Predictor, load_predictor
from model.spotting.spot_file import Progress, spot_file
from model.spotting.spots import find_spots
from model.video.decode import iter_steps
from model.video.probe import VideoFacts
from tests.child_pids import child_pids
from tests.unit.model.engines.networks import (
    exported_noise,
)
from tests.videos import draw_sound, draw_video, match_picture

pytestmark = [pytest.mark.slow, pytest.mark.costly]

CLUSTER = b"\x1f\x43\xb6\x75"  # Where Matroska's frames begin.


@pytest.fixture(scope="module")
def checkpoint(export_cache: Path) -> Path:
    return exported_noise(export_cache)


@pytest.fixture(scope="module")
def predictor(checkpoint: Path) -> Predictor:
    return load_predictor(checkpoint, engine="openvino", threads=1)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("video") / "match.mp4"
    draw_video(path, frames=90, fps=30, paint=match_picture)
    return path


def test_a_video_becomes_a_timeline_and_spots(
    video: Path, predictor: Predictor
) -> None:
    spotted = spot_file(video, predictor=predictor, min_score=0.2)

    steps = list(iter_steps(video, predictor.manifest.frame_spec))
    timeline = spotted.timeline
    assert timeline.labels == predictor.manifest.labels
    assert timeline.frame.tolist() == [step.frame for step in steps]
    assert timeline.time_s.tolist() == [step.time_s for step in steps]
    assert timeline.pts.tolist() == [step.pts for step in steps]
    np.testing.assert_allclose(timeline.scores.sum(axis=1), 1, atol=1e-4)
    assert spotted.spots
    assert spotted.spots == find_spots(
        timeline, predictor.manifest.spotting, min_score=0.2
    )
    assert (spotted.facts.width, spotted.facts.height) == (160, 96)


def test_damage_in_the_middle_is_counted(
    video: Path, predictor: Predictor, tmp_path: Path
) -> None:
    data = bytearray(video.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 400] = bytes(400)
    damaged = tmp_path / "damaged.mp4"
    damaged.write_bytes(bytes(data))

    assert spot_file(damaged, predictor=predictor).damaged_packets > 0
    assert spot_file(video, predictor=predictor).damaged_packets == 0


def test_the_same_video_twice_gives_the_same_timeline(
    video: Path, predictor: Predictor
) -> None:
    first = spot_file(video, predictor=predictor).timeline
    again = spot_file(video, predictor=predictor).timeline

    np.testing.assert_array_equal(first.scores, again.scores)


def test_progress_follows_the_videos_time_and_ends_at_one(
    video: Path, predictor: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("model.spotting.spot_file.REPORT_EVERY_S", 0.0)
    heard: list[Progress | VideoFacts] = []

    spot_file(
        video, predictor=predictor, on_facts=heard.append, on_progress=heard.append
    )

    kinds = [one.stage if isinstance(one, Progress) else "facts" for one in heard]
    assert set(kinds[: kinds.index("facts")]) == {"probe"}
    assert "probe" not in kinds[kinds.index("facts") :]
    reported = [progress for progress in heard if isinstance(progress, Progress)]
    assert [p.done for p in reported] == sorted(p.done for p in reported)
    assert {p.stage for p in reported} == {"probe", "decode", "spot"}
    assert any(0 < p.done < 1 and p.eta_s is not None for p in reported)
    assert (reported[-1].done, reported[-1].eta_s, reported[-1].steps) == (1.0, 0.0, 45)


@pytest.mark.parametrize(
    "mode", ["one-pass", pytest.param("reference", marks=pytest.mark.nightly)]
)
def test_a_cancel_leaves_no_process_and_a_predictor_that_works(
    video: Path, checkpoint: Path, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("model.spotting.spot_file.REPORT_EVERY_S", 0.0)
    predictor = load_predictor(
        checkpoint,
        engine="openvino",
        windows=mode,  # type: ignore[arg-type] # Parametrised.
        threads=1,
    )
    before = child_pids()

    with pytest.raises(Canceled):
        spot_file(video, predictor=predictor, on_progress=_cancel_at(0.3))

    assert child_pids() == before
    whole = spot_file(video, predictor=predictor).timeline
    fresh = load_predictor(
        checkpoint,
        engine="openvino",
        windows=mode,  # type: ignore[arg-type] # Parametrised.
        threads=1,
    )
    np.testing.assert_array_equal(
        whole.scores, spot_file(video, predictor=fresh).timeline.scores
    )


def test_a_cancel_is_heard_while_the_probe_still_reads(
    tmp_path: Path, predictor: Predictor
) -> None:
    long = tmp_path / "live.mkv"  # Without a length in its header: it is read through.
    draw_video(long, frames=60, options={"live": "1"})
    data = long.read_bytes()
    header, clusters = data[: data.index(CLUSTER)], data[data.index(CLUSTER) :]
    long.write_bytes(header + 6000 * clusters)
    before = child_pids()
    stages: list[str] = []

    def on_progress(progress: Progress) -> None:
        stages.append(progress.stage)
        if len(stages) > 1:  # The first is reported before anything is read.
            raise Canceled("enough")

    with pytest.raises(Canceled):
        spot_file(long, predictor=predictor, on_progress=on_progress)

    assert stages == ["probe", "probe"]
    assert child_pids() == before


def test_a_decoding_process_that_is_killed_fails_the_run_and_spares_the_predictor(
    video: Path, predictor: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("model.spotting.spot_file.REPORT_EVERY_S", 0.0)
    before = child_pids()
    long = video.with_name("long.mp4")
    draw_video(long, frames=900, fps=30, paint=match_picture)

    def on_progress(progress: Progress) -> None:
        if progress.steps == 3:
            for child in child_pids() - before:
                with suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)

    with pytest.raises(DecoderCrashed, match="SIGKILL"):
        spot_file(long, predictor=predictor, on_progress=on_progress)

    assert child_pids() == before
    assert len(spot_file(video, predictor=predictor).timeline) == 45


def test_what_is_no_video_is_refused_with_its_reason(
    tmp_path: Path, predictor: Predictor
) -> None:
    sound, letter = tmp_path / "sound.mp4", tmp_path / "letter.mp4"
    draw_sound(sound)
    letter.write_bytes(b"Dear Sir or Madam" * 100)

    with pytest.raises(NoVideoStream):
        spot_file(sound, predictor=predictor)
    with pytest.raises(UnreadableVideo):
        spot_file(letter, predictor=predictor)


def test_a_video_of_one_frame_has_a_timeline_of_one_step(
    tmp_path: Path, predictor: Predictor
) -> None:
    path = tmp_path / "one.mp4"
    draw_video(path, frames=1)

    spotted = spot_file(path, predictor=predictor, min_score=0.0)

    assert len(spotted.timeline) == 1
    assert {spot.frame for spot in spotted.spots} == {0}


def test_spotting_needs_no_torch(video: Path, checkpoint: Path) -> None:
    program = """
import sys
from pathlib import Path
from model.spotting.predictor import load_predictor
from model.spotting.spot_file import spot_file

predictor = load_predictor(Path(sys.argv[1]), engine="openvino", threads=1)
assert len(spot_file(Path(sys.argv[2]), predictor=predictor).timeline) == 45
heavy = {"torch", "torchvision", "timm", "nncf"} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run(
        [sys.executable, "-c", program, str(checkpoint), str(video)],
        check=True,
        timeout=120,
    )


def _cancel_at(done: float) -> Callable[[Progress], None]:
    def on_progress(progress: Progress) -> None:
        if progress.done >= done:
            raise Canceled("enough")

    return on_progress
