"""The child processes of this one."""

import os
from contextlib import suppress
from pathlib import Path

import pytest


def child_pids() -> set[int]:
    """List the living children; servers of other tests of this process are among them.

    A test that kills some takes only those that were not there before. Skips where
    children are not listed in /proc.
    """
    folder = Path(f"/proc/{os.getpid()}/task")
    if not folder.is_dir():
        pytest.skip("child processes are listed in /proc only")
    found: set[int] = set()
    for task in folder.iterdir():
        with suppress(OSError):  # A thread that has ended since.
            found.update(map(int, (task / "children").read_text().split()))
    return found
