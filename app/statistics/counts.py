"""How often what happened: by type, team and half, in bins of time, and a minute."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil

from app.statistics.play import Half, Moment, half_at


@dataclass(frozen=True, slots=True)
class Count:
    """How many events of a type a team has in a half.

    Attributes:
        half: its number; None: outside the halves, or the halves are not known.
    """

    label: str
    team: str | None
    half: int | None
    count: int


@dataclass(frozen=True, slots=True)
class Bin:
    """A stretch of a half, as long as the others but where the half ends.

    Attributes:
        clock_from_s: what the match clock shows at its start; None: there is none.
        counts: by type and team; those that did not happen are left out.
    """

    half: int | None
    from_s: float
    to_s: float
    clock_from_s: float | None
    counts: tuple[Count, ...]

    @property
    def count(self) -> int:
        """How many events it has."""
        return sum(one.count for one in self.counts)


@dataclass(frozen=True, slots=True)
class Tempo:
    """How many events there are a minute.

    Attributes:
        half: its number; None: all halves together.
        teams: how many of them each team has; events without a team are none's.
    """

    half: int | None
    minutes: float
    count: int
    teams: tuple[tuple[str, int], ...]

    @property
    def per_minute(self) -> float | None:
        """Events a minute; None: it has no length."""
        return self.rate(self.count)

    def rate(self, count: int) -> float | None:
        """Give so many events as events a minute; None: it has no length."""
        return count / self.minutes if self.minutes > 0 else None


def count_events(moments: Iterable[Moment], halves: Sequence[Half]) -> list[Count]:
    """Count by type, team and half; ordered by half, type and team."""
    found = Counter(
        (one.label, one.team, half.number if half is not None else None)
        for one in moments
        for half in [half_at(halves, one.time_s)]
    )
    return _counts(found)


def bin_events(
    moments: Iterable[Moment], halves: Sequence[Half], *, bin_s: float
) -> list[Bin]:
    """Count by type and team in stretches of `bin_s` seconds, half by half.

    Every stretch is there, also an empty one. What lies outside the halves is in none.
    """
    tallies: dict[tuple[int, int], Counter[tuple[str, str | None, int | None]]] = {}
    places = {id(half): index for index, half in enumerate(halves)}
    for one in moments:
        half = half_at(halves, one.time_s)
        if half is None:
            continue
        last = _bins_in(half, bin_s) - 1
        index = min(int((one.time_s - half.start_s) // bin_s), last)
        tally = tallies.setdefault((places[id(half)], index), Counter())
        tally[one.label, one.team, half.number] += 1
    return [
        _bin(half, index, bin_s, tallies.get((place, index), Counter()))
        for place, half in enumerate(halves)
        for index in range(_bins_in(half, bin_s))
    ]


def measure_tempo(moments: Iterable[Moment], halves: Sequence[Half]) -> list[Tempo]:
    """Count events a minute: of all halves together, then of each."""
    inside = [
        (half.number, one.team)
        for one in moments
        for half in [half_at(halves, one.time_s)]
        if half is not None
    ]
    found = [_tempo(None, halves, [team for _, team in inside])]
    if [half.number for half in halves] != [None]:
        found += [
            _tempo(
                half.number,
                [half],
                [team for number, team in inside if number == half.number],
            )
            for half in halves
        ]
    return found


def _bins_in(half: Half, bin_s: float) -> int:
    return max(1, ceil((half.end_s - half.start_s) / bin_s))


def _bin(
    half: Half,
    index: int,
    bin_s: float,
    tally: Counter[tuple[str, str | None, int | None]],
) -> Bin:
    from_s = half.start_s + index * bin_s
    clock_s = half.clock_start_s
    return Bin(
        half.number,
        from_s,
        min(from_s + bin_s, half.end_s),
        None if clock_s is None else clock_s + index * bin_s,
        tuple(_counts(tally)),
    )


def _tempo(
    number: int | None, halves: Iterable[Half], teams: Sequence[str | None]
) -> Tempo:
    by_team = Counter(team for team in teams if team is not None)
    return Tempo(
        number,
        sum(half.minutes for half in halves),
        len(teams),
        tuple(sorted(by_team.items())),
    )


def _counts(tally: Counter[tuple[str, str | None, int | None]]) -> list[Count]:
    found = [Count(*key, count) for key, count in tally.items()]
    found.sort(
        key=lambda one: (
            *(one.half is None, one.half or 0, one.label),
            *(one.team is None, one.team or ""),
        )
    )
    return found
