"""Ends what `touchline serve` started if that process dies without doing so itself.

Run as `python -m app.supervisor.reaper LOCK_FILE`, in a session of its own. It reads
its orders on standard input, one a line: `add PGID SIGNAL ROUND`, `drop PGID`. When the
input ends, whoever is still on the list is ended, round by round. While it lives it
holds a lock, so that the next start can wait for it. Standard library only: it must be
small.
"""

import fcntl
import os
import signal
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress

GRACE_S = 6.0  # for the groups of a round to end by themselves before they are killed
POLL_S = 0.05


def main() -> None:
    """Take orders until the input ends, then end the groups that are left."""
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)  # Only the end of the input counts.
    with open(sys.argv[1], "a") as lock:  # noqa: PTH123  # pathlib is slow to import
        fcntl.flock(lock, fcntl.LOCK_EX)
        with suppress(OSError):
            print("ready", flush=True)  # noqa: T201  # serve waits for this line
        end_in_rounds(follow(sys.stdin))


def follow(orders: Iterable[str]) -> dict[int, tuple[int, int]]:
    """Read orders to their end; returns the groups left: their signals and rounds."""
    groups: dict[int, tuple[int, int]] = {}
    for order in orders:
        match order.split():
            case ["add", group, number, turn]:
                groups[int(group)] = int(number), int(turn)
            case ["drop", group]:
                groups.pop(int(group), None)
    return groups


def end_in_rounds(
    groups: Mapping[int, tuple[int, int]], *, grace_s: float = GRACE_S
) -> None:
    """End process groups, those of the lowest round first."""
    for turn in sorted({turn for _, turn in groups.values()}):
        end_groups(
            {group: number for group, (number, its) in groups.items() if its == turn},
            grace_s=grace_s,
        )


def end_groups(groups: Mapping[int, int], *, grace_s: float = GRACE_S) -> None:
    """Send each process group its signal; kill what is left of them after a while."""
    left = [group for group, number in groups.items() if _signal(group, number)]
    deadline = time.monotonic() + grace_s
    while left and time.monotonic() < deadline:
        time.sleep(POLL_S)
        left = [group for group in left if _signal(group, 0)]
    for group in left:
        _signal(group, signal.SIGKILL)


def _signal(group: int, number: int) -> bool:
    """Signal a group; False if it is gone."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False  # On macOS a group of zombies says so by EPERM.
    return True


if __name__ == "__main__":
    main()
