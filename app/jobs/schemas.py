"""What is sent of a job."""

from datetime import datetime
from typing import Annotated, Literal, NotRequired
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue, WithJsonSchema
from typing_extensions import TypedDict

from app.core.http.schemas import Links, Page
from app.jobs.kinds import (
    HIGHEST_PRIORITY,
    KINDS,
    LOWEST_PRIORITY,
    JobKind,
    stage_of,
)
from app.jobs.tables import Job as JobRow

Status = Literal["queued", "running", "succeeded", "failed", "canceled"]


Counts = Annotated[dict[str, int], Field(examples=[{"PASS": 812, "DRIVE": 743}])]


VIDEO_ID = "01980c1e-7a54-7c3e-9d1f-2f6f3a8b1c55"


JOB_ID = "01980c1e-7a60-7e11-8a2b-91c0d7e4f002"


class JobError(BaseModel):
    """Why a job failed."""

    code: str = Field(description="Stable; for programs.", examples=["no_video_stream"])
    detail: str = Field(description="For people: what to do about it.")
    retryable: bool = Field(description="Whether running it again may help.")


class CheckpointFacts(TypedDict):
    """What ran, to the letter; keys may be added."""

    __pydantic_config__ = ConfigDict(extra="allow")  # type: ignore[misc]  # its way

    name: NotRequired[str]
    version: NotRequired[Annotated[str, Field(description="Of the software.")]]
    sha256: NotRequired[Annotated[str | None, Field(description="Of the weights.")]]
    engine: NotRequired[Annotated[str, Field(examples=["openvino"])]]
    teams: NotRequired[
        Annotated[
            list[str],
            Field(
                examples=[["left", "right"]],
                description="The sides it tells apart; left out if it does not.",
            ),
        ]
    ]


class Warnings(TypedDict):
    """What the decoder had to forgive; keys may be added."""

    __pydantic_config__ = ConfigDict(extra="allow")  # type: ignore[misc]  # its way

    truncated: NotRequired[Annotated[str, Field(description="The end is missing.")]]
    damaged: NotRequired[Annotated[str, Field(description="Parts are unreadable.")]]


class JobLinks(Links):
    """Addresses that belong to a job."""

    self: str
    video: str | None
    cancel: str


class Job(BaseModel):
    """One piece of work; of the kind `spot`, one run of one model over one video."""

    id: UUID = Field(examples=[JOB_ID])
    kind: JobKind = Field(description="What it does.")
    video_id: UUID | None = Field(examples=[VIDEO_ID])
    status: Status
    stage: str | None = Field(
        description="What a running job is doing; a spot job: probe, decode, spot, "
        "store; a job that brings a file, while it waits, too: download, copy, join; a "
        "spot job that waits for its segments: spot.",
        examples=["spot"],
    )
    progress: float = Field(ge=0, le=1, description="Of a spot job by time.")
    stage_seconds: dict[str, float] = Field(
        description="Seconds in each stage so far, over all its runs; `start` is what "
        "comes before the first.",
        examples=[{"start": 0.1, "probe": 0.4, "decode": 0.9, "spot": 131.2}],
    )
    priority: int = Field(description="Higher ones are run first.")
    eta_s: float | None = Field(description="Seconds still to go, if they can be told.")
    attempt: int = Field(description="How often a worker has begun it.")
    model: str | None = Field(description="The model asked for; null: the default.")
    checkpoint: CheckpointFacts | None = Field(description="What ran, to the letter.")
    counts: Counts | None = Field(description="Events by type, once it succeeded.")
    result: dict[str, JsonValue] | None = Field(
        description="What came of it, by its kind, once it succeeded."
    )
    error: JobError | None
    warnings: Warnings | None = Field(description="What the decoder had to forgive.")
    created_by: str = Field(
        description="`local`, or `key:` and the key's name.", examples=["key:default"]
    )
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    links: JobLinks

    @classmethod
    def of(cls, job: JobRow) -> "Job":
        """Read a row."""
        error = None
        if job.error_code is not None:
            error = JobError(
                code=job.error_code,
                detail=job.error_detail or "",
                retryable=bool(job.error_retryable),
            )
        result = job.result or {}
        stage = stage_of(job.kind, job.status, job.stage)
        return cls.model_validate(
            {
                **{name: getattr(job, name) for name in _SAME_IN_JOB},
                "stage": stage,
                "model": job.params.get("model"),
                **{name: result.get(name) for name in _OF_RESULT},
                "error": error,
                "links": {
                    "self": f"/jobs/{job.id}",
                    "video": job.video_id and f"/videos/{job.video_id}",
                    "cancel": f"/jobs/{job.id}/cancel",
                },
            }
        )


class JobPage(Page[Job]):
    """A video's jobs, the newest first."""


# The others have a route of their own, as their refusal says.
_ASKED = [str(kind) for kind, spec in KINDS.items() if spec.own_route is None]
AskedKind = Annotated[JobKind, WithJsonSchema({"type": "string", "enum": _ASKED})]


class NewJob(BaseModel):
    """What to do with a video: analyse it again, if nothing else is said."""

    model_config = ConfigDict(extra="forbid")

    kind: AskedKind = Field(default=JobKind.SPOT, description="What is to be done.")
    model: str | None = Field(
        default=None,
        max_length=255,
        description="Of a spot job: a name of GET /models; null: the default.",
    )
    encode: bool | None = Field(
        default=None,
        description="Of a join job: whether parts that differ are encoded anew; null: "
        "as the job before was asked.",
    )
    priority: int = Field(
        default=0,
        ge=LOWEST_PRIORITY,
        le=HIGHEST_PRIORITY,
        description="Higher ones are run first; equal ones in the order they came.",
    )


_SAME_IN_JOB = (
    *("id", "kind", "video_id", "status", "progress", "priority", "eta_s", "attempt"),
    "stage_seconds",
    *("result", "created_by", "created_at", "started_at", "finished_at"),
)
# What a spot job's result holds is also told in fields of its own.
_OF_RESULT = ("checkpoint", "counts", "warnings")
