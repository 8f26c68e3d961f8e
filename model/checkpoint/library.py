"""Which checkpoints there are: those that come with Touchline and the user's own.

Keeps away from torch and from settings: the user's folder is passed in.
"""

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from model.checkpoint.archive import SUFFIX, Checkpoint
from model.checkpoint.manifest import Manifest
from model.checkpoint.versions import (
    RESERVED_NAME,
    archived_names,
    mark_archived,
    mark_restored,
    newest_version,
    version_order,
)
from model.errors import BadCheckpoint, CheckpointError, CheckpointNotFound

BUNDLED_DIR = Path(__file__).parent / "shipped"

# Taken when the user has chosen no other; else the first of the bundled ones.
DEFAULT_NAME = "arena-rny002"

_CHOICE = "default"


@dataclass(frozen=True, slots=True)
class Entry:
    """A checkpoint of the library; a damaged one is listed with its problem.

    Attributes:
        name: of the file, without its suffix; this is what users call it.
        path: of the file.
        size_bytes: of the file; 0 where it cannot be reached.
        is_bundled: it came with Touchline.
        is_default: it is taken where none is named.
        is_archived: it is not taken where its name without version is asked for.
        manifest: what it says about itself; None where that cannot be read.
        problem: why it cannot be read; empty if it can.
    """

    name: str
    path: Path
    size_bytes: int
    is_bundled: bool
    is_default: bool
    manifest: Manifest | None
    problem: str = ""
    is_archived: bool = False


def list_checkpoints(
    user_dir: Path | None = None, *, chosen: str | None = None
) -> list[Entry]:
    """List every checkpoint by name; the user's own shadows a bundled namesake.

    A `chosen` path is listed with them, wherever it lies.
    """
    default = default_name(user_dir, chosen=chosen)
    archived = archived_names(user_dir)
    known = _by_name(user_dir, chosen)
    return [
        replace(
            _entry(name, known[name], is_default=name == default),
            is_archived=name in archived,
        )
        for name in sorted(known, key=version_order)
    ]


def names(user_dir: Path | None = None) -> frozenset[str]:
    """Name every checkpoint, versions and archived ones too."""
    return frozenset(_by_name(user_dir, None))


def live_names(user_dir: Path | None = None) -> list[str]:
    """Name the checkpoints whose networks can run live, see `Manifest.look_ahead_s`."""
    known = {entry.name: entry.manifest for entry in list_checkpoints(user_dir)}
    return [n for n, m in known.items() if m is not None and m.look_ahead_s is not None]


def resolve(
    name: str, user_dir: Path | None = None, *, chosen: str | None = None
) -> str | None:
    """Say which checkpoint a name stands for; None if there is none.

    A name without version stands for a file that is so called, else for the newest
    version that is not archived.
    """
    known = _by_name(user_dir, chosen)
    if name in known:
        return name
    return newest_version(name, known, archived=archived_names(user_dir))


def default_name(
    user_dir: Path | None = None, *, chosen: str | None = None
) -> str | None:
    """Say which checkpoint is taken where none is named; None if there is none.

    What is `chosen` outright (a name or a path) is taken or nothing is; then comes
    what `set_default` wrote, then the bundled ones, then any.
    """
    known = _by_name(user_dir, chosen)
    if chosen is not None:
        if _is_path(chosen):
            return _stem(chosen) if Path(chosen).is_file() else None
        return resolve(chosen, user_dir)
    kept = _read_choice(user_dir)
    kept = None if kept is None else resolve(kept, user_dir)
    if kept is not None:
        return kept
    if DEFAULT_NAME in known:
        return DEFAULT_NAME
    return min(_by_name(None, None), default=min(known, default=None))


def set_default(name: str, *, user_dir: Path) -> str:
    """Choose the checkpoint that is taken where none is named.

    Of a name without version the version is kept that it stands for now: a later one
    does not become the default by itself.

    Returns:
        The name that was kept.

    Raises:
        BadCheckpoint: there is none of that name, it cannot be read, or it is archived.
    """
    path = find_named(name, user_dir=user_dir)
    Checkpoint.open(path)
    name = _stem(str(path))
    if name in archived_names(user_dir):
        raise BadCheckpoint(f"{name} is archived: restore it first")
    user_dir.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f".{_CHOICE}.", dir=user_dir)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(name + "\n")
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(user_dir / _CHOICE)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return name


