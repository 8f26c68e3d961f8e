"""The 8-bit form: kept where it is as accurate, and near the truth where it is."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from model.checkpoint.archive import Checkpoint
from model.checkpoint.library import BUNDLED_DIR
from model.engines.registry import ENGINES
from model.errors import EngineUnavailable
from model.export.int8 import attach_int8
from model.spotting.predictor import Predictor, load_predictor
from model.video.decode import Step
from tests.unit.model.engines.networks import (
    draw_frames,
    exported_noise,
)

pytestmark = [pytest.mark.slow, pytest.mark.costly]

pytest.importorskip("nncf")


@pytest.fixture
def plain(export_cache: Path) -> Path:
    """A checkpoint without shifts, with its float32 form; only to be read."""
    return exported_noise(export_cache, "rny002", "")


def scores(
    predictor: Predictor, *, seed: int
) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    steps = [
        Step(k, k, k / 15, image) for k, image in enumerate(draw_frames(24, seed=seed))
    ]
    return predictor.predict(steps).scores


@pytest.mark.parametrize(
    "feature_arch",
    ["rny002", pytest.param("rny002_gsm", marks=pytest.mark.nightly)],
)
def test_a_form_that_is_as_accurate_is_kept_and_can_be_chosen(
    feature_arch: str, export_cache: Path, tmp_path: Path
) -> None:
    source = exported_noise(export_cache, feature_arch, "")
    out = tmp_path / "quick.touchline"
    measured: list[str] = []

    def measure(predictor: Predictor) -> float:
        measured.append(predictor.engine)
        return 0.9 if len(measured) == 1 else 0.895

    outcome = attach_int8(source, [draw_frames(32)], measure=measure, out=out)

    assert outcome.is_kept
    assert measured == ["openvino/float32", "openvino/int8"]
    form = Checkpoint.open(out).manifest.engines["openvino"]["precisions"]["int8"]
    assert form["val"] == [0.9, 0.895]
    exact = scores(load_predictor(out, precision="float32"), seed=1)
    quick = scores(load_predictor(out, precision="int8"), seed=1)
    assert 0 < np.abs(quick - exact).max() < 0.2


def test_a_form_that_loses_too_much_is_not_kept(plain: Path, tmp_path: Path) -> None:
    out, values = tmp_path / "quick.touchline", iter((0.9, 0.89))

    outcome = attach_int8(
        plain, [draw_frames(16)], measure=lambda _: next(values), out=out
    )

    assert not outcome.is_kept
    assert (outcome.float32, outcome.int8) == (0.9, 0.89)
    assert not out.exists()


@pytest.mark.nightly
def test_a_form_that_was_kept_before_goes_when_other_matches_refuse_it(
    plain: Path, tmp_path: Path
) -> None:
    path = tmp_path / "quick.touchline"
    attach_int8(plain, [draw_frames(16)], measure=lambda _: 0.9, out=path)
    values = iter((0.9, 0.8))

    attach_int8(path, [draw_frames(16)], measure=lambda _: next(values))

    load_predictor(path, precision="float32")
    assert not any("int8" in name for name in Checkpoint.open(path).manifest.files)
    with pytest.raises(EngineUnavailable, match="int8"):
        load_predictor(path, precision="int8")


@pytest.mark.nightly
@pytest.mark.parametrize("score", [0.0, float("nan")])
def test_matches_that_show_nothing_prove_nothing(
    plain: Path, tmp_path: Path, score: float
) -> None:
    out = tmp_path / "quick.touchline"

    with pytest.raises(EngineUnavailable, match="do not show what 8 bits lose"):
        attach_int8(plain, [draw_frames(16)], measure=lambda _: score, out=out)

    assert not out.exists()


def test_asking_for_8_bits_chooses_their_engine_beside_a_gpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cuda = replace(ENGINES["torch-cuda"], is_available=lambda: True)
    monkeypatch.setitem(ENGINES, "torch-cuda", cuda)

    predictor = load_predictor(BUNDLED_DIR / "arena-rny002.touchline", precision="int8")

    assert predictor.engine == "openvino/int8"
