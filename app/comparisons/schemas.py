"""What is sent of comparisons, and what a client asks for."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.comparisons.tables import Comparison as ComparisonRow
from app.comparisons.tables import ComparisonMoment
from app.core.http.schemas import Links, Page
from app.jobs.kinds import stage_of
from app.jobs.schemas import JobError, Status
from app.jobs.tables import Job as JobRow

MAX_VIDEOS = 1000

Name = Annotated[str, Field(min_length=1, max_length=200)]
Verdict = Literal["better", "worse", "no_difference", "too_few"]
Wrong = Literal["missed", "false_alarm", "wrong_type", "mistimed"]
Kind = Literal[
    "hit", "quiet", "missed", "false_alarm", "wrong_type", "mistimed", "unknown_type"
]


class NewComparison(BaseModel):
    """Which models are to be compared, and on what."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"models": ["hall@2", "arena-rny002"]}]},
    )

    models: list[Name] = Field(
        min_length=2,
        max_length=4,
        description="The first is compared with each of the others.",
    )
    training_id: UUID | None = Field(
        default=None, description="Compare on the stretches that this training held out"
    )
    videos: list[UUID] | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_VIDEOS,
        description="Compare on what is reviewed of these; neither this nor a training:"
        " on all that is reviewed, the newest thousand videos.",
    )


class Estimate(BaseModel):
    """A figure, and the middle 95% of what other draws of the same matches give."""

    value: float | None = Field(description="Null: nothing happened.")
    low: float | None
    high: float | None


class ComparedModel(BaseModel):
    """One of the models, as it was when they were compared."""

    name: str
    sha256: str | None = Field(default=None, description="Of its weights.")
    engine: str | None = None


class VideoNotCompared(BaseModel):
    """A video on which the models could not be compared."""

    video_id: UUID
    why: str


class ComparisonData(BaseModel):
    """On what models were compared."""

    videos: int
    minutes: float
    note: str = ""
    left_out: list[VideoNotCompared] = []


class TypeVerdict(BaseModel):
    """What is said of one type, by AP and F1 together."""

    type: str
    events: int
    against: str
    verdict: Verdict
    text: str


class Verdicts(BaseModel):
    """Which model is better, in words."""

    text: str
    by_type: list[TypeVerdict]


class ModelFigures(BaseModel):
    """How good a model is for a type."""

    name: str
    ap: Estimate = Field(description="AP, a hit within 0.5 s.")
    f1: Estimate = Field(description="F1 at its own threshold, a hit within 1 s.")
    precision: float
    recall: float


class Difference(BaseModel):
    """What a model has more than another; negative: less."""

    model: str
    against: str
    ap: Estimate
    f1: Estimate
    both: Estimate = Field(description="The mean of the two: the verdict goes by it.")


class ComparedType(BaseModel):
    """What is known of one type."""

    type: str
    events: int
    models: list[ModelFigures]
    differences: list[Difference]


class ComparisonLinks(Links):
    """Addresses that belong to a comparison."""

    self: str
    job: str
    errors: str


class Comparison(BaseModel):
    """Models that are held against each other on what people have reviewed."""

    id: UUID
    job_id: UUID
    training_id: UUID | None
    status: Status = Field(description="Of its job.")
    stage: str | None
    progress: float = Field(ge=0, le=1)
    eta_s: float | None
    models: list[ComparedModel]
    holdout: ComparisonData
    verdict: Verdicts | None = Field(description="Null until it is made.")
    types: list[ComparedType]
    left_out: dict[str, list[str]] = Field(
        description="By model, the types that it does not know."
    )
    unknown: dict[str, int] = Field(
        description="Types that happened and no model knows, with how often."
    )
    warnings: list[str]
    errors: int = Field(description="Moments that some model got wrong.")
    error: JobError | None
    created_by: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    links: ComparisonLinks

    @classmethod
    def of(cls, row: ComparisonRow, job: JobRow) -> Self:
        """Read a row."""
        own = f"/comparisons/{row.id}"
        error = None
        if job.error_code is not None:
            error = JobError(
                code=job.error_code,
                detail=job.error_detail or "",
                retryable=bool(job.error_retryable),
            )
        return cls.model_validate(
            {
                **_NOTHING_YET,
                "models": [{"name": name} for name in row.models],
                "holdout": _asked(row),
                **(row.result or {}),
                "id": row.id,
                "job_id": row.job_id,
                "training_id": row.training_id,
                "status": job.status,
                "stage": stage_of(job.kind, job.status, job.stage),
                "progress": job.progress,
                "eta_s": job.eta_s,
                "error": error,
                "created_by": row.created_by,
                "created_at": row.created_at,
                "started_at": job.started_at,
                "finished_at": job.finished_at,
                "links": {
                    "self": own,
                    "job": f"/jobs/{row.job_id}",
                    "errors": f"{own}/errors",
                },
            }
        )


class ComparisonPage(Page[Comparison]):
    """Comparisons, the newest first."""


class ModelOutcome(BaseModel):
    """What a model said of a moment."""

    kind: Kind = Field(
        description="`quiet`: it rightly saw nothing; `unknown_type`: it does not know "
        "the type."
    )
    score: float | None
    label: str | None = Field(description="Of its spot, where that is of another type.")
    time_s: float | None = Field(description="Of its spot.")


class WrongMoment(BaseModel):
    """A moment that one of the models got wrong."""

    video_id: UUID
    time_s: float
    frame: int
    type: str
    is_event: bool = Field(description="It happened; else a model saw what did not.")
    kind: Wrong = Field(description="Of the first model that is wrong.")
    by: dict[str, ModelOutcome] = Field(description="By the model's name.")

    @classmethod
    def of(cls, row: ComparisonMoment, order: list[str]) -> Self:
        """Read a row; `order` is that of the models asked about."""
        said: Mapping[str, Any] = row.by_model
        kinds = [said[name]["kind"] for name in order if name in said]
        return cls.model_validate(
            {
                "video_id": row.video_id,
                "time_s": row.time_ms / 1000,
                "frame": row.frame,
                "type": row.label,
                "is_event": row.is_event,
                "kind": next(one for one in kinds if one in WRONG),
                "by": said,
            }
        )


class WrongMomentPage(Page[WrongMoment]):
    """What models got wrong, by video and time."""


WRONG: tuple[Wrong, ...] = ("missed", "false_alarm", "wrong_type", "mistimed")

_NOTHING_YET: Mapping[str, Any] = {
    **{"verdict": None, "types": [], "left_out": {}, "unknown": {}},
    **{"warnings": [], "errors": 0},
}


def _asked(row: ComparisonRow) -> dict[str, Any]:
    """Tell what was asked for, until it is known what was there."""
    seconds = sum(end - start for one in row.holdout for start, end in one["spans"])
    return {"videos": len(row.holdout), "minutes": round(seconds / 60, 2)}
