"""The catalogue lists what the library of `model` lists, without importing it."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.checkpoints import catalogue as catalogues
from app.checkpoints.catalogue import BUNDLED, Catalogue
from app.checkpoints.schemas import Model
from app.core.errors import UnknownModel
from model import library
from model.errors import BadCheckpoint
from tests.unit.model.network.checkpoints import tiny_checkpoint


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("beta", "alpha"):
        _write(tmp_path / f"{name}.touchline", {"name": name, "labels": ["PASS"]})
    return tmp_path


def test_bundled_checkpoints_are_those_of_the_library(tmp_path: Path) -> None:
    entries = Catalogue([BUNDLED, tmp_path]).entries()

    known = library.list_checkpoints(tmp_path)
    assert entries
    assert BUNDLED == library.BUNDLED_DIR
    assert catalogues.BUNDLED_DEFAULT == library.DEFAULT_NAME
    assert [(one.name, one.is_default, one.is_bundled) for one in entries] == [
        (one.name, one.is_default, one.is_bundled) for one in known
    ]
    for ours, theirs in zip(entries, known, strict=True):
        assert theirs.manifest is not None
        assert ours.labels == theirs.manifest.labels
        assert not ours.problem


def test_the_operators_choice_comes_before_the_kept_one_and_both_before_the_first(
    folder: Path,
) -> None:
    assert _default(Catalogue([folder])) == "alpha"
    assert _default(Catalogue([folder], chosen="beta")) == "beta"

    (folder / "default").write_text("beta\n")

    assert _default(Catalogue([folder])) == "beta"
    assert _default(Catalogue([folder], chosen="alpha")) == "alpha"


def test_an_operators_choice_outside_the_folders_is_listed_as_the_default(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("elsewhere") / "mine.touchline"
    _write(path, {"name": "mine", "labels": ["PASS"]})
    catalogue = Catalogue([folder], chosen=str(path))

    assert _default(catalogue) == "mine"
    assert [entry.name for entry in catalogue.entries()] == ["alpha", "beta", "mine"]
    catalogue.check("mine")


# What the file `default` holds, and what the operator has set.
CHOICES: list[tuple[str, str | None]] = [
    *((kept, None) for kept in ("", "brisk", "own", "gone")),
    *(("own", chosen) for chosen in ("an-own", "gone", "torn")),
    *(("own", "{folder}/" + name) for name in ("mine", "own", "gone", "lost_link")),
]


@pytest.mark.parametrize("bundled", [(), ("brisk",), ("brisk", "arena-rny002")])
@pytest.mark.parametrize(("kept", "chosen"), CHOICES)
def test_the_catalogue_and_the_library_agree(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    bundled: tuple[str, ...],
    kept: str,
    chosen: str | None,
) -> None:
    ours, own = tmp_path / "bundled", tmp_path / "models"
    monkeypatch.setattr(library, "BUNDLED_DIR", ours)
    monkeypatch.setattr(catalogues, "BUNDLED", ours)
    for name in bundled:
        tiny_checkpoint(ours, name)
    tiny_checkpoint(own, "an-own")  # before any other in the alphabet
    tiny_checkpoint(own, "own")
    (own / "torn.touchline").write_bytes(b"PK")
    (own / "lost_link.touchline").symlink_to(tmp_path / "nowhere")
    _write(own / "loose.touchline", {"name": "loose", "labels": ["PASS"]}, {})
    _write(own / "newer.touchline", {"name": "newer", "labels": ["A"], "version": 2})
    _write(own / "other.touchline", {"name": "other", "labels": ["A"], "format": "x"})
    (own / "default").write_text(kept)
    elsewhere = tmp_path / "elsewhere"  # of these only `mine` is there
    tiny_checkpoint(elsewhere, "mine")
    if chosen is not None and "/" in chosen:
        chosen = chosen.format(folder=elsewhere) + ".touchline"

    entries = Catalogue([ours, own], chosen=chosen).entries()
    known = library.list_checkpoints(own, chosen=chosen)

    assert [
        (one.name, one.path, one.is_default, one.is_bundled, bool(one.problem))
        for one in entries
    ] == [
        (one.name, one.path, one.is_default, one.is_bundled, bool(one.problem))
        for one in known
    ]
    default = library.default_name(own, chosen=chosen)
    if default is None:
        with pytest.raises(BadCheckpoint):
            library.find_checkpoint(user_dir=own, chosen=chosen)
    else:
        found = library.find_checkpoint(user_dir=own, chosen=chosen)
        assert found == {one.name: one.path for one in entries}[default]


def test_a_checkpoint_of_a_newer_version_is_refused_with_the_remedy(
    tmp_path: Path,
) -> None:
    _write(tmp_path / "newer.touchline", {"labels": ["A"], "version": 2})

    with pytest.raises(UnknownModel, match="update Touchline"):
        Catalogue([tmp_path]).check("newer")


def test_no_damaged_file_takes_the_list_down(tmp_path: Path) -> None:
    path = tiny_checkpoint(tmp_path, "torn").path
    content = path.read_bytes()
    problems = 0

    for position in range(len(content)):
        damaged = bytearray(content)
        damaged[position] ^= 1 << position % 8
        path.write_bytes(damaged)
        [entry] = Catalogue([tmp_path]).entries()
        Model.of(entry).model_dump_json()
        problems += bool(entry.problem)

    assert problems > 0


def test_a_threshold_beyond_all_numbers_is_a_problem(tmp_path: Path) -> None:
    options = {"labels": {"A": {"threshold": 10**400}}}
    _write(tmp_path / "big.touchline", {"labels": ["A"]}, options)

    [entry] = Catalogue([tmp_path]).entries()

    assert "threshold" in entry.problem


def test_a_copied_checkpoint_is_there_at_once(folder: Path) -> None:
    catalogue = Catalogue([folder])
    catalogue.entries()

    _write(folder / "gamma.touchline", {"name": "gamma", "labels": ["A", "B"]})

    assert [entry.name for entry in catalogue.entries()] == ["alpha", "beta", "gamma"]
    catalogue.check("gamma")


def test_a_replaced_checkpoint_is_read_anew(folder: Path) -> None:
    catalogue = Catalogue([folder])
    catalogue.entries()

    _write(folder / "alpha.touchline", {"name": "alpha", "labels": ["OTHER", "TWO"]})

    assert catalogue.entries()[0].labels == ("OTHER", "TWO")


@pytest.mark.parametrize("name", ["nobody", "", "../alpha", "alpha.touchline"])
def test_an_unknown_name_is_answered_with_the_known_ones(
    folder: Path, name: str
) -> None:
    with pytest.raises(UnknownModel, match="alpha, beta"):
        Catalogue([folder]).check(name)


def _lay_rubbish(path: Path) -> None:
    path.write_bytes(b"no zip")


def _lay_nothing(path: Path) -> None:
    path.write_bytes(b"")


def _lay_a_lost_link(path: Path) -> None:
    path.symlink_to(path.with_name("nowhere"))


def _lay_no_labels(path: Path) -> None:
    _write(path, {"name": "damaged"})


def _lay_no_threshold(path: Path) -> None:
    _write(path, {"name": "damaged", "labels": ["PASS"]}, {"PASS": {"window_s": 1.0}})


def _lay_half_the_thresholds(path: Path) -> None:
    _write(path, {"name": "d", "labels": ["A", "B"]}, {"A": {"threshold": 0.5}})


@pytest.mark.parametrize(
    "lay",
    [
        _lay_rubbish,
        _lay_nothing,
        _lay_a_lost_link,
        _lay_no_labels,
        _lay_no_threshold,
        _lay_half_the_thresholds,
    ],
)
def test_a_damaged_checkpoint_is_listed_with_its_problem_and_refused(
    folder: Path, lay: Callable[[Path], None]
) -> None:
    lay(folder / "damaged.touchline")
    catalogue = Catalogue([folder])

    (entry,) = [one for one in catalogue.entries() if one.name == "damaged"]

    assert entry.problem
    assert Model.of(entry).problem == entry.problem
    with pytest.raises(UnknownModel, match="cannot be read"):
        catalogue.check("damaged")


def test_no_folder_is_an_empty_catalogue(tmp_path: Path) -> None:
    catalogue = Catalogue([tmp_path / "nowhere"])

    assert catalogue.entries() == []
    with pytest.raises(UnknownModel, match="none"):
        catalogue.check("x")


def _default(catalogue: Catalogue) -> str:
    (default,) = [entry.name for entry in catalogue.entries() if entry.is_default]
    return default


def _write(
    path: Path, manifest: dict[str, Any], options: dict[str, Any] | None = None
) -> None:
    labels = manifest.get("labels", [])
    if options is None:
        options = {label: {"threshold": 0.5} for label in labels}
    with zipfile.ZipFile(path, "w") as archive:
        known = {"format": "touchline-checkpoint", "version": 1}
        whole = {**known, **manifest, "spotting": {"labels": options}}
        archive.writestr("manifest.json", json.dumps(whole))
