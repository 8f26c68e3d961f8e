"""Sequences: what a team does in a row, and the passes that lead to a shot."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from app.statistics.play import Half, Moment, half_at

DEFAULT_GAP_S = 10.0
PASSES = ("PASS", "HIGH PASS", "CROSS", "THROW IN", "FREE KICK")
SHOTS = ("SHOT", "GOAL")


@dataclass(frozen=True, slots=True)
class Chain:
    """What one team does in a row, without a long gap.

    Attributes:
        team: None: no event of the timeline has a team.
        half: its number; None: the halves are not known.
        moments: by time, one at least.
    """

    team: str | None
    half: int | None
    moments: tuple[Moment, ...]

    @property
    def from_s(self) -> float:
        """When its first event is."""
        return self.moments[0].time_s

    @property
    def to_s(self) -> float:
        """When its last event is."""
        return self.moments[-1].time_s


@dataclass(frozen=True, slots=True)
class BeforeShot:
    """How a shot came about.

    Attributes:
        passes: of its sequence before it, since the shot before.
    """

    shot: Moment
    half: int | None
    passes: int


def find_chains(
    moments: Iterable[Moment], halves: Sequence[Half], *, gap_s: float = DEFAULT_GAP_S
) -> list[Chain]:
    """Split a timeline into sequences, by time.

    A sequence ends with an event of the other team, after `gap_s` seconds without an
    event, and with the half. An event whose team is not known neither ends one nor
    belongs to one, unless no event has a team: then teams are not asked. What lies
    outside the halves belongs to none.

    Args:
        moments: by time.
        halves: by time.
        gap_s: how far an event may lie from the one before, in seconds, included.
    """
    placed = [
        (one, half.number)
        for one in moments
        for half in [half_at(halves, one.time_s)]
        if half is not None
    ]
    if any(one.team is not None for one, _ in placed):
        placed = [(one, half) for one, half in placed if one.team is not None]
    chains: list[list[tuple[Moment, int | None]]] = []
    for one, half in placed:
        if chains:
            before, half_before = chains[-1][-1]
            goes_on = (before.team, half_before) == (one.team, half)
            if goes_on and one.time_s - before.time_s <= gap_s:
                chains[-1].append((one, half))
                continue
        chains.append([(one, half)])
    return [
        Chain(chain[0][0].team, chain[0][1], tuple(one for one, _ in chain))
        for chain in chains
    ]


def longest_chains(chains: Iterable[Chain], *, limit: int) -> list[Chain]:
    """Choose those with the most events, then the longest in time; two at least."""
    several = [chain for chain in chains if len(chain.moments) > 1]
    several.sort(key=lambda one: (-len(one.moments), one.from_s - one.to_s, one.from_s))
    return several[:limit]


def passes_before_shots(
    chains: Iterable[Chain], *, passes: Collection[str], shots: Collection[str]
) -> list[BeforeShot]:
    """Count the passes of a sequence before each of its shots, since the one before.

    Args:
        passes, shots: types, in upper or lower case.
    """
    found: list[BeforeShot] = []
    pass_labels = {label.casefold() for label in passes}
    shot_labels = {label.casefold() for label in shots}
    for chain in chains:
        count = 0
        for one in chain.moments:
            label = one.label.casefold()
            if label in shot_labels:
                found.append(BeforeShot(one, chain.half, count))
                count = 0
            elif label in pass_labels:
                count += 1
    return found


def count_labels(chain: Chain, labels: Collection[str]) -> int:
    """Count the events of these types, in upper or lower case."""
    wanted = {label.casefold() for label in labels}
    return sum(one.label.casefold() in wanted for one in chain.moments)