def archive(name: str, *, user_dir: Path, chosen: str | None = None) -> None:
    """Archive a checkpoint: its file stays, and jobs that name it go on.

    Raises:
        BadCheckpoint: there is none of that name, or it is the default.
    """
    if name not in _by_name(user_dir, chosen):
        find_named(name, user_dir, chosen=chosen)  # It says which ones there are.
        raise BadCheckpoint(f"name a version of {name!r}")
    if name == default_name(user_dir, chosen=chosen):
        raise BadCheckpoint(
            f"{name} is the default and stays: choose another default first"
        )
    mark_archived(name, user_dir)


def restore(name: str, *, user_dir: Path) -> None:
    """Take a checkpoint back from the archive.

    Raises:
        BadCheckpoint: there is none of that name.
    """
    if name not in names(user_dir):
        find_named(name, user_dir)
        raise BadCheckpoint(f"name a version of {name!r}")
    mark_restored(name, user_dir)


def find_checkpoint(
    name_or_path: str | Path | None = None,
    *,
    user_dir: Path | None = None,
    chosen: str | None = None,
) -> Path:
    """Find a checkpoint by name or path; None is the default one.

    For the command line. What comes over the network goes through `find_named`,
    which looks at no path but the operator's own, `chosen`.

    Raises:
        CheckpointNotFound: there is none of that name; the message lists the names.
    """
    wanted = chosen if name_or_path is None else str(name_or_path)
    if wanted is None or not _is_path(wanted):
        return find_named(wanted, user_dir, chosen=chosen)
    if not Path(wanted).is_file():
        raise BadCheckpoint(f"there is no checkpoint at {wanted}")
    return Path(wanted)


def find_named(
    name: str | None, user_dir: Path | None = None, *, chosen: str | None = None
) -> Path:
    """Find a checkpoint of the library by its name; None is the default one.

    Raises:
        CheckpointNotFound: there is none of that name; the message lists the names.
    """
    known = _by_name(user_dir, chosen)
    wanted = name
    if wanted is None:
        wanted = default_name(user_dir, chosen=chosen) or chosen
    if wanted is None:
        raise CheckpointNotFound(
            "there is no checkpoint yet: train one, or bring one in with "
            "`touchline import-checkpoint`"
        )
    if wanted == RESERVED_NAME:
        raise BadCheckpoint(_RESERVED)
    found = resolve(wanted, user_dir, chosen=chosen)
    if found is None:
        raise CheckpointNotFound(
            f"there is no checkpoint called {wanted!r}; known are "
            f"{', '.join(sorted(known, key=version_order)) or 'none'}"
        )
    return known[found]


def _by_name(user_dir: Path | None, chosen: str | None) -> dict[str, Path]:
    known = {path.stem: path for path in _paths(user_dir)}
    if chosen is not None and _is_path(chosen) and Path(chosen).is_file():
        known[_stem(chosen)] = Path(chosen)
    return known


def _is_path(name_or_path: str) -> bool:
    path = Path(name_or_path)
    return path.suffix == SUFFIX or len(path.parts) > 1 or path.is_file()


def _stem(path: str) -> str:
    return Path(path).name.removesuffix(SUFFIX)


def _paths(user_dir: Path | None) -> Iterator[Path]:
    for folder in (BUNDLED_DIR, user_dir):
        if folder is not None and folder.is_dir():
            yield from sorted(folder.glob(f"*{SUFFIX}"))


def _read_choice(user_dir: Path | None) -> str | None:
    if user_dir is None:
        return None
    try:
        return (user_dir / _CHOICE).read_text(encoding="utf-8").strip()
    except (OSError, ValueError):  # not there, no file, or not text
        return None


def _entry(name: str, path: Path, *, is_default: bool) -> Entry:
    size_bytes, manifest = 0, None
    if name == RESERVED_NAME:
        return Entry(*(name, path, size_bytes, False, is_default, manifest, _RESERVED))
    try:
        facts = path.stat()
    except OSError as exc:  # A link that leads nowhere is listed, too.
        problem = f"the file cannot be reached ({exc.strerror})"
    else:
        size_bytes = facts.st_size
        manifest, problem = _read(path, facts.st_mtime_ns, facts.st_size)
    is_bundled = path.parent == BUNDLED_DIR
    return Entry(name, path, size_bytes, is_bundled, is_default, manifest, problem)


_RESERVED = (
    f"no checkpoint can be called {RESERVED_NAME!r}, which stands for no model; "
    "rename its file"
)


@lru_cache(maxsize=256)
def _read(path: Path, _mtime_ns: int, _size_bytes: int) -> tuple[Manifest | None, str]:
    """Read a manifest once, and again when its file has changed; or say what is wrong.

    A service lists its checkpoints for every upload that names one.
    """
    try:
        return Checkpoint.open(path).manifest, ""
    except CheckpointError as exc:
        return None, str(exc)
