"""All statistics of one match together."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.statistics.counts import (
    Bin,
    Count,
    Tempo,
    bin_events,
    count_events,
    measure_tempo,
)
from app.statistics.play import (
    Half,
    Moment,
    half_at,
    halves_of,
    swapped_names,
    team_names,
)
from app.statistics.sequences import (
    DEFAULT_GAP_S,
    PASSES,
    SHOTS,
    BeforeShot,
    Chain,
    find_chains,
    longest_chains,
    passes_before_shots,
)

DEFAULT_BIN_S = 300.0
DEFAULT_LONGEST = 10


@dataclass(frozen=True, slots=True)
class StatisticsOptions:
    """How statistics are made.

    Attributes:
        bin_s: how long a bin of time is.
        gap_s: how long a sequence may pause.
        passes, shots: types, in upper or lower case.
        longest: how many sequences are told.
        changes_ends: events name the end of the pitch that a team plays from, and teams
            change ends with each half: in the second, fourth ... the sides are swapped.
    """

    bin_s: float = DEFAULT_BIN_S
    gap_s: float = DEFAULT_GAP_S
    passes: Collection[str] = PASSES
    shots: Collection[str] = SHOTS
    longest: int = DEFAULT_LONGEST
    changes_ends: bool = False


@dataclass(frozen=True, slots=True)
class MatchStatistics:
    """Statistics of one match.

    Attributes:
        teams: those of the match facts, then others that have events, by name.
        labels: types with events, the most frequent first.
        halves: of the match facts; empty: they are not known.
        tempo: of all halves together, then of each where they are known.
        longest: sequences, the longest first.
        longest_of: the longest sequence of each team.
        moments: all events by time, with their teams as the match facts name them.
    """

    teams: tuple[str, ...]
    labels: tuple[str, ...]
    halves: tuple[Half, ...]
    counts: tuple[Count, ...]
    bins: tuple[Bin, ...]
    tempo: tuple[Tempo, ...]
    before_shots: tuple[BeforeShot, ...]
    longest: tuple[Chain, ...]
    longest_of: tuple[Chain, ...]
    moments: tuple[Moment, ...]

    @property
    def count(self) -> int:
        """How many events there are."""
        return sum(one.count for one in self.counts)

    @property
    def mean_passes(self) -> float | None:
        """Passes before a shot on average; None: there is no shot."""
        shots = self.before_shots
        return sum(one.passes for one in shots) / len(shots) if shots else None

    def by_label(self) -> Counter[tuple[str, str | None]]:
        """Count by type and team, all halves together."""
        found: Counter[tuple[str, str | None]] = Counter()
        for one in self.counts:
            found[one.label, one.team] += one.count
        return found


def measure_match(
    moments: Sequence[Moment],
    *,
    halves: Sequence[Mapping[str, Any]] | None,
    teams: Sequence[Mapping[str, Any]] | None,
    duration_s: float | None,
    options: StatisticsOptions,
) -> MatchStatistics:
    """Make the statistics of a match.

    Args:
        moments: its events by time; `team` as the timeline has it.
        halves, teams: match facts of the video; see `HalfFacts` and `TeamFacts`.
        duration_s: of the video; None: not known.
    """
    last_s = moments[-1].time_s if moments else 0.0
    end_s = last_s if duration_s is None else max(duration_s, last_s)
    stretches = halves_of(halves, end_s=end_s)
    names = team_names(teams)
    swapped = swapped_names(teams) if options.changes_ends else names
    named = [_renamed(one, names, swapped, stretches) for one in moments]
    chains = find_chains(named, stretches, gap_s=options.gap_s)
    played = {one.team for one in named if one.team is not None}
    in_facts = list(dict.fromkeys(names.values()))
    labels = Counter(one.label for one in named)
    return MatchStatistics(
        teams=tuple(dict.fromkeys((*in_facts, *sorted(played)))),
        labels=tuple(label for label, _ in labels.most_common()),
        halves=tuple(half for half in stretches if half.number is not None),
        counts=tuple(count_events(named, stretches)),
        bins=tuple(bin_events(named, stretches, bin_s=options.bin_s)),
        tempo=tuple(measure_tempo(named, stretches)),
        before_shots=tuple(
            passes_before_shots(chains, passes=options.passes, shots=options.shots)
        ),
        longest=tuple(longest_chains(chains, limit=options.longest)),
        longest_of=tuple(_longest_of(chains)),
        moments=tuple(named),
    )


def _renamed(
    one: Moment,
    names: Mapping[str, str],
    swapped: Mapping[str, str],
    halves: Sequence[Half],
) -> Moment:
    """Call an event's team as the match facts do, at the end that it has then."""
    if one.team is None:
        return one
    half = half_at(halves, one.time_s)
    is_even = half is not None and half.number is not None and half.number % 2 == 0
    found = (swapped if is_even else names).get(one.team, one.team)
    return Moment(one.id, one.label, one.time_s, found)


def _longest_of(chains: Sequence[Chain]) -> list[Chain]:
    found: dict[str | None, Chain] = {}
    for chain in longest_chains(chains, limit=len(chains)):
        found.setdefault(chain.team, chain)
    return list(found.values())
