"""What is sent of what is reviewed: is it enough to train, and what is missing?"""

from collections.abc import Collection, Sequence
from typing import Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.trainings.holdout import HoldoutPlan
from app.trainings.needs import Need, Needs
from app.trainings.readiness import Finding, SplitPlan
from app.trainings.reviewed_data import Counts, ReviewedData
from app.trainings.schemas import SplitFacts
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


class ReadinessHeldOut(BaseModel):
    """What of a video would be held out."""

    video_id: UUID
    title: str
    minutes: float
    spans: list[list[float]] = Field(description="From and to, in seconds.")


class ReadinessHoldout(BaseModel):
    """What a training would be judged by, and not learn from."""

    minutes: float
    videos: list[ReadinessHeldOut]
    counts: dict[str, int] = Field(description="Held out events by type.")
    train: dict[str, int] = Field(
        description="Events by type that are learned from. Far-apart stretches of a "
        "match leave out what lies between them."
    )

    @classmethod
    def of(cls, plan: HoldoutPlan, types: Collection[str]) -> Self:
        """Put together what would be held out, of some types."""
        return cls(
            minutes=round(plan.minutes, 3),
            videos=[
                ReadinessHeldOut(
                    video_id=one.video.id,
                    title=one.video.title,
                    minutes=round(sum(end - a for a, end in one.spans) / 60, 3),
                    spans=[list(span) for span in one.spans],
                )
                for one in plan.videos
            ],
            counts={name: n for name, n in plan.counts.items() if name in types},
            train={name: n for name, n in plan.train.items() if name in types},
        )


class TrainingReadiness(BaseModel):
    """What is reviewed, and whether it is enough."""

    minutes: float
    matches: list[ReviewedMatch] = Field(description="Videos, the oldest first.")
    counts: dict[str, ReviewedCount] = Field(
        description="By type, the most frequent first."
    )
    split: ReadinessSplit | None = Field(description="Null: there is nothing to split.")
    holdout: ReadinessHoldout | None = Field(
        description="What would be held out, with the videos, the hold-out, the base "
        "and the seed that are asked about. Null: nothing can be."
    )
    agreement: dict[str, int] = Field(
        description="Of people who decided the same events: `decided_twice`, "
        "`kept_verdict`, `kept_type`, `within_s`."
    )
    problems: list[ReadinessProblem]
    needs: list[Need] = Field(
        description="Types of which more events would help, from the curves of the "
        "newest training, the one that gains most first."
    )
    no_gain_seen: list[Need] = Field(
        description="The other types: more would hardly help, or nobody can tell."
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
        holdout: HoldoutPlan | None,
        problems: Sequence[Finding],
        needs: Needs,
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
            holdout=None if holdout is None else ReadinessHoldout.of(holdout, counts),
            agreement={
                "decided_twice": found.decided_twice,
                "kept_verdict": found.kept_verdict,
                "kept_type": found.kept_type,
                "within_s": found.within_s,
            },
            problems=[ReadinessProblem.model_validate(one) for one in problems],
            needs=list(needs.helping),
            no_gain_seen=list(needs.others),
            needs_note=needs_note,
            worker=TrainWorker.model_validate(worker),
        )


def _counts(counts: Counts) -> dict[str, ReviewedCount]:
    return {
        label: ReviewedCount.model_validate(count) for label, count in counts.items()
    }
