"""Files that are written whole or not at all, and replaced only when that is asked."""

import errno
import os
import shutil
import tempfile
from pathlib import Path


def write_text(path: Path, text: str, *, overwrite: bool) -> None:
    """Write a text in UTF-8.

    Raises:
        FileExistsError: there is such a file, and it may not be replaced.
        OSError: it cannot be written; what was there stays as it was.
    """
    target = path.resolve()  # A symbolic link stays one.
    existed = target.exists()
    try:
        target.open("a" if overwrite else "x").close()  # From now on the name is ours.
    except FileExistsError:
        message = "the file exists already; pass overwrite=True to replace it"
        raise FileExistsError(errno.EEXIST, message, str(path)) from None
    if not target.is_file():  # A device or a pipe takes bytes as they come.
        target.write_text(text, encoding="utf-8", newline="")
        return
    handle, beside = tempfile.mkstemp(prefix=".touchline-", dir=target.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        shutil.copymode(target, beside)
        Path(beside).replace(target)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        if not existed:
            target.unlink(missing_ok=True)
        raise
