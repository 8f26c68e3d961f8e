"""Which checkpoint a worker takes where a job names none."""

import gc
import shutil
import weakref
from pathlib import Path

import pytest

from app.core.settings import Settings
from model.checkpoint.library import set_default
from model.checkpoint.publish import publish_checkpoint
from model.errors import BadCheckpoint
from model.spotting.predictor import (
    EngineName,
    EnginePredictor,
    Precision,
    Predictor,
    load_predictor,
)
from worker.predictor_cache import PredictorCache


def open_cache(folder: Path, model: str) -> PredictorCache:
    """A cache whose operator has set TOUCHLINE_MODEL."""
    fields = {"data_dir": folder, "model": model, "engine": "openvino"}
    return PredictorCache(Settings.model_validate(fields))


def test_the_operators_setting_comes_before_the_kept_default(
    tmp_path: Path, checkpoint: Path
) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "default").write_text("arena-rny002\n")
    cache = open_cache(tmp_path, str(checkpoint))

    taken = cache.get(None)

    assert taken.manifest.name == "tiny"
    assert cache.get("tiny") is taken  # as GET /models lists it


@pytest.mark.nightly
def test_twenty_jobs_load_their_checkpoint_once_and_a_new_file_anew(
    tmp_path: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[str] = []

    def load(
        path: Path, *, engine: EngineName, precision: Precision, gpu_budget_bytes: int
    ) -> Predictor:
        loaded.append(path.stem)
        assert gpu_budget_bytes == 6 * 2**30
        return load_predictor(path, engine=engine, precision=precision)

    monkeypatch.setattr("worker.predictor_cache.load_predictor", load)
    models = tmp_path / "models"
    models.mkdir()
    for name in ("one", "two", "three"):
        shutil.copyfile(checkpoint, models / f"{name}.touchline")
    cache = open_cache(tmp_path, "one")

    first = cache.get(None)
    assert all(cache.get(name) is first for name in [None, "one"] * 10)
    assert loaded == ["one"]

    cache.get("two")
    cache.get("one")
    cache.get("three")  # puts out "two", the one not used for longest
    cache.get("one")
    assert loaded == ["one", "two", "three"]

    shutil.copyfile(checkpoint, models / "new")
    (models / "new").replace(models / "one.touchline")
    assert cache.get("one") is not first
    assert loaded == ["one", "two", "three", "one"]


@pytest.mark.costly
def test_there_is_room_for_two_also_while_another_one_is_loaded(
    tmp_path: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alive: set[int] = set()
    beside: list[int] = []

    def load(
        path: Path, *, engine: EngineName, precision: Precision, gpu_budget_bytes: int
    ) -> Predictor:
        gc.collect()
        beside.append(len(alive))
        loaded = load_predictor(
            path, engine=engine, precision=precision, gpu_budget_bytes=gpu_budget_bytes
        )
        assert isinstance(loaded, EnginePredictor)
        alive.add(len(beside))
        weakref.finalize(loaded.runtime, alive.discard, len(beside))
        return loaded

    monkeypatch.setattr("worker.predictor_cache.load_predictor", load)
    models = tmp_path / "models"
    models.mkdir()
    for name in ("one", "two", "three", "four"):
        shutil.copyfile(checkpoint, models / f"{name}.touchline")
    cache = open_cache(tmp_path, "one")

    for name in ("one", "two", "three", "four"):
        cache.get(name)

    assert beside == [0, 1, 1, 1]


def test_a_setting_that_leads_nowhere_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadCheckpoint, match="called 'gone'"):
        open_cache(tmp_path, "gone").get(None)


@pytest.mark.costly
def test_a_new_default_and_a_new_version_are_taken_without_a_restart(
    tmp_path: Path, checkpoint: Path
) -> None:
    models = tmp_path / "models"
    cache = PredictorCache(
        Settings.model_validate({"data_dir": tmp_path, "engine": "openvino"})
    )
    publish_checkpoint(checkpoint, "hall", models)
    set_default("hall", user_dir=models)

    first = cache.get(None)
    publish_checkpoint(checkpoint, "hall", models)

    assert first.manifest.name == "hall@1"
    assert cache.get(None) is first
    assert cache.get("hall").manifest.name == "hall@2"
    set_default("hall@2", user_dir=models)
    assert cache.get(None).manifest.name == "hall@2"


def test_a_link_that_leads_nowhere_is_told(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    link = tmp_path / "models" / "lost.touchline"
    link.symlink_to(tmp_path / "gone.touchline")

    with pytest.raises(BadCheckpoint, match="lost cannot be reached"):
        open_cache(tmp_path, "lost").get(None)
