"""Versions of checkpoints: numbers, the archive, and names that are refused."""

import os
import threading
from pathlib import Path

import numpy as np
import pytest

from model.checkpoint import library
from model.checkpoint.archive import Checkpoint
from model.checkpoint.manifest import Manifest
from model.checkpoint.publish import import_checkpoint_file, publish_checkpoint
from model.checkpoint.versions import archived_names
from model.errors import BadCheckpoint, CheckpointExists
from tests.unit.model.checkpoint.checkpoints import tiny_checkpoint, tiny_manifest


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """A finished checkpoint that nobody has published."""
    return tiny_checkpoint(tmp_path / "scratch", "last").path


@pytest.fixture
def user_dir(tmp_path: Path) -> Path:
    """The user's folder, not made yet."""
    return tmp_path / "models"


def test_versions_count_up_and_carry_their_name(trained: Path, user_dir: Path) -> None:
    made = [publish_checkpoint(trained, "hall", user_dir) for _ in range(3)]

    assert made == ["hall@1", "hall@2", "hall@3"]
    third = Checkpoint.open(user_dir / "hall@3.touchline")
    assert third.manifest.name == "hall@3"
    assert third.read_weights().keys() == Checkpoint.open(trained).read_weights().keys()
    assert sorted(path.name for path in user_dir.iterdir()) == [
        f"hall@{number}.touchline" for number in (1, 2, 3)
    ]


def test_a_file_that_takes_the_name_of_one_that_was_removed_is_not_archived(
    trained: Path, user_dir: Path
) -> None:
    publish_checkpoint(trained, "hall", user_dir)
    publish_checkpoint(trained, "hall", user_dir)
    import_checkpoint_file(trained, "guest", user_dir)
    for name in ("hall@2", "guest"):
        library.archive(name, user_dir=user_dir)
        (user_dir / f"{name}.touchline").unlink()

    assert publish_checkpoint(trained, "hall", user_dir) == "hall@2"
    import_checkpoint_file(trained, "guest", user_dir)

    assert archived_names(user_dir) == set()
    assert library.resolve("hall", user_dir) == "hall@2"


def test_what_killed_processes_left_goes_with_the_next_file(
    trained: Path, user_dir: Path
) -> None:
    left, fresh = user_dir / ".publish.old", user_dir / ".publish.new"
    for folder in (left, fresh):
        folder.mkdir(parents=True)
        (folder / "made").write_bytes(b"half")
    came = user_dir / ".import.old"
    came.write_bytes(b"half of one")
    for path in (left, came):
        os.utime(path, (0, 0))

    publish_checkpoint(trained, "hall", user_dir)

    there = {path.name for path in user_dir.iterdir()}
    assert there == {"hall@1.touchline", ".publish.new"}


def test_what_is_taken_in_is_of_no_project_of_this_service(
    trained: Path, user_dir: Path
) -> None:
    lineage = {"base": "arena-rny002", "project": "of another service"}
    publish_checkpoint(trained, "hall", user_dir, lineage=lineage)

    taken = import_checkpoint_file(user_dir / "hall@1.touchline", "guest", user_dir)

    assert taken.manifest.provenance.lineage == {"base": "arena-rny002"}


def test_no_import_takes_the_last_of_the_numbers(trained: Path, user_dir: Path) -> None:
    with pytest.raises(BadCheckpoint, match="smaller number"):
        import_checkpoint_file(trained, "hall@999999999", user_dir)


