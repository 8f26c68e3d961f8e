"""Which split goes with a folder of matches."""

from pathlib import Path

import pytest
import typer

from app.cli.splits import split_for


def test_a_data_set_brings_its_own_split_unless_another_is_named(
    tmp_path: Path,
) -> None:
    (tmp_path / "split.json").write_text("{}")
    other = tmp_path / "other.json"

    assert split_for(tmp_path, None) == tmp_path / "split.json"
    assert split_for(tmp_path, other) == other
    assert split_for(None, None) is None


def test_a_folder_without_a_split_and_a_split_without_a_folder_are_refused(
    tmp_path: Path,
) -> None:
    for data, split in ((tmp_path, None), (None, tmp_path / "split.json")):
        with pytest.raises(typer.BadParameter, match="go together"):
            split_for(data, split)
