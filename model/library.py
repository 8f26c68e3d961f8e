"""Which checkpoints there are: those that come with Touchline and the user's own.

Keeps away from torch and from settings: the user's folder is passed in.
"""

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from model.errors import BadCheckpoint, CheckpointError
from model.network.checkpoint import SUFFIX, Checkpoint
from model.network.manifest import Manifest

BUNDLED_DIR = Path(__file__).parent / "checkpoints"

# Taken when the user has chosen no other; else the first of the bundled ones.
DEFAULT_NAME = "arena-rny002"

_CHOICE = "default"


@dataclass(frozen=True, slots=True)
class Entry:
    """A checkpoint of the library; a damaged one is listed with its problem.

    Attributes:
        name: of the file, without its suffix; this is what users call it.
        path: of the file.
        is_bundled: it came with Touchline.
        is_default: it is taken where none is named.
        manifest: what it says about itself; None where that cannot be read.
        problem: why it cannot be read; empty if it can.
    """

    name: str
    path: Path
    is_bundled: bool
    is_default: bool
    manifest: Manifest | None
    problem: str = ""


def list_checkpoints(user_dir: Path | None = None) -> list[Entry]:
    """List every checkpoint by name; the user's own shadows a bundled namesake."""
    default = default_name(user_dir)
    return [
        _entry(name, path, is_default=name == default)
        for name, path in sorted(_by_name(user_dir).items())
    ]


def default_name(user_dir: Path | None = None) -> str | None:
    """Say which checkpoint is taken where none is named; None if there is none."""
    known = _by_name(user_dir)
    chosen = _read_choice(user_dir)
    if chosen in known:
        return chosen
    if DEFAULT_NAME in known:
        return DEFAULT_NAME
    return min(known, default=None)


def set_default(name: str, *, user_dir: Path) -> None:
    """Choose the checkpoint that is taken where none is named.

    Raises:
        BadCheckpoint: there is none of that name, or it cannot be read.
    """
    Checkpoint.open(find_named(name, user_dir=user_dir))
    user_dir.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f".{_CHOICE}.", dir=user_dir)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(name + "\n")
    Path(temporary).replace(user_dir / _CHOICE)


def find_checkpoint(
    name_or_path: str | Path | None = None, *, user_dir: Path | None = None
) -> Path:
    """Find a checkpoint by name or path; None is the default one.

    For the command line. What comes over the network goes through `find_named`,
    which never looks at a path.

    Raises:
        BadCheckpoint: there is none of that name; the message lists the names.
    """
    if name_or_path is not None and Path(name_or_path).is_file():
        return Path(name_or_path)
    looks_like_a_path = name_or_path is not None and (
        Path(name_or_path).suffix == SUFFIX or len(Path(name_or_path).parts) > 1
    )
    if looks_like_a_path:
        raise BadCheckpoint(f"there is no checkpoint at {name_or_path}")
    return find_named(None if name_or_path is None else str(name_or_path), user_dir)


def find_named(name: str | None, user_dir: Path | None = None) -> Path:
    """Find a checkpoint of the library by its name; None is the default one.

    Raises:
        BadCheckpoint: there is none of that name; the message lists the names.
    """
    known = _by_name(user_dir)
    wanted = default_name(user_dir) if name is None else name
    if wanted is None:
        raise BadCheckpoint(
            "there is no checkpoint yet: train one, or bring one in with "
            "`touchline import-checkpoint`"
        )
    if wanted not in known:
        raise BadCheckpoint(
            f"there is no checkpoint called {wanted!r}; known are "
            f"{', '.join(sorted(known)) or 'none'}"
        )
    return known[wanted]


def _by_name(user_dir: Path | None) -> dict[str, Path]:
    return {path.stem: path for path in _paths(user_dir)}


def _paths(user_dir: Path | None) -> Iterator[Path]:
    for folder in (BUNDLED_DIR, user_dir):
        if folder is not None and folder.is_dir():
            yield from sorted(folder.glob(f"*{SUFFIX}"))


def _read_choice(user_dir: Path | None) -> str | None:
    if user_dir is None:
        return None
    try:
        return (user_dir / _CHOICE).read_text(encoding="utf-8").strip()
    except (FileNotFoundError, NotADirectoryError):
        return None


def _entry(name: str, path: Path, *, is_default: bool) -> Entry:
    manifest, problem = None, ""
    try:
        manifest = Checkpoint.open(path).manifest
    except CheckpointError as exc:
        problem = str(exc)
    is_bundled = path.parent == BUNDLED_DIR
    return Entry(name, path, is_bundled, is_default, manifest, problem)
