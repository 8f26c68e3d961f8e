"""Put a checkpoint into the user's folder, under a name that nobody else has.

A file appears there whole or not at all, and none is ever replaced.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from model.checkpoint import library
from model.checkpoint.archive import SUFFIX, Checkpoint, with_changes
from model.checkpoint.renaming import copy_renamed
from model.checkpoint.versions import (
    check_name,
    check_version_name,
    mark_restored,
    split_version,
)
from model.errors import BadCheckpoint, CheckpointExists

PUBLISHING, IMPORTING = ".publish.", ".import."  # names begin so until all is there
LEFT_AFTER_S = 24 * 3600.0
MOST_IMPORTED = 99_999_999  # a number; those of trainings count on from there


def publish_checkpoint(
    path: Path,
    name: str,
    user_dir: Path,
    *,
    lineage: Mapping[str, Any] | None = None,
) -> str:
    """Copy a checkpoint into the user's folder as the next version of a name.

    Two at once never share a number, and a number is not given again while a later
    version is there.

    Args:
        path: of the finished checkpoint; it stays.
        name: without a version.
        user_dir: the folder of the user's checkpoints; made if need be.
        lineage: what it was made from, see `Provenance`; added to what the file says.

    Returns:
        The version's name, for example `hall@2`.

    Raises:
        BadCheckpoint: the file or the name is at fault.
        CheckpointExists: a bundled checkpoint, or a file without version, is so called.
        OSError: the disk is full or the folder cannot be written to.
    """
    refuse_taken_base(check_name(name), user_dir)
    checkpoint = Checkpoint.open(path)
    provenance = checkpoint.manifest.provenance
    if lineage is not None:
        merged = {**(provenance.lineage or {}), **lineage}
        provenance = replace(provenance, lineage=merged)
    user_dir.mkdir(parents=True, exist_ok=True)
    remove_leftovers(user_dir)
    number = _next_number(name, user_dir)
    with tempfile.TemporaryDirectory(prefix=PUBLISHING, dir=user_dir) as scratch:
        made = Path(scratch) / path.name
        while True:
            version = f"{name}@{number}"
            with_changes(checkpoint, made, name=version, provenance=provenance)
            if _place(made, user_dir / f"{version}{SUFFIX}"):
                mark_restored(version, user_dir)  # of a file that is no more
                return version
            number += 1


def import_checkpoint_file(path: Path, name: str, user_dir: Path) -> Checkpoint:
    """Copy a checkpoint into the user's folder under a name of its own.

    Every member is read and checked; its weights stay bit for bit.

    Raises:
        BadCheckpoint, UnsupportedCheckpoint: the file or the name is at fault.
        CheckpointExists: there is a checkpoint of that name.
        OSError: the disk is full or the folder cannot be written to.
    """
    check_version_name(name)
    if name in library.names(user_dir):
        raise CheckpointExists(_taken(name))
    base, number = split_version(name)
    if number is not None:
        refuse_taken_base(base, user_dir)
        if number > MOST_IMPORTED:
            raise BadCheckpoint(
                f"{name} leaves too few numbers for later versions: take a smaller "
                "number"
            )
    elif _next_number(name, user_dir) > 1:
        raise CheckpointExists(_taken(name))
    checkpoint = Checkpoint.open(path)
    user_dir.mkdir(parents=True, exist_ok=True)
    remove_leftovers(user_dir)
    target = user_dir / f"{name}{SUFFIX}"
    with tempfile.TemporaryDirectory(prefix=PUBLISHING, dir=user_dir) as scratch:
        made = Path(scratch) / "made"
        copy_renamed(checkpoint, made, name=name, is_from_elsewhere=True)
        if not _place(made, target):
            raise CheckpointExists(_taken(name))
    mark_restored(name, user_dir)  # of a file that is no more
    return Checkpoint.open(target)


def remove_leftovers(user_dir: Path) -> None:
    """Remove what killed processes were putting into the folder a day ago or earlier.

    Nothing lasts that long: what is written just now is younger.
    """
    before_s = time.time() - LEFT_AFTER_S
    for path in user_dir.iterdir():
        if not path.name.startswith((PUBLISHING, IMPORTING)):
            continue
        with suppress(OSError):  # Another process removes it, too.
            if path.stat().st_mtime >= before_s:
                continue
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()


def refuse_taken_base(name: str, user_dir: Path) -> None:
    """Refuse versions of a name that a checkpoint without version has.

    Raises:
        CheckpointExists: there is one.
    """
    if name in library.names(user_dir):
        raise CheckpointExists(
            f"a checkpoint is called {name!r} already, and it has no versions: take "
            "another name"
        )


def _taken(name: str) -> str:
    return f"there is a checkpoint called {name!r} already: take another name"


def _next_number(name: str, user_dir: Path) -> int:
    found = [split_version(other) for other in library.names(user_dir)]
    return max((number or 0 for base, number in found if base == name), default=0) + 1


def _place(made: Path, target: Path) -> bool:
    """Move a file to a name of its own; False if the name is taken."""
    try:
        os.link(made, target)
    except FileExistsError:
        return False
    except OSError:  # Not every disk has hard links: take the name, then fill it.
        try:
            os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
        except FileExistsError:
            return False
        try:
            made.replace(target)
        except BaseException:
            target.unlink(missing_ok=True)
            raise
    return True
