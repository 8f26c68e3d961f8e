"""What a report is made of: facts of a match and its events, as they were."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from app.statistics.match import MatchStatistics, StatisticsOptions, measure_match
from app.statistics.play import Moment

MAX_STILLS = 60
DEFAULT_STILLS = 24
KEY_TYPES = frozenset(
    (
        *("goal", "shot", "penalty", "shots on target", "shots off target"),
        *("yellow card", "red card", "yellow->red card"),
    )
)
"""Types whose events are key events unless others are named; without case."""


@dataclass(frozen=True, slots=True)
class ReportEvent:
    """An event of a match.

    Attributes:
        frame: of the video, from 0.
        team: as the timeline has it; None: not known.
        score: the model's; None: a person said so.
        is_confirmed: whether a person accepted, changed or added it.
    """

    id: UUID
    label: str
    time_s: float
    frame: int
    team: str | None
    score: float | None
    is_confirmed: bool

    @property
    def certainty(self) -> float:
        """How sure it is: the model's score, or 1 of what a person said."""
        return 1.0 if self.is_confirmed or self.score is None else self.score


@dataclass(frozen=True, slots=True)
class MatchFacts:
    """What is known of a match.

    Attributes:
        date: 2026-05-31.
        teams, halves: as the video has them; see `TeamFacts` and `HalfFacts`.
        duration_s: of the video; None: not known.
        model: that suggested events; None: none did.
        model_sha256: of its weights; None: not known.
        thresholds: the lowest score of a suggestion, by type.
        reviewers: who decided events or looked at stretches.
    """

    title: str
    date: str | None = None
    competition: str | None = None
    teams: Sequence[Mapping[str, Any]] = ()
    halves: Sequence[Mapping[str, Any]] = ()
    duration_s: float | None = None
    model: str | None = None
    model_sha256: str | None = None
    thresholds: Mapping[str, float] = field(default_factory=dict)
    reviewers: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """What goes into a report.

    Attributes:
        key_types: of key events, in upper or lower case; empty: see `key_events`.
        stills: pictures at most.
        changes_ends: see `StatisticsOptions`.
        only_confirmed: the events are those alone that a person decided on.
    """

    key_types: Collection[str] = ()
    stills: int = DEFAULT_STILLS
    changes_ends: bool = False
    only_confirmed: bool = False


@dataclass(frozen=True, slots=True)
class ReportContent:
    """All of it but the pictures.

    Attributes:
        events: by time.
    """

    facts: MatchFacts
    events: Sequence[ReportEvent]
    options: ReportOptions

    def measure(self) -> MatchStatistics:
        """Make its statistics, as `GET /videos/{id}/statistics` does."""
        return measure_match(
            [Moment(one.id, one.label, one.time_s, one.team) for one in self.events],
            halves=self.facts.halves,
            teams=self.facts.teams,
            duration_s=self.facts.duration_s,
            options=StatisticsOptions(changes_ends=self.options.changes_ends),
        )

    def key_events(self) -> list[ReportEvent]:
        """Choose its key events: of the types named, else of `KEY_TYPES`.

        Where no event is of these, the rarest type is taken.
        """
        wanted = {label.casefold() for label in self.options.key_types or KEY_TYPES}
        found = [one for one in self.events if one.label.casefold() in wanted]
        if found or self.options.key_types or not self.events:
            return found
        counts = Counter(one.label for one in self.events)
        rarest = min(counts, key=lambda label: (counts[label], label))
        return [one for one in self.events if one.label == rarest]

    def pictured(self) -> list[ReportEvent]:
        """Choose the key events that get a still: the surest, by time."""
        surest = sorted(
            self.key_events(),
            key=lambda one: (-one.certainty, one.time_s),
        )
        return sorted(surest[: self.options.stills], key=lambda one: one.time_s)
