"""Names of checkpoints and their versions: `hall@3` is the third called `hall`.

A version is a file of its own and never changes. One that was archived stays where it
is, so that what names it goes on; it is only no longer taken where `hall` is asked for.
"""

import re
from collections.abc import Collection
from pathlib import Path

from model.errors import BadCheckpoint

# Names no checkpoint: an upload with the model `none` is not analysed.
RESERVED_NAME = "none"

# `default` is asked for by that word in the API's paths.
RESERVED_NAMES = (RESERVED_NAME, "default")

MAX_NAME = 80

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_VERSION = re.compile(r"(?P<base>.+)@(?P<number>[1-9][0-9]{0,8})")
ARCHIVED = "archived"  # folder of marks, one for each name


def check_name(name: str) -> str:
    """Give back a name that new checkpoints may have, without a version.

    Raises:
        BadCheckpoint: it is empty, too long, reserved, or holds a sign that file names
            or addresses do not take everywhere.
    """
    if name.casefold() in RESERVED_NAMES:
        raise BadCheckpoint(f"no checkpoint can be called {name!r}: it is reserved")
    is_suffixed = name.endswith((".touchline", "."))
    if len(name) > MAX_NAME or not NAME.fullmatch(name) or is_suffixed:
        raise BadCheckpoint(
            f"a checkpoint cannot be called {name!r:.100}: take up to {MAX_NAME} "
            "letters, digits, dots, dashes and underscores, a letter or digit first"
        )
    return name


def check_version_name(name: str) -> str:
    """Give back a name that new checkpoints may have, with a version or without.

    Raises:
        BadCheckpoint: see `check_name`.
    """
    check_name(split_version(name)[0])
    return name


def split_version(name: str) -> tuple[str, int | None]:
    """Split `hall@3` into its name and number; the number of `hall` is None."""
    found = _VERSION.fullmatch(name)
    if found is None:
        return name, None
    return found["base"], int(found["number"])


def version_order(name: str) -> tuple[str, int]:
    """Give what names are sorted by: `hall@9` comes before `hall@10`."""
    base, number = split_version(name)
    return base, number or 0


def newest_version(
    base: str, names: Collection[str], *, archived: Collection[str] = ()
) -> str | None:
    """Find the newest version of a name that is not archived; None without any."""
    versions = [
        (number, name)
        for name in names
        for found, number in [split_version(name)]
        if found == base and number is not None and name not in archived
    ]
    return max(versions)[1] if versions else None


def archived_names(user_dir: Path | None) -> frozenset[str]:
    """Name the checkpoints that were archived."""
    if user_dir is None:
        return frozenset()
    try:
        return frozenset(path.name for path in (user_dir / ARCHIVED).iterdir())
    except OSError:  # none yet, or no folder
        return frozenset()


def mark_archived(name: str, user_dir: Path) -> None:
    """Note that a checkpoint is archived; again is no fault."""
    folder = user_dir / ARCHIVED
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).touch()


def mark_restored(name: str, user_dir: Path) -> None:
    """Note that a checkpoint is no longer archived; again is no fault."""
    (user_dir / ARCHIVED / name).unlink(missing_ok=True)
