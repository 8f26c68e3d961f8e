"""The catalogue lists what the library of `model` lists, without importing it."""

import json
import zipfile
from pathlib import Path

import pytest

from app.core import catalogue as catalogues
from app.core.catalogue import BUNDLED, Catalogue
from app.core.errors import UnknownModel
from model import library


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


def test_the_users_choice_comes_before_the_operators_and_both_before_the_first(
    folder: Path,
) -> None:
    assert _default(Catalogue([folder])) == "alpha"
    assert _default(Catalogue([folder], chosen="beta")) == "beta"
    assert _default(Catalogue([folder], chosen="/some/where/beta.touchline")) == "beta"

    (folder / "default").write_text("alpha\n")

    assert _default(Catalogue([folder], chosen="beta")) == "alpha"


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


@pytest.mark.parametrize("content", [b"", b"no zip", None])
def test_a_damaged_checkpoint_is_listed_with_its_problem_and_refused(
    folder: Path, content: bytes | None
) -> None:
    damaged = folder / "damaged.touchline"
    if content is None:
        _write(damaged, {"name": "damaged"})
    else:
        damaged.write_bytes(content)
    catalogue = Catalogue([folder])

    (entry,) = [one for one in catalogue.entries() if one.name == "damaged"]

    assert entry.problem
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


def _write(path: Path, manifest: dict[str, object]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("manifest.json", json.dumps(manifest))
