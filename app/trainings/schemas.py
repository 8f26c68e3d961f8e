"""What is sent of trainings."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from app.core.http.schemas import Links, Page
from app.jobs.schemas import JobError, Status
from app.jobs.tables import Job as JobRow
from app.trainings.curves import Curves as CurvesFound
from app.trainings.needs import Need, needs_in
from app.trainings.options import REVIEWED, Start
from app.trainings.tables import Training as TrainingRow
from app.trainings.tables import TrainingLine as LineRow

Value = float | None


class SplitFacts(BaseModel):
    """How what is reviewed is split into what is learned from and what is held out."""

    by: Literal["matches", "stretches"]
    note: str | None = Field(default=None, description="What that means for measures.")


class CountsByPart(BaseModel):
    """Events by type: learned from, and held out."""

    model_config = ConfigDict(extra="allow")

    train: dict[str, int] = {}
    val: dict[str, int] = {}


class VideoNotUsed(BaseModel):
    """A video that is not used, and why."""

    video_id: str
    why: str


class HeldOutSpans(BaseModel):
    """What of a video the model is judged by."""

    video_id: str
    spans: list[list[float]] = Field(description="From and to, in seconds.")


class TrainingData(BaseModel):
    """What a training learns from, and what it is judged by."""

    model_config = ConfigDict(extra="allow")

    minutes: float | None = None
    counts: CountsByPart = CountsByPart()
    split: SplitFacts | None = None
    agreement: dict[str, int] | None = Field(
        default=None,
        description="Of people who decided the same events: `decided_twice`, "
        "`kept_verdict`, `kept_type`, `within_s`.",
    )
    left_out: list[VideoNotUsed] = []
    holdout: list[HeldOutSpans] = []


class LossPoint(BaseModel):
    """The loss at a step."""

    model_config = ConfigDict(from_attributes=True)

    stage: str
    step: int
    value: Value = Field(description="Null: it was no finite number.")


class ValidationPoint(BaseModel):
    """AP by type at a step, and `mean`."""

    model_config = ConfigDict(from_attributes=True)

    stage: str
    step: int
    values: dict[str, Value]


class LearningPoint(BaseModel):
    """AP by type with a share of the data, and how many events that had."""

    model_config = ConfigDict(from_attributes=True)

    share: Value
    events: dict[str, Value]
    values: dict[str, Value]


class Curves(BaseModel):
    """How a training goes."""

    model_config = ConfigDict(from_attributes=True)

    loss: list[LossPoint] = Field(description="At most 500 or so of its points.")
    validation: list[ValidationPoint]
    learning: list[LearningPoint]


class LogLine(BaseModel):
    """A line of a training's log."""

    model_config = ConfigDict(from_attributes=True)

    number: int
    at: datetime
    text: str


class LogPage(Page[LogLine]):
    """A training's log, the oldest line first."""


class TrainingWarning(BaseModel):
    """What whoever asked was told of the data, and what the model that was made lacks.

    `GET /trainings/readiness` has all of the data's.
    """

    code: str = Field(examples=["few-events"])
    detail: str


class TrainingHoldout(BaseModel):
    """What was asked to be held out."""

    videos: list[UUID] | None = None
    share: float | None = None


class TrainingLinks(Links):
    """Addresses that belong to a training."""

    self: str
    job: str
    cancel: str
    log: str
    comparison: str | None


class Training(BaseModel):
    """A training: what was asked for, how far it is, and what came of it."""

    id: UUID
    job_id: UUID
    name: str = Field(description="Of the model.", examples=["hall"])
    base: str | None = Field(description="What it starts from, with its version.")
    start: Start
    types: list[str] | None = Field(description="Null: the base's and the data's.")
    mapping: dict[str, str | None]
    videos: list[UUID] | Literal["reviewed"]
    minutes: float = Field(description="That it may train.")
    holdout: TrainingHoldout | None
    seed: int
    status: Status
    stage: str | None = Field(
        description="Of one that runs: export, prepare, features, head, finetune, "
        "calibrate, engines, compare; paused: an analysis goes first.",
        examples=["head"],
    )
    progress: float = Field(ge=0, le=1)
    eta_s: float | None = Field(
        description="Seconds still to go at the latest, if they can be told: of this "
        "stage at its pace so far, of later ones as planned."
    )
    queue_position: int | None = Field(
        description="Of one that waits: 1 is next. Other projects' count as well."
    )
    warnings: list[TrainingWarning]
    data: TrainingData | None = Field(description="Null until it is exported.")
    figures: dict[str, JsonValue] | None = Field(
        description="How good the model is on what was held out: `types` (ap, f1, "
        "events, threshold), `learning`, `needs`. Null until it has ended."
    )
    needs: list[Need] = Field(
        description="Types of which more events would help, from `figures`, the one "
        "that gains most first."
    )
    no_gain_seen: list[Need] = Field(
        description="The other types: more would hardly help, or nobody can tell."
    )
    model: str | None = Field(
        description="The version that it made.", examples=["hall@1"]
    )
    comparison_id: UUID | None = Field(description="With what it started from.")
    error: JobError | None
    created_at: datetime
    created_by: str
    started_at: datetime | None
    finished_at: datetime | None
    links: TrainingLinks

    @classmethod
    def of(cls, training: TrainingRow, job: JobRow, *, place: int | None) -> Self:
        """Read a row.

        Args:
            place: in the queue; None: it does not wait.
        """
        return cls.model_validate(_facts(training, job, place))


class TrainingDetails(Training):
    """A training with its curves and the end of its log."""

    curves: Curves
    log: list[LogLine] = Field(description="The last 200 lines, the oldest first.")

    @classmethod
    def with_details(
        cls,
        training: TrainingRow,
        job: JobRow,
        *,
        place: int | None,
        curves: CurvesFound,
        lines: Iterable[LineRow],
    ) -> Self:
        """Read a row, with what else there is."""
        return cls.model_validate(
            {
                **_facts(training, job, place),
                "curves": Curves.model_validate(curves),
                "log": [LogLine.model_validate(one) for one in lines],
            }
        )


class TrainingPage(Page[Training]):
    """The project's trainings, the newest first."""


def _facts(training: TrainingRow, job: JobRow, place: int | None) -> dict[str, Any]:
    own = f"/trainings/{training.id}"
    error = None
    if job.error_code is not None:
        error = JobError(
            code=job.error_code,
            detail=job.error_detail or "",
            retryable=bool(job.error_retryable),
        )
    options: dict[str, Any] = {"videos": REVIEWED, **training.options}
    needs = needs_in(training.figures)
    return {
        **options,
        **{name: getattr(training, name) for name in _SAME_IN_TRAINING},
        **{name: getattr(job, name) for name in _SAME_IN_JOB},
        "stage": job.stage if job.status == "running" else None,
        "queue_position": place if job.status == "queued" else None,
        "error": error,
        "needs": needs.helping,
        "no_gain_seen": needs.others,
        "links": {
            "self": own,
            "job": f"/jobs/{training.job_id}",
            "cancel": f"{own}/cancel",
            "log": f"{own}/log",
            "comparison": training.comparison_id
            and f"/comparisons/{training.comparison_id}",
        },
    }


_SAME_IN_TRAINING = (
    *("id", "job_id", "name", "base", "warnings", "data", "figures", "model"),
    *("comparison_id", "created_at", "created_by"),
)
_SAME_IN_JOB = ("status", "progress", "eta_s", "started_at", "finished_at")
