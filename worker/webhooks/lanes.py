"""Shares of a limited number of places, so that slow endpoints leave room for others.

A quarter of the places is always left to endpoints that answered quickly last time,
and at most half go to those that did not answer, however many there are.
"""

from collections import Counter
from enum import IntEnum


class Lane(IntEnum):
    """How an endpoint answered lately; the later ones may take fewer places."""

    QUICK = 0  # its latest attempt was answered in good time
    NEW = 1  # nothing was sent to it lately
    SLOW = 2  # its latest attempt was slow or timed out

    @classmethod
    def of(cls, slow_streak: int | None) -> "Lane":
        """Read the streak of an endpoint's row; None: it has no row."""
        if slow_streak is None:
            return cls.NEW
        return cls.SLOW if slow_streak else cls.QUICK


class Lanes:
    """Counts who is in, by lane."""

    def __init__(self, places: int) -> None:
        self._taken: Counter[Lane] = Counter()
        self._most = {
            Lane.QUICK: places,
            Lane.NEW: max(places * 3 // 4, 1),
            Lane.SLOW: max(places // 2, 1),
        }

    def copy(self) -> "Lanes":
        """Count on from here without changing this."""
        copied = Lanes(self.places)
        copied._taken.update(self._taken)
        return copied

    def has_room(self, lane: Lane) -> bool:
        """Whether one more of the lane may enter: a limit holds for it and all slower.

        So new and slow ones together take three quarters at most.
        """
        return all(
            sum(self._taken[other] for other in Lane if other >= limit) < most
            for limit, most in self._most.items()
            if limit <= lane
        )

    def enter(self, lane: Lane) -> None:
        """Take a place."""
        self._taken[lane] += 1

    def leave(self, lane: Lane) -> None:
        """Give it back."""
        self._taken[lane] -= 1

    @property
    def places(self) -> int:
        """How many may be in, of all lanes together."""
        return self._most[Lane.QUICK]

    @property
    def taken(self) -> int:
        """How many are in."""
        return self._taken.total()
