"""The files that a run keeps in its folder: their names, and how they are replaced."""

import os
from pathlib import Path

RESUME = "last.ckpt"
BEST = "best.touchline"
LAST = "last.touchline"
KEPT = (BEST, LAST, RESUME)  # `last.ckpt` last: it speaks of the others.


def write_at_once(path: Path, content: bytes) -> None:
    """Replace a file at once; a full disk or a power cut leaves the old one.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".part")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
