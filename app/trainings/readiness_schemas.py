"""What is sent of what is reviewed: is it enough to train, and what is missing?"""

from collections.abc import Iterable, Sequence
from typing import Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.trainings.readiness import Finding, SplitPlan
from app.trainings.reviewed_data import Counts, ReviewedData
from app.trainings.schemas import Need, SplitFacts
from app.trainings.worker_state import WorkerState


class ReviewedCount(BaseModel):
    """How often a type was found in reviewed stretches."""

    model_config = ConfigDict(from_attributes=True)

    events: int
    rejected: int = Field(
        description="Suggestions that people rejected: the model learns from them, too."
    )


class ReviewedMatch(BaseModel):
    """A video of which something is reviewed."""

    video_id: UUID
    title: str
    minutes: float
    counts: dict[str, ReviewedCount]


class ReadinessProblem(BaseModel):
    """What is missing, or wrong, and what to do about it."""

    model_config = ConfigDict(from_attributes=True)

    code: str = Field(examples=["few-events"])
    detail: str
    is_blocking: bool = Field(description="No training can begin with it.")


class TrainWorker(BaseModel):
    """The worker that trains."""

    model_config = ConfigDict(from_attributes=True)

    installed: bool
    running: bool
    detail: str


class ReadinessSplit(SplitFacts):
    """How an export would split it."""

    model_config = ConfigDict(from_attributes=True)

    matches: int = Field(description="Halves of a match are of one.")


class TrainingReadiness(BaseModel):
    """What is reviewed, and whether it is enough."""

    minutes: float
    matches: list[ReviewedMatch] = Field(description="Videos, the oldest first.")
    counts: dict[str, ReviewedCount] = Field(
        description="By type, the most frequent first."
    )
    split: ReadinessSplit | None = Field(description="Null: there is nothing to split.")
    agreement: dict[str, int] = Field(
        description="Of people who decided the same events: `decided_twice`, "
        "`kept_verdict`, `kept_type`, `within_s`."
    )
    problems: list[ReadinessProblem]
    needs: list[Need] = Field(
        description="What would help most, from the curves of the newest training."
    )
    needs_note: str | None = Field(description="Why nothing is known of that yet.")
    worker: TrainWorker

    @classmethod
    def of(
        cls,
        data: ReviewedData,
        counts: Counts,
        *,
        split: SplitPlan | None,
        problems: Sequence[Finding],
        needs: Iterable[Need],
        needs_note: str | None,
        worker: WorkerState,
    ) -> Self:
        """Put together what was found."""
        found = data.agreement
        return cls(
            minutes=round(data.minutes, 3),
            matches=[
                ReviewedMatch(
                    video_id=one.id,
                    title=one.title,
                    minutes=round(one.reviewed_s / 60, 3),
                    counts=_counts(
                        {name: n for name, n in one.counts.items() if name in counts}
                    ),
                )
                for one in data.videos
            ],
            counts=_counts(counts),
            split=None if split is None else ReadinessSplit.model_validate(split),
            agreement={
                "decided_twice": found.decided_twice,
                "kept_verdict": found.kept_verdict,
                "kept_type": found.kept_type,
                "within_s": found.within_s,
            },
            problems=[ReadinessProblem.model_validate(one) for one in problems],
            needs=list(needs),
            needs_note=needs_note,
            worker=TrainWorker.model_validate(worker),
        )


def _counts(counts: Counts) -> dict[str, ReviewedCount]:
    return {
        label: ReviewedCount.model_validate(count) for label, count in counts.items()
    }
