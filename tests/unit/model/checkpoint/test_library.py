"""The library: names, the default, and files that cannot be read."""

from pathlib import Path

import pytest

from model.checkpoint import library
from model.errors import BadCheckpoint
from tests.unit.model.checkpoint.checkpoints import tiny_checkpoint


@pytest.fixture
def bundled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands for what comes with Touchline."""
    folder = tmp_path / "bundled"
    monkeypatch.setattr(library, "BUNDLED_DIR", folder)
    tiny_checkpoint(folder, "brisk")
    tiny_checkpoint(folder, "calm")
    return folder


@pytest.fixture
def user_dir(tmp_path: Path) -> Path:
    """The user's folder, not made yet."""
    return tmp_path / "models"


def test_the_first_bundled_one_is_the_default(bundled: Path) -> None:
    assert library.find_checkpoint() == bundled / "brisk.touchline"


def test_a_chosen_default_stays_chosen(bundled: Path, user_dir: Path) -> None:
    library.set_default("calm", user_dir=user_dir)

    entries = library.list_checkpoints(user_dir)

    assert [(e.name, e.is_default) for e in entries] == [
        ("brisk", False),
        ("calm", True),
    ]
    assert library.find_named(None, user_dir) == bundled / "calm.touchline"


def test_a_default_that_was_deleted_falls_back(bundled: Path, user_dir: Path) -> None:
    mine = tiny_checkpoint(user_dir, "mine").path
    library.set_default("mine", user_dir=user_dir)

    mine.unlink()

    assert library.default_name(user_dir) == "brisk"


def test_the_users_own_shadows_a_bundled_namesake(
    bundled: Path, user_dir: Path
) -> None:
    mine = tiny_checkpoint(user_dir, "calm").path

    [brisk, calm] = library.list_checkpoints(user_dir)

    assert (brisk.is_bundled, calm.is_bundled) == (True, False)
    assert library.find_checkpoint("calm", user_dir=user_dir) == mine


def test_a_damaged_one_is_listed_with_its_problem(
    bundled: Path, user_dir: Path
) -> None:
    user_dir.mkdir()
    (user_dir / "torn.touchline").write_bytes(b"PK")

    torn = library.list_checkpoints(user_dir)[-1]

    assert torn.name == "torn"
    assert torn.manifest is None
    assert "damaged" in torn.problem


def test_an_unknown_name_lists_the_known_ones(bundled: Path) -> None:
    with pytest.raises(BadCheckpoint, match="'wild'; known are brisk, calm"):
        library.find_checkpoint("wild")


def test_a_path_is_taken_as_a_path(bundled: Path, tmp_path: Path) -> None:
    path = tiny_checkpoint(tmp_path / "elsewhere", "mine").path

    assert library.find_checkpoint(path) == path
    assert library.find_checkpoint(str(path)) == path
    with pytest.raises(BadCheckpoint, match="no checkpoint at"):
        library.find_checkpoint(tmp_path / "gone.touchline")


def test_a_name_from_the_network_is_never_a_path(bundled: Path, tmp_path: Path) -> None:
    path = tiny_checkpoint(tmp_path / "elsewhere", "mine").path

    with pytest.raises(BadCheckpoint, match="no checkpoint called"):
        library.find_named(str(path.with_suffix("")))


def test_a_default_must_be_readable(bundled: Path, user_dir: Path) -> None:
    user_dir.mkdir()
    (user_dir / "torn.touchline").write_bytes(b"PK")

    with pytest.raises(BadCheckpoint):
        library.set_default("torn", user_dir=user_dir)

    assert library.default_name(user_dir) == "brisk"


def test_what_is_chosen_outright_comes_before_the_kept_choice(
    bundled: Path, user_dir: Path, tmp_path: Path
) -> None:
    path = tiny_checkpoint(tmp_path / "elsewhere", "mine").path
    library.set_default("calm", user_dir=user_dir)

    def found(named: str | None, chosen: str | None) -> str:
        return library.find_checkpoint(named, user_dir=user_dir, chosen=chosen).stem

    assert found(None, None) == "calm"
    assert found(None, "brisk") == "brisk"
    assert found(None, str(path)) == "mine"
    assert found("calm", str(path)) == "calm"
    assert library.find_named("mine", user_dir, chosen=str(path)) == path


def test_a_choice_that_is_not_there_is_not_replaced_by_another(
    bundled: Path, user_dir: Path
) -> None:
    with pytest.raises(BadCheckpoint, match="'gone'; known are brisk, calm"):
        library.find_checkpoint(user_dir=user_dir, chosen="gone")

    assert library.default_name(user_dir, chosen="gone") is None


def test_a_bundled_one_comes_before_the_users_own(
    bundled: Path, user_dir: Path
) -> None:
    tiny_checkpoint(user_dir, "aardvark")

    assert library.default_name(user_dir) == "brisk"


def test_no_checkpoint_is_called_none_which_stands_for_no_model(
    bundled: Path, user_dir: Path
) -> None:
    tiny_checkpoint(user_dir, "none")

    (listed,) = [e for e in library.list_checkpoints(user_dir) if e.name == "none"]

    assert "rename its file" in listed.problem
    with pytest.raises(BadCheckpoint, match="stands for no model"):
        library.find_named("none", user_dir)
    with pytest.raises(BadCheckpoint, match="stands for no model"):
        library.set_default("none", user_dir=user_dir)
