"""Two matches side by side, or a team in each of them."""

from dataclasses import dataclass

from app.statistics.match import MatchStatistics


@dataclass(frozen=True, slots=True)
class Comparison:
    """One figure of both matches.

    Attributes:
        name: of the figure.
        label: the type that it is of; None: of all.
        this, other: its values; None: there is none.
    """

    name: str
    label: str | None
    this: float | None
    other: float | None

    @property
    def difference(self) -> float | None:
        """What this match has more than the other; None: one has no value."""
        if self.this is None or self.other is None:
            return None
        return self.this - self.other


@dataclass(frozen=True, slots=True)
class Side:
    """What is compared of a match.

    Attributes:
        team: None: all that happened, whoever did it.
    """

    match: MatchStatistics
    team: str | None = None

    def count(self, label: str | None = None) -> int:
        """Count events, of one type or of all."""
        return sum(
            one.count
            for one in self.match.counts
            if self._has(one.team) and label in (None, one.label)
        )

    def per_minute(self, label: str | None = None) -> float | None:
        """Count events within the halves a minute of play; None: there is no play."""
        played = sum(
            one.count
            for each in self.match.bins
            for one in each.counts
            if self._has(one.team) and label in (None, one.label)
        )
        return self.match.tempo[0].rate(played)

    @property
    def passes(self) -> list[int]:
        """Count the passes before each of its shots."""
        shots = self.match.before_shots
        return [one.passes for one in shots if self._has(one.shot.team)]

    @property
    def longest(self) -> int | None:
        """How many events its longest sequence has; None: there is none."""
        own = (one for one in self.match.longest_of if self._has(one.team))
        return max((len(one.moments) for one in own), default=None)

    def _has(self, team: str | None) -> bool:
        return self.team is None or team == self.team


def compare_matches(this: Side, other: Side) -> list[Comparison]:
    """Compare two matches: in all, and type by type, in numbers and a minute.

    A minute is one of play: matches of different length compare by it. Teams are
    compared by name, whatever side of the pitch they had in each match.
    """
    ours, theirs = this.passes, other.passes
    figures = [
        Comparison("events", None, this.count(), other.count()),
        Comparison(
            "minutes", None, this.match.tempo[0].minutes, other.match.tempo[0].minutes
        ),
        Comparison("events_per_minute", None, this.per_minute(), other.per_minute()),
        Comparison("shots", None, len(ours), len(theirs)),
        Comparison("mean_passes_before_shot", None, _mean(ours), _mean(theirs)),
        Comparison("longest_sequence", None, this.longest, other.longest),
    ]
    for label in dict.fromkeys((*this.match.labels, *other.match.labels)):
        figures += [
            Comparison("events", label, this.count(label), other.count(label)),
            Comparison(
                *("events_per_minute", label),
                *(this.per_minute(label), other.per_minute(label)),
            ),
        ]
    return figures


def same_team(name: str, match: MatchStatistics) -> str | None:
    """Find a team by its name, in upper or lower case; None: it did not play."""
    wanted = name.strip().casefold()
    found = (team for team in match.teams if team.strip().casefold() == wanted)
    return next(found, None)


def _mean(values: list[int]) -> float | None:
    return sum(values) / len(values) if values else None
