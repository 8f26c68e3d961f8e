"""Root's Postgres runs as somebody else, who is let in where that is ours to allow."""

import os
import pwd
import stat
from pathlib import Path

import pytest

from app.core.db.postgres_programs import open_the_way
from app.core.errors import StartFailed
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

        open_the_way(account, data_dir, Path("/"))

        assert mode(data_dir) == 0o701


def test_a_closed_folder_above_stays_closed_and_is_named(
    account: pwd.struct_passwd,
) -> None:
    with open_folder() as folder:
        home = folder.resolve()
        home.chmod(0o700)

        with pytest.raises(StartFailed, match="TOUCHLINE_DATA_DIR") as why:
            open_the_way(account, home / "deep" / "data", Path("/"))

        assert mode(home) == 0o700
        assert f"may not pass {home}:" in str(why.value)
        assert "\n" not in str(why.value)


def test_closed_programs_stay_closed_and_are_named(account: pwd.struct_passwd) -> None:
    with open_folder() as folder:
        folder.chmod(0o755)
        home = folder.resolve() / "home"
        (home / "bin").mkdir(parents=True)
        home.chmod(0o700)

        with pytest.raises(StartFailed, match="install Touchline outside it") as why:
            open_the_way(account, folder / "data", home / "bin")

        assert mode(home) == 0o700
        assert f"may not pass {home}:" in str(why.value)


def test_whoever_runs_it_alone_needs_nothing_opened(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)

    open_the_way(None, tmp_path / "data", Path("/"))

    assert mode(tmp_path) == 0o700
