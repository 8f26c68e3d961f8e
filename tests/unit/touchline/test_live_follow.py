"""What a run that follows a live stream remembers for the next one."""

import resource
from pathlib import Path

import pytest

from touchline.watching.live_follow import read_known, write_known


def test_what_was_written_is_remembered_though_the_disk_is_full(tmp_path: Path) -> None:
    path, instances = tmp_path / "x.number", tmp_path / "x.xml"
    assert read_known(path, instances) == 0
    write_known(path, "41")

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        with pytest.raises(OSError, match="too large"):
            write_known(path, "42")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert read_known(path, instances) == 41
    assert list(tmp_path.iterdir()) == [path]
