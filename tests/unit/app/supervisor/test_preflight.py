"""What is so before the service starts."""

import resource
from pathlib import Path

import pytest

from app.core.errors import StartFailed
from app.supervisor.preflight import exclusive_data_dir


def test_a_full_disk_is_left_to_the_check_that_says_what_to_do(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        with exclusive_data_dir(tmp_path):
            pass
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_who_serves_a_data_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "serve.lock").write_text("123456\n")

    with (
        exclusive_data_dir(tmp_path),
        pytest.raises(StartFailed, match=r"already serves .* \(process \d+\)") as told,
        exclusive_data_dir(tmp_path),
    ):
        pytest.fail("two serve it")

    assert "123456" not in str(told.value)
