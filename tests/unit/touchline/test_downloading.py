"""Answers that become files take the place of nothing that they should not."""

import os
from pathlib import Path

import pytest

from touchline.client.downloading import new_file


def test_a_file_that_is_replaced_stays_as_private_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.touch(mode=0o600)

    with new_file(path, overwrite=True) as file:
        file.write(b"new")

    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_pipe_or_a_device_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    with (
        pytest.raises(OSError, match="no regular file"),
        new_file(pipe, overwrite=True),
    ):
        pytest.fail("there is nothing to write to")

    assert pipe.is_fifo()


def test_a_folder_is_refused_before_anything_is_loaded(tmp_path: Path) -> None:
    with (
        pytest.raises(OSError, match="no regular file"),
        new_file(tmp_path, overwrite=True),
    ):
        pytest.fail("there is nothing to write to")
