"""Files that verbs write: nothing of the user's is replaced unasked, none is half.

An existing file is refused unless `--force` was given or the verb's purpose is to
update that very file; a verb's own input is refused always. What is written lies
beside its target first and is renamed when it is whole and on the disk.
"""

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

Force = Annotated[
    bool, typer.Option("--force", help="Replace a file that exists already.")
]

_PREFIX = ".touchline-"

# What file systems without hard links answer to `link`.
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS)


@dataclass(frozen=True, slots=True)
class Output:
    """A file that may be written; made by `output_file` and `output_text`.

    Attributes:
        path: as the user named it.
        may_replace: an existing file may be replaced.
    """

    path: Path
    may_replace: bool = False

    def write_text(self, text: str) -> None:
        """Write a text in UTF-8, whole or not at all.

        Raises:
            OSError: it cannot be written; the message names the file.
        """
        if _is_stream(self.path):
            with self.path.open("a", encoding="utf-8", newline="") as file:
                file.write(text)
            return
        with self.staged() as beside, _naming(self.path):
            beside.write_text(text, encoding="utf-8", newline="")

    @contextmanager
    def staged(self) -> Iterator[Path]:
        """Give a path to write to; it takes its place when the block ends well.

        The path has the target's name and lies in a hidden folder beside it. A
        symbolic link is followed, so that the link stays one. A block that writes
        nothing changes nothing.

        Raises:
            OSError: the folder or the disk takes no more, or another program made
                the file in the meantime; what was written is kept then, and named.
        """
        target = self.path.resolve()
        with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=target.parent) as folder:
            beside = Path(folder) / target.name
            yield beside
            if not beside.exists():
                return
            with _naming(self.path):
                _flush(beside)
                if self.may_replace:
                    _replace(beside, target)
                else:
                    _place(beside, target)
                _flush(target.parent)


def output_file(
    path: Path,
    *,
    inputs: Iterable[Path] = (),
    force: bool = False,
    updates: Path | None = None,
) -> Output:
    """Claim a file to write before the work begins.

    Args:
        path: where the user wants it.
        inputs: what the verb reads; none of them is ever written over.
        force: the user allows to replace a file.
        updates: the file that the verb is there to update, if it is.

    Raises:
        typer.BadParameter: it may not or cannot be written; the message says why.
    """
    _refuse_unwritable(path)
    if path.exists() and not path.is_file():
        raise typer.BadParameter(f"{path} is not a regular file")
    is_update = updates is not None and _is_same(path, updates)
    if not is_update:
        refuse_inputs(path, inputs)
        _refuse_existing(path, force=force)
    return Output(path, may_replace=force or is_update)


def output_text(
    path: Path, *, inputs: Iterable[Path] = (), force: bool = False
) -> Output:
    """Claim a file for text; a device, a pipe or /dev/stdout takes it as well.

    Raises:
        typer.BadParameter: see `output_file`.
    """
    if _is_stream(path):
        return Output(path)
    return output_file(path, inputs=inputs, force=force)


def refuse_inputs(path: Path, inputs: Iterable[Path]) -> None:
    """Refuse to write over what a verb reads, by whatever name or link.

    Raises:
        typer.BadParameter: `path` is one of them; the message names it.
    """
    for source in inputs:
        if _is_same(path, source):
            raise typer.BadParameter(
                f"{path} is the same file as the input {source}: name another file"
            )


def keep_text(path: Path, text: str) -> Path:
    """Write a text that nobody asked for to a new file beside `path`, and name it.

    Raises:
        OSError: it cannot be written.
    """
    with _naming(path):
        handle, name = tempfile.mkstemp(
            prefix=f"{path.stem}-", suffix=path.suffix, dir=path.parent
        )
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
    return Path(name)


def _refuse_unwritable(path: Path) -> None:
    try:
        folder = path.resolve().parent
    except (OSError, RuntimeError) as exc:
        raise typer.BadParameter(f"{path} is a loop of symbolic links") from exc
    if path.is_dir():
        raise typer.BadParameter(f"{path} is a folder: name a file in it")
    if not folder.is_dir():
        raise typer.BadParameter(f"there is no folder {folder}")
    if path.exists() and not os.access(path, os.W_OK):
        raise typer.BadParameter(f"{path} cannot be written to: you may not")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise typer.BadParameter(f"{folder} cannot be written to: you may not")


def _refuse_existing(path: Path, *, force: bool) -> None:
    if path.exists() and not force:
        raise typer.BadParameter(f"{path} exists already; use --force to replace it")


def _is_same(one: Path, other: Path) -> bool:
    """Whether two paths lead to one file, by links or by another case as well."""
    try:
        return one.samefile(other)
    except OSError:  # One of them is not there.
        return False


def _is_stream(path: Path) -> bool:
    """Whether it takes bytes as they come: a device, a pipe, or our own output."""
    try:
        found = path.stat()
    except OSError:
        return False
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
        return True
    is_descriptor = path.absolute().parts[1:2] in (("dev",), ("proc",))
    return is_descriptor and any(_is_descriptor(found, number) for number in (1, 2))


def _is_descriptor(found: os.stat_result, number: int) -> bool:
    try:
        return os.path.samestat(found, os.fstat(number))
    except OSError:  # It is closed.
        return False


def _replace(beside: Path, target: Path) -> None:
    """Take the target's place, with its mode and, where that is allowed, its owner."""
    with suppress(FileNotFoundError):
        old = target.stat()
        shutil.copymode(target, beside)
        with suppress(PermissionError):
            os.chown(beside, old.st_uid, old.st_gid)
    beside.replace(target)


def _place(beside: Path, target: Path) -> None:
    """Appear under the target's name; a link, unlike a rename, replaces nothing."""
    try:
        target.hardlink_to(beside)
    except FileExistsError as exc:
        kept = _keep(beside, target)
        reason = f"was made by another program; the result is in {kept}"
        raise FileExistsError(exc.errno, reason, str(target)) from exc
    except OSError as exc:
        if exc.errno not in _NO_LINKS or target.exists():
            raise
        beside.replace(target)


def _keep(beside: Path, target: Path) -> Path:
    handle, name = tempfile.mkstemp(
        prefix=f"{target.stem}-", suffix=target.suffix, dir=target.parent
    )
    os.close(handle)
    shutil.copymode(beside, name)
    return beside.replace(name)


def _flush(path: Path) -> None:
    """Have the disk hold a file, or the names in a folder."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Name the file in errors of the disk, which do not."""
    try:
        yield
    except OSError as exc:
        if exc.filename is not None or exc.errno is None:
            raise
        raise OSError(exc.errno, os.strerror(exc.errno), str(path)) from exc
