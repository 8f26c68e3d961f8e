"""Processes whose machine's clock is wrong, by libfaketime."""

import ctypes.util
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

from tests.services import missing

FOLDERS = ("/usr/lib", "/usr/local/lib", "/lib")
SHOWS = "import time; print(int(time.time()))"


def skewed(offset_s: int) -> dict[str, str]:
    """Give the variables with which a process and its children see another time.

    Intervals are as long as ever. Skips (in CI: fails) where there is no libfaketime.
    """
    library = _library()
    if library is None:
        missing("no libfaketime: apt-get install libfaketime")
    return {"LD_PRELOAD": library, "FAKETIME": f"{offset_s:+d}s"}


def time_with(variables: dict[str, str]) -> int:
    """Ask a process what time it is, in seconds since 1970."""
    done = subprocess.run(
        [sys.executable, "-c", SHOWS],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return int(done.stdout)


@cache
def _library() -> str | None:
    """Find it where Debian and others put it."""
    found = (
        path
        for folder in FOLDERS
        for path in sorted(Path(folder).glob("**/faketime/libfaketimeMT.so.1"))
    )
    return next((str(path) for path in found), ctypes.util.find_library("faketime"))
