"""What is sent of a plan of a review."""

from uuid import UUID

from pydantic import BaseModel, Field

from app.annotations.decision_cost import CostSource
from app.annotations.estimate import Quality, Range
from app.annotations.priority import Reason, ReviewItem
from app.annotations.review_plan import ReviewPlan

PLACES = 4


class RangeOfNumbers(BaseModel):
    """A number that is not known exactly."""

    value: float = Field(description="As likely too low as too high.")
    low: float = Field(description="95% lies between this ...")
    high: float = Field(description="... and this.")

    @classmethod
    def of(cls, found: Range | None) -> "RangeOfNumbers | None":
        """Write a range; None stays None."""
        if found is None:
            return None
        return cls(
            value=round(found.value, PLACES),
            low=round(found.low, PLACES),
            high=round(found.high, PLACES),
        )


class TimelineQuality(BaseModel):
    """How good the timeline is now, as far as what was decided tells."""

    precision: RangeOfNumbers | None = Field(
        description="Share of its events that are right; null without events."
    )
    recall: RangeOfNumbers | None = Field(
        description="Share of what happened that is in it; null if nothing is known."
    )
    events: int = Field(description="In the timeline.")
    decided: int = Field(description="Of them, by a person.")

    @classmethod
    def of(cls, found: Quality) -> "TimelineQuality":
        """Write an estimate."""
        return cls(
            precision=RangeOfNumbers.of(found.precision),
            recall=RangeOfNumbers.of(found.recall),
            events=found.events,
            decided=found.decided,
        )


class ToCheck(BaseModel):
    """An event that nobody has decided."""

    event_id: UUID
    type: str = Field(examples=["PASS"])
    time_s: float
    frame: int
    score: float | None
    is_ghost: bool = Field(description="It scores less than its type's threshold.")
    probability: float = Field(
        description="That it is an event of its type, by what was decided so far."
    )
    gain: float = Field(description="Errors that a decision is expected to mend.")
    reason: Reason = Field(
        description="doubt: the score says little. disagreement: an event of another "
        "type lies within a second (`other`). ghost: it may be missing. sample: "
        "picked at random, to find out where the model is sure and wrong."
    )
    other: UUID | None = Field(description="The event that it disagrees with.")

    @classmethod
    def of(cls, item: ReviewItem) -> "ToCheck":
        """Write an item."""
        event = item.event
        return cls(
            event_id=event.id,
            type=event.label,
            time_s=event.time_ms / 1000,
            frame=event.frame,
            score=None if event.score is None else round(event.score, PLACES),
            is_ghost=event.is_ghost,
            probability=round(item.probability, PLACES),
            gain=round(item.gain, PLACES),
            reason=item.reason,
            other=item.other,
        )


class Target(BaseModel):
    """What it takes to a precision."""

    precision: float
    decisions: RangeOfNumbers | None = Field(
        description="In the order of the items; null: more than there are items."
    )
    minutes: RangeOfNumbers | None = Field(description="At the cost of a decision.")


class Review(BaseModel):
    """What to check first, how good the timeline is, and what is left to do."""

    revision: int = Field(description="Of the video; it rises with each decision.")
    undecided: int = Field(description="Events and ghosts that nobody has decided.")
    items: list[ToCheck] = Field(description="The first of them.")
    overall: TimelineQuality
    types: dict[str, TimelineQuality]
    ghosts_known: bool = Field(
        description="False: the score curves are gone, so what is missing can only be "
        "guessed."
    )
    reviewed_s: float = Field(description="Seconds in which everything was reviewed.")
    seconds_per_decision: float
    seconds_source: CostSource = Field(
        description="measured: the median between decisions in this video. asked: by "
        "the request. stated: by us, until there are enough to measure."
    )
    target: Target

    @classmethod
    def of(cls, plan: ReviewPlan, *, target: float, limit: int) -> "Review":
        """Write a plan and its first items."""
        return cls(
            revision=plan.revision,
            undecided=len(plan.items),
            items=[ToCheck.of(item) for item in plan.items[:limit]],
            overall=TimelineQuality.of(plan.estimate.overall),
            types={
                label: TimelineQuality.of(one)
                for label, one in plan.estimate.types.items()
            },
            ghosts_known=plan.tally.has_ghosts,
            reviewed_s=plan.tally.reviewed_s,
            seconds_per_decision=round(plan.cost.seconds, 2),
            seconds_source=plan.cost.source,
            target=Target(
                precision=target,
                decisions=RangeOfNumbers.of(plan.decisions),
                minutes=RangeOfNumbers.of(plan.minutes),
            ),
        )
