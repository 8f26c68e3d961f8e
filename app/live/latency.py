"""Percentiles of the latest latencies, in bounded memory."""

from collections import deque
from collections.abc import Sequence
from math import ceil

KEPT = 2000  # the latest ones


class Latencies:
    """Takes latencies in seconds; one thread writes, others may read."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept: deque[float] = deque(maxlen=kept)
        self._count = 0

    def add(self, seconds: float) -> None:
        """Take one."""
        self._kept.append(seconds)
        self._count += 1

    def percentiles(self) -> dict[str, float] | None:
        """Give p50, p95 and p99 in milliseconds, and how many there were; None: none.

        Each is one of the latencies: the least that so many do not exceed.
        """
        values = sorted(self._kept.copy())
        if not values:
            return None
        return {
            **{f"p{share}_ms": _at(values, share) for share in (50, 95, 99)},
            "count": self._count,
        }


def _at(values: Sequence[float], share: int) -> float:
    place = max(0, ceil(len(values) * share / 100) - 1)
    return round(values[place] * 1000, 2)
