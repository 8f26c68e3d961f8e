"""The folder that an export is written in: beside the target, until all is there.

An export that was stopped is taken up by running it again: which files are whole stands
in a ledger, line by line.
"""

import fcntl
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Self

from app.datasets.problems import ExportBusy, ExportFailed

LEDGER = ".export"
CARD = "dataset.json"
FORMAT = "touchline-dataset"


@dataclass(slots=True)
class Staging:
    """A folder that becomes the target when all is written.

    Attributes:
        folder: to write in.
        done: what each whole file was made of, by its name in the folder.
    """

    folder: Path
    done: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Take up what an export before has left; a torn last line is dropped."""
        done: dict[str, str] = {}
        ledger = folder / LEDGER
        lines = ledger.read_text(encoding="utf-8").splitlines()
        for line in lines:
            try:
                name, made_of = json.loads(line)
            except ValueError:
                continue
            done[str(name)] = str(made_of)
        return cls(folder, done)

    def is_done(self, name: str, made_of: str) -> bool:
        """Whether a file is there, whole, and made of just this."""
        return self.done.get(name) == made_of and (self.folder / name).exists()

    def note(self, name: str, made_of: str) -> None:
        """Note that a file is whole."""
        with (self.folder / LEDGER).open("a", encoding="utf-8") as file:
            file.write(json.dumps([name, made_of]) + "\n")
        self.done[name] = made_of

    def write_text(self, name: str, text: str) -> None:
        """Write a small file."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")

    def keep_only(self, names: set[str]) -> None:
        """Remove files that an export before has left and this one does not have."""
        for path in sorted(self.folder.rglob("*"), reverse=True):
            if path.is_dir() and not path.is_symlink():
                if not any(path.iterdir()):
                    path.rmdir()
            elif path.relative_to(self.folder).as_posix() not in names | {LEDGER}:
                path.unlink()


@contextmanager
def staged(target: Path, *, may_replace: bool) -> Iterator[Staging]:
    """Give a folder to write in; it takes the target's place when the block ends well.

    If it does not, what is whole is kept for the next run.

    Args:
        target: where the data set is to be.
        may_replace: an earlier export there may be replaced, nothing else.

    Raises:
        ExportFailed: something else is there.
        ExportBusy: another export writes to it now.
    """
    if target.name in ("", ".."):
        target = target.resolve()
    target = target.parent.resolve() / target.name
    _check(target, may_replace=may_replace)
    folder = target.with_name(f".{target.name}.part")
    folder.mkdir(exist_ok=True)
    with (folder / LEDGER).open("ab") as lock:
        _hold(lock, target)
        yield (staging := Staging.read(folder))
        (folder / LEDGER).unlink()
        _place(staging.folder, target, may_replace=may_replace)


def _check(target: Path, *, may_replace: bool) -> None:
    if not target.parent.is_dir():
        raise ExportFailed(f"there is no folder {target.parent}")
    if not target.exists() and not target.is_symlink():
        return
    if not target.is_dir() or target.is_symlink():
        raise ExportFailed(f"{target} exists and is no folder: name another one")
    if not any(target.iterdir()):
        return
    if not is_dataset(target):
        raise ExportFailed(
            f"{target} holds other files, which are left alone: name a new folder"
        )
    if not may_replace:
        raise ExportFailed(
            f"{target} holds a data set already; use --force to replace it, or name a "
            "new folder"
        )


def is_dataset(folder: Path) -> bool:
    """Whether a folder holds what an export wrote."""
    try:
        raw = json.loads((folder / CARD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(raw, dict) and raw.get("format") == FORMAT


def _hold(lock: BinaryIO, target: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        raise ExportBusy(f"another export is writing {target} now") from exc


def _place(folder: Path, target: Path, *, may_replace: bool) -> None:
    """Rename the folder; what was there goes only when the new one is in place."""
    _check(target, may_replace=may_replace)
    old = target.with_name(f".{target.name}.old")
    if target.is_dir() and any(target.iterdir()):
        shutil.rmtree(old, ignore_errors=True)
        target.rename(old)
    folder.rename(target)
    if is_dataset(old):  # Or one that was killed in the middle of this has left it.
        shutil.rmtree(old)
