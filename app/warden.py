"""Ends what `touchline serve` started if that process dies without doing so itself.

Run as `python -m app.warden LOCK_FILE`, in a session of its own. It reads its orders
on standard input, one a line: `add PGID SIGNAL`, `drop PGID`. When the input ends,
whoever is still on the list is ended, the last added first. While it lives it holds a
lock, so that the next start can wait for it. Standard library only: it must be small.
"""

import fcntl
import os
import signal
import sys
import time
from collections.abc import Iterable

GRACE_S = 6.0  # for a group to end by itself before it is killed
POLL_S = 0.05


def main() -> None:
    """Take orders until the input ends, then end the groups that are left."""
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)  # Only the end of the input counts.
    with open(sys.argv[1], "a") as lock:  # noqa: PTH123  # pathlib is slow to import
        fcntl.flock(lock, fcntl.LOCK_EX)
        print("ready", flush=True)  # noqa: T201  # serve waits for this line
        groups = follow(sys.stdin)
        for group, number in reversed(groups.items()):
            end_group(group, number)


def follow(orders: Iterable[str]) -> dict[int, int]:
    """Read orders to their end; returns the groups left, and the signal for each."""
    groups: dict[int, int] = {}
    for order in orders:
        match order.split():
            case ["add", group, number]:
                groups[int(group)] = int(number)
            case ["drop", group]:
                groups.pop(int(group), None)
    return groups


def end_group(group: int, number: int, *, grace_s: float = GRACE_S) -> None:
    """Send a signal to a process group; kill what is left of it after a while."""
    deadline = time.monotonic() + grace_s
    try:
        os.killpg(group, number)
        while time.monotonic() < deadline:
            time.sleep(POLL_S)
            os.killpg(group, 0)
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return  # It is gone; on macOS a group of zombies says so by EPERM.


if __name__ == "__main__":
    main()