def test_two_at_once_never_share_a_number(trained: Path, user_dir: Path) -> None:
    made: list[str] = []
    start = threading.Barrier(4)

    def publish() -> None:
        start.wait()
        made.extend(publish_checkpoint(trained, "hall", user_dir) for _ in range(3))

    threads = [threading.Thread(target=publish) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(made, key=lambda name: int(name[5:])) == [
        f"hall@{number}" for number in range(1, 13)
    ]


def test_a_disk_without_hard_links_does_as_well(
    trained: Path, user_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError("no links here")

    monkeypatch.setattr(os, "link", refuse)

    made = [publish_checkpoint(trained, "hall", user_dir) for _ in range(2)]

    assert made == ["hall@1", "hall@2"]
    assert Checkpoint.open(user_dir / "hall@2.touchline").manifest.name == "hall@2"


def test_lineage_is_written_and_read_and_left_out_where_there_is_none(
    trained: Path, user_dir: Path
) -> None:
    lineage = {"base": "arena-rny002", "events": {"PASS": 12}}

    publish_checkpoint(trained, "hall", user_dir, lineage=lineage)

    manifest = Checkpoint.open(user_dir / "hall@1.touchline").manifest
    assert manifest.provenance.lineage == lineage
    again = Manifest.from_dict(manifest.to_dict())
    assert again.provenance.lineage == lineage
    assert "lineage" not in tiny_manifest().to_dict()["provenance"]


@pytest.mark.parametrize(
    "name",
    ["", "none", "Default", "a/b", "../x", "hall@1", ".hidden", "ä", "x" * 81, "a b"],
)
def test_a_name_that_no_version_can_have_is_refused(
    trained: Path, user_dir: Path, name: str
) -> None:
    with pytest.raises(BadCheckpoint, match="called"):
        publish_checkpoint(trained, name, user_dir)

    assert not user_dir.exists()


def test_a_bundled_checkpoints_name_has_no_versions(
    trained: Path, user_dir: Path
) -> None:
    with pytest.raises(CheckpointExists, match="another name"):
        publish_checkpoint(trained, "arena-rny002", user_dir)


def test_what_is_no_checkpoint_is_not_published(tmp_path: Path, user_dir: Path) -> None:
    torn = tmp_path / "torn.touchline"
    torn.write_bytes(b"PK")

    with pytest.raises(BadCheckpoint, match="damaged"):
        publish_checkpoint(torn, "hall", user_dir)

    assert not user_dir.exists()


def test_a_plain_name_stands_for_the_newest_that_is_not_archived(
    trained: Path, user_dir: Path
) -> None:
    for _ in range(11):
        publish_checkpoint(trained, "hall", user_dir)

    assert library.find_named("hall", user_dir).stem == "hall@11"
    library.archive("hall@11", user_dir=user_dir)
    assert library.find_named("hall", user_dir).stem == "hall@10"
    assert library.find_named("hall@11", user_dir).stem == "hall@11"
    library.restore("hall@11", user_dir=user_dir)
    assert library.find_named("hall", user_dir).stem == "hall@11"


def test_versions_are_listed_in_their_order_with_what_is_archived(
    trained: Path, user_dir: Path
) -> None:
    for _ in range(10):
        publish_checkpoint(trained, "hall", user_dir)
    library.archive("hall@2", user_dir=user_dir)

    entries = [e for e in library.list_checkpoints(user_dir) if not e.is_bundled]

    assert [e.name for e in entries] == [f"hall@{n}" for n in range(1, 11)]
    assert [e.name for e in entries if e.is_archived] == ["hall@2"]


def test_a_new_version_does_not_become_the_default_by_itself(
    trained: Path, user_dir: Path
) -> None:
    publish_checkpoint(trained, "hall", user_dir)
    kept = library.set_default("hall", user_dir=user_dir)

    publish_checkpoint(trained, "hall", user_dir)

    assert kept == "hall@1"
    assert library.default_name(user_dir) == "hall@1"


def test_the_default_is_not_archived_and_the_archived_no_default(
    trained: Path, user_dir: Path
) -> None:
    for _ in range(2):
        publish_checkpoint(trained, "hall", user_dir)
    library.set_default("hall@2", user_dir=user_dir)

    with pytest.raises(BadCheckpoint, match="choose another default first"):
        library.archive("hall@2", user_dir=user_dir)
    library.archive("hall@1", user_dir=user_dir)
    with pytest.raises(BadCheckpoint, match="restore it first"):
        library.set_default("hall@1", user_dir=user_dir)

    assert library.default_name(user_dir) == "hall@2"


def test_an_import_takes_its_name_or_says_that_it_is_taken(
    trained: Path, user_dir: Path
) -> None:
    made = import_checkpoint_file(trained, "guest", user_dir)
    import_checkpoint_file(trained, "hall@7", user_dir)

    assert made.manifest.name == "guest"
    assert publish_checkpoint(trained, "hall", user_dir) == "hall@8"
    for taken in ("guest", "arena-rny002", "hall@7", "hall", "guest@1"):
        with pytest.raises(CheckpointExists, match="another name"):
            import_checkpoint_file(trained, taken, user_dir)


def test_a_damaged_member_is_found_at_the_import(trained: Path, user_dir: Path) -> None:
    content = bytearray(trained.read_bytes())
    last_weight = np.float64(5).tobytes()
    content[content.index(last_weight)] ^= 0xFF
    trained.write_bytes(content)

    with pytest.raises(BadCheckpoint, match="Bad CRC"):
        import_checkpoint_file(trained, "guest", user_dir)

    assert list(user_dir.iterdir()) == []
