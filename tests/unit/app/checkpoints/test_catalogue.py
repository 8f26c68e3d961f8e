"""What the API lists of checkpoints, damaged ones too."""

import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from app.checkpoints.catalogue import check_model, list_models
from app.checkpoints.schemas import Model
from app.core.errors import UnknownModel
from app.core.settings import Settings
from app.jobs.kinds import NO_MODEL
from model.checkpoint import library, versions
from tests.api_server import make_settings
from tests.unit.model.checkpoint.checkpoints import (
    LABELS,
    live_manifest,
    tiny_checkpoint,
)


@pytest.fixture(autouse=True)
def bundled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in place of the checkpoints that come with Touchline."""
    monkeypatch.setattr(library, "BUNDLED_DIR", tmp_path / "bundled")
    return tmp_path / "bundled"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return make_settings(data_dir=tmp_path)


@pytest.fixture
def folder(settings: Settings) -> Path:
    """The user's folder with two checkpoints."""
    folder = settings.data_dir / "models"
    for name in ("beta", "alpha"):
        tiny_checkpoint(folder, name)
    return folder


def test_bundled_checkpoints_are_listed_as_the_workers_find_them(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()

    models = [Model.of(entry) for entry in list_models(settings)]

    (default,) = [one for one in models if one.is_default]
    assert default.name == library.DEFAULT_NAME
    for model in models:
        assert model.is_bundled
        assert model.problem is None
        assert model.size_bytes > 0
        assert set(model.thresholds) == set(model.labels) != set()
        assert model.input.fps
        assert model.architecture.num_classes == len(model.labels)


def test_look_ahead_is_told_of_a_live_model_and_of_no_other(
    settings: Settings, folder: Path
) -> None:
    tiny_checkpoint(folder, "live", manifest=live_manifest())

    models = {entry.name: Model.of(entry) for entry in list_models(settings)}

    assert models["live"].look_ahead_s == pytest.approx(0.2)
    assert models["alpha"].look_ahead_s is None
    assert library.live_names(folder) == ["live"]


def test_the_operators_choice_comes_before_the_kept_one_and_both_before_the_first(
    settings: Settings, folder: Path
) -> None:
    assert _default(settings) == "alpha"
    assert _default(_choosing("beta", settings)) == "beta"

    (folder / "default").write_text("beta\n")

    assert _default(settings) == "beta"
    assert _default(_choosing("alpha", settings)) == "alpha"


@pytest.mark.parametrize("kept", [b"\xff\xfe", None])
def test_a_choice_that_cannot_be_read_is_none(
    settings: Settings, folder: Path, kept: bytes | None
) -> None:
    if kept is None:
        (folder / "default").mkdir()
    else:
        (folder / "default").write_bytes(kept)

    assert _default(settings) == "alpha"


def test_an_operators_choice_outside_the_folders_is_listed_as_the_default(
    settings: Settings, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tiny_checkpoint(tmp_path_factory.mktemp("elsewhere"), "mine").path
    choosing = _choosing(str(path), settings)

    assert _default(choosing) == "mine"
    assert [entry.name for entry in list_models(choosing)] == ["alpha", "beta", "mine"]
    check_model("mine", choosing)


def test_a_checkpoint_of_a_newer_version_is_refused_with_the_remedy(
    settings: Settings, folder: Path
) -> None:
    _change(folder / "alpha.touchline", {"version": 2})

    with pytest.raises(UnknownModel, match="update Touchline"):
        check_model("alpha", settings)


@pytest.mark.costly
@pytest.mark.slow
def test_no_damaged_file_takes_the_list_down(settings: Settings, folder: Path) -> None:
    (folder / "beta.touchline").unlink()
    path = folder / "alpha.touchline"
    content = path.read_bytes()
    problems = 0

    for position in range(len(content)):
        damaged = bytearray(content)
        damaged[position] ^= 1 << position % 8
        path.write_bytes(damaged)
        library._read.cache_clear()  # within one tick of the file system's clock
        [entry] = list_models(settings)
        Model.of(entry).model_dump_json()
        problems += bool(entry.problem)

    assert problems > 0


def test_a_copied_checkpoint_is_there_at_once(settings: Settings, folder: Path) -> None:
    list_models(settings)

    tiny_checkpoint(folder, "gamma")

    assert [entry.name for entry in list_models(settings)] == ["alpha", "beta", "gamma"]
    check_model("gamma", settings)


def test_a_replaced_checkpoint_is_read_anew(settings: Settings, folder: Path) -> None:
    list_models(settings)

    _change(folder / "alpha.touchline", {"version": 2, "padding": "x" * 99})

    assert "version 2" in list_models(settings)[0].problem


@pytest.mark.parametrize("name", ["nobody", "", "../alpha", "alpha.touchline"])
@pytest.mark.usefixtures("folder")
def test_an_unknown_name_is_answered_with_the_known_ones(
    settings: Settings, name: str
) -> None:
    with pytest.raises(UnknownModel, match="alpha, beta"):
        check_model(name, settings)


def test_a_name_whose_versions_are_all_archived_says_so(
    settings: Settings, folder: Path
) -> None:
    for number in (1, 2):
        tiny_checkpoint(folder, f"hall@{number}")
    library.archive("hall@2", user_dir=folder)
    check_model("hall", settings)
    library.archive("hall@1", user_dir=folder)

    with pytest.raises(UnknownModel, match=r"hall@1, hall@2.*archived: restore one"):
        check_model("hall", settings)
    check_model("hall@2", settings)


def _lay_a_lost_link(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.with_name("nowhere"))


def _lay_manifest(**values: Any) -> Callable[[Path], None]:
    return lambda path: _change(path, values)


def _lay_options(options: Mapping[str, object]) -> Callable[[Path], None]:
    return _lay_manifest(spotting={"labels": dict.fromkeys(LABELS, options)})


@pytest.mark.parametrize(
    "lay",
    [
        lambda path: path.write_bytes(b"no zip"),
        lambda path: path.write_bytes(b""),
        _lay_a_lost_link,
        _lay_manifest(labels=None),
        _lay_manifest(format="x"),
        _lay_manifest(spotting={"labels": {"PASS": {"threshold": 0.5}}}),
        _lay_options({"window_s": 1.0}),
        _lay_options({"threshold": 10**400}),
    ],
)
def test_a_damaged_checkpoint_is_listed_with_its_problem_and_refused(
    settings: Settings, folder: Path, lay: Callable[[Path], None]
) -> None:
    lay(tiny_checkpoint(folder, "damaged").path)

    (entry,) = [one for one in list_models(settings) if one.name == "damaged"]

    assert entry.problem
    assert Model.of(entry).problem == entry.problem
    with pytest.raises(UnknownModel, match="cannot be read"):
        check_model("damaged", settings)


def test_no_folder_is_an_empty_catalogue(settings: Settings) -> None:
    assert list_models(settings) == []
    with pytest.raises(UnknownModel, match="none"):
        check_model("x", settings)


def _default(settings: Settings) -> str:
    (default,) = [entry.name for entry in list_models(settings) if entry.is_default]
    return default


def _choosing(model: str, settings: Settings) -> Settings:
    return settings.model_copy(update={"model": model})


def _change(path: Path, values: Mapping[str, Any]) -> None:
    """Write other values into a checkpoint's manifest."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    manifest = {**json.loads(members.pop("manifest.json")), **values}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("manifest.json", json.dumps(manifest))
        for name, content in members.items():
            archive.writestr(name, content)


def test_what_stands_for_no_model_is_the_name_of_none() -> None:
    assert NO_MODEL == versions.RESERVED_NAME
