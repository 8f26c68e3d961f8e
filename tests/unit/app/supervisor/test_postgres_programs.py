"""Root's Postgres runs as somebody else, who is let in where that is ours to allow."""

import os
import pwd
import stat
from pathlib import Path

import pytest

from app.core.errors import StartFailed
from app.supervisor.postgres_programs import grant_traversal
from tests.services import open_folder


@pytest.fixture
def account() -> pwd.struct_passwd:
    """Somebody who owns none of the test's folders."""
    uid, gid = os.geteuid() + 4242, os.getegid() + 4242
    return pwd.struct_passwd(("somebody", "x", uid, gid, "", "/", "/bin/false"))


def mode(folder: Path) -> int:
    """The folder's permissions."""
    return stat.S_IMODE(folder.stat().st_mode)


def test_the_data_directory_is_opened_to_pass_and_no_more(
    account: pwd.struct_passwd,
) -> None:
    with open_folder() as folder:
        folder.chmod(0o755)
        data_dir = folder / "data"
        data_dir.mkdir(mode=0o700)

        grant_traversal(account, data_dir, Path("/"), report_line=print)

        assert mode(data_dir) == 0o701


def test_a_closed_folder_above_is_opened_to_pass_and_told(
    account: pwd.struct_passwd,
) -> None:
    said: list[str] = []
    with open_folder() as folder:
        home = folder.resolve()
        home.chmod(0o700)

        grant_traversal(account, home / "data", Path("/"), report_line=said.append)

        assert mode(home) == 0o701
        assert [line for line in said if f"opened {home} to passing through" in line]


def test_a_folder_that_cannot_be_opened_is_named(account: pwd.struct_passwd) -> None:
    with pytest.raises(StartFailed, match="may not pass /proc/nowhere") as why:
        grant_traversal(account, Path("/proc/nowhere"), Path("/"), report_line=print)

    assert "TOUCHLINE_DATA_DIR" in str(why.value)
    assert "\n" not in str(why.value)


def test_whoever_runs_it_alone_needs_nothing_opened(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)

    grant_traversal(None, tmp_path / "data", Path("/"), report_line=print)

    assert mode(tmp_path) == 0o700
