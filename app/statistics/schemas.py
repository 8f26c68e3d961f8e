"""What is sent of statistics."""

from collections.abc import Sequence
from typing import Self
from uuid import UUID

from pydantic import BaseModel, Field

from app.statistics.compare import Comparison
from app.statistics.counts import Bin, Count, Tempo
from app.statistics.match import MatchStatistics
from app.statistics.play import Half
from app.statistics.sequences import BeforeShot, Chain, count_labels
from app.timelines.provenance_schemas import ProvenanceObject
from model.data.formats.provenance import Provenance

PLACES = 3
TEAM = "As the match facts name it, else as events do; null: not known."
HALF = "From 1; null: outside the halves, or they are not known."


class EventCount(BaseModel):
    """How many events of a type a team has in a half."""

    type: str
    team: str | None = Field(description=TEAM)
    half: int | None = Field(description=HALF)
    count: int

    @classmethod
    def of(cls, one: Count) -> Self:
        """Show it."""
        return cls(type=one.label, team=one.team, half=one.half, count=one.count)


class TimeBin(BaseModel):
    """A stretch of a half, and what happened in it."""

    half: int | None = Field(description="Null: the halves are not known.")
    from_s: float = Field(description="In the video.")
    to_s: float
    clock_from_s: float | None = Field(
        description="What the match clock shows at its start."
    )
    count: int
    counts: list[EventCount]

    @classmethod
    def of(cls, one: Bin) -> Self:
        """Show it."""
        return cls(
            half=one.half,
            from_s=round(one.from_s, PLACES),
            to_s=round(one.to_s, PLACES),
            clock_from_s=_rounded(one.clock_from_s),
            count=one.count,
            counts=[EventCount.of(count) for count in one.counts],
        )


class TeamTempo(BaseModel):
    """How many events a team has a minute."""

    team: str
    count: int
    per_minute: float | None


class TempoOfHalf(BaseModel):
    """How many events there are a minute of play."""

    half: int | None = Field(description="Null: all halves together.")
    minutes: float
    count: int = Field(description="Events within the halves.")
    per_minute: float | None = Field(description="Null: it has no length.")
    teams: list[TeamTempo]

    @classmethod
    def of(cls, one: Tempo) -> Self:
        """Show it."""
        return cls(
            half=one.half,
            minutes=round(one.minutes, PLACES),
            count=one.count,
            per_minute=_rounded(one.per_minute),
            teams=[
                TeamTempo(team=team, count=count, per_minute=_rounded(one.rate(count)))
                for team, count in one.teams
            ],
        )


class PassesBeforeShot(BaseModel):
    """How a shot came about."""

    event_id: UUID
    type: str
    time_s: float
    team: str | None = Field(description=TEAM)
    half: int | None = Field(description=HALF)
    passes: int = Field(
        description="Of its sequence before it, since the shot before it."
    )

    @classmethod
    def of(cls, one: BeforeShot) -> Self:
        """Show it."""
        return cls(
            event_id=one.shot.id,
            type=one.shot.label,
            time_s=one.shot.time_s,
            team=one.shot.team,
            half=one.half,
            passes=one.passes,
        )


class EventSequence(BaseModel):
    """What one team did in a row."""

    team: str | None = Field(description=TEAM)
    half: int | None = Field(description=HALF)
    from_s: float
    to_s: float
    count: int
    passes: int
    types: list[str] = Field(description="Of its events, by time.")
    event_ids: list[UUID]

    @classmethod
    def of(cls, one: Chain, passes: Sequence[str]) -> Self:
        """Show it."""
        return cls(
            team=one.team,
            half=one.half,
            from_s=one.from_s,
            to_s=one.to_s,
            count=len(one.moments),
            passes=count_labels(one, passes),
            types=[moment.label for moment in one.moments],
            event_ids=[moment.id for moment in one.moments],
        )


class HalfOfMatch(BaseModel):
    """A half as statistics take it: its end is never open."""

    half: int
    start_s: float
    end_s: float
    clock_start_s: float | None

    @classmethod
    def of(cls, one: Half) -> Self:
        """Show it."""
        return cls(
            half=one.number or 0,
            start_s=one.start_s,
            end_s=one.end_s,
            clock_start_s=one.clock_start_s,
        )


class Figure(BaseModel):
    """One figure of two matches."""

    statistic: str = Field(examples=["events", "events_per_minute"])
    type: str | None = Field(description="Null: all types together.")
    this: float | None
    other: float | None
    difference: float | None = Field(description="What this match has more.")

    @classmethod
    def of(cls, one: Comparison) -> Self:
        """Show it."""
        return cls(
            statistic=one.name,
            type=one.label,
            this=_rounded(one.this),
            other=_rounded(one.other),
            difference=_rounded(one.difference),
        )


class Statistics(BaseModel):
    """What a match's timeline comes to in numbers."""

    video_id: UUID
    count: int
    teams: list[str] = Field(
        description="Those of the match facts, then others that have events."
    )
    types: list[str] = Field(description="With events, the most frequent first.")
    halves: list[HalfOfMatch] = Field(description="Empty: they are not known.")
    counts: list[EventCount]
    bins: list[TimeBin]
    tempo: list[TempoOfHalf] = Field(
        description="All halves together, then each, if they are known."
    )
    mean_passes_before_shot: float | None = Field(description="Null: no shot.")
    passes_before_shots: list[PassesBeforeShot]
    longest_sequences: list[EventSequence]
    longest_of_teams: list[EventSequence] = Field(
        description="The longest sequence of each team, the longest first."
    )
    compared_with: UUID | None
    comparison: list[Figure] = Field(description="Empty without `with`.")
    provenance: list[ProvenanceObject] = Field(
        default=[],
        description="With `provenance=true`: where the events of the match come from, "
        "then those of the other one.",
    )

    @classmethod
    def of(
        cls,
        video_id: UUID,
        match: MatchStatistics,
        *,
        passes: Sequence[str],
        compared_with: UUID | None = None,
        compared: Sequence[Comparison] = (),
        provenance: Sequence[Provenance] = (),
    ) -> Self:
        """Show all."""
        return cls(
            video_id=video_id,
            count=match.count,
            teams=list(match.teams),
            types=list(match.labels),
            halves=[HalfOfMatch.of(one) for one in match.halves],
            counts=[EventCount.of(one) for one in match.counts],
            bins=[TimeBin.of(one) for one in match.bins],
            tempo=[TempoOfHalf.of(one) for one in match.tempo],
            mean_passes_before_shot=_rounded(match.mean_passes),
            passes_before_shots=[PassesBeforeShot.of(x) for x in match.before_shots],
            longest_sequences=[EventSequence.of(x, passes) for x in match.longest],
            longest_of_teams=[EventSequence.of(x, passes) for x in match.longest_of],
            compared_with=compared_with,
            comparison=[Figure.of(one) for one in compared],
            provenance=[
                ProvenanceObject.model_validate(one.to_dict()) for one in provenance
            ],
        )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, PLACES)
