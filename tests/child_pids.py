"""The child processes of this one."""

import os
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
    return {
        int(child)
        for task in folder.iterdir()
        for child in (task / "children").read_text().split()
    }
