"""What goes over the wire. Rows are read here, never handed out."""

from datetime import datetime
from typing import Annotated, Any, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.core.catalogue import CatalogueEntry
from app.core.db import models as rows
from app.core.scores import ScoreCurves

Status = Literal["queued", "running", "succeeded", "failed", "canceled"]
Counts = Annotated[dict[str, int], Field(examples=[{"PASS": 812, "DRIVE": 743}])]
Item = TypeVar("Item")

VIDEO_ID = "01980c1e-7a54-7c3e-9d1f-2f6f3a8b1c55"
JOB_ID = "01980c1e-7a60-7e11-8a2b-91c0d7e4f002"


class Page(BaseModel, Generic[Item]):
    """One answer of a list."""

    items: list[Item]
    next_cursor: str | None = Field(
        description="Where the next page begins; null on the last one."
    )


class JobError(BaseModel):
    """Why a job failed."""

    code: str = Field(description="Stable; for programs.", examples=["no_video_stream"])
    detail: str = Field(description="For people: what to do about it.")
    retryable: bool = Field(description="Whether running it again may help.")


class JobLinks(BaseModel):
    """Addresses that belong to a job."""

    self: str
    video: str
    cancel: str


class Job(BaseModel):
    """One run of one model over one video."""

    id: UUID = Field(examples=[JOB_ID])
    video_id: UUID = Field(examples=[VIDEO_ID])
    status: Status
    stage: Literal["probe", "decode", "spot", "store"] | None = Field(
        description="What a running job is doing."
    )
    progress: float = Field(ge=0, le=1, description="By time in the video.")
    eta_s: float | None = Field(description="Seconds still to go, if they can be told.")
    attempt: int = Field(description="How often a worker has begun it.")
    model: str | None = Field(description="The model asked for; null: the default.")
    checkpoint: dict[str, Any] | None = Field(description="What ran, to the letter.")
    counts: Counts | None = Field(description="Events by type, once it succeeded.")
    error: JobError | None
    warnings: dict[str, Any] | None = Field(
        description="What the decoder had to forgive."
    )
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    links: JobLinks

    @classmethod
    def of(cls, job: rows.Job) -> "Job":
        """Read a row."""
        error = None
        if job.error_code is not None:
            error = JobError(
                code=job.error_code,
                detail=job.error_detail or "",
                retryable=bool(job.error_retryable),
            )
        stage = job.stage if job.status == rows.JobStatus.RUNNING else None
        return cls.model_validate(
            {
                **{name: getattr(job, name) for name in _SAME_IN_JOB},
                "stage": stage,
                "counts": job.event_counts,
                "error": error,
                "links": {
                    "self": f"/jobs/{job.id}",
                    "video": f"/videos/{job.video_id}",
                    "cancel": f"/jobs/{job.id}/cancel",
                },
            }
        )


class VideoLinks(BaseModel):
    """Addresses that belong to a video."""

    self: str
    events: str
    timeline: str
    file: str
    job: str
    jobs: str
    deliveries: str


class Video(BaseModel):
    """An uploaded file, what is known of it, and where its analysis stands."""

    id: UUID = Field(examples=[VIDEO_ID])
    title: str | None = Field(examples=["Cup final"])
    filename: str | None = Field(examples=["final.mp4"])
    status: Status = Field(description="Of the latest job.")
    stage: str | None = Field(description="Of the latest job.")
    progress: float = Field(ge=0, le=1, description="Of the latest job.")
    error: JobError | None = Field(description="Of the latest job.")
    counts: Counts | None = Field(
        description="Events by type in the timeline that is shown; null: none yet."
    )
    size_bytes: int = Field(examples=[734003200])
    sha256: str
    duration_s: float | None = Field(description="Null until probed; so the next five.")
    width: int | None = Field(examples=[1920])
    height: int | None = Field(examples=[1080])
    fps: float | None = Field(examples=[25.0])
    codec: str | None = Field(examples=["h264"])
    container: str | None = Field(examples=["mov,mp4,m4a,3gp,3g2,mj2"])
    callback_url: str | None
    current_job_id: UUID | None = Field(
        description="The job whose timeline /events and /timeline show."
    )
    created_at: datetime
    job: Job = Field(description="The latest job.")
    links: VideoLinks

    @classmethod
    def of(cls, video: rows.Video, latest: rows.Job, shown: rows.Job | None) -> "Video":
        """Read the rows of a video, its latest job and the job that is shown."""
        job = Job.of(latest)
        own = f"/videos/{video.id}"
        return cls.model_validate(
            {
                **{name: getattr(video, name) for name in _SAME_IN_VIDEO},
                "status": job.status,
                "stage": job.stage,
                "progress": job.progress,
                "error": job.error,
                "counts": shown.event_counts if shown else None,
                "job": job,
                "links": {
                    "self": own,
                    "events": f"{own}/events",
                    "timeline": f"{own}/timeline",
                    "file": f"{own}/file",
                    "job": f"/jobs/{job.id}",
                    "jobs": f"{own}/jobs",
                    "deliveries": f"{own}/deliveries",
                },
            }
        )


class VideoPage(Page[Video]):
    """Videos, the newest first."""


class JobPage(Page[Job]):
    """A video's jobs, the newest first."""


class NewJob(BaseModel):
    """How to analyse a video again."""

    model_config = ConfigDict(extra="forbid")

    model: str | None = Field(
        default=None,
        max_length=255,
        description="A name of GET /models; null: the default.",
    )


class Event(BaseModel):
    """Something that happened: one point in time."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": f"{JOB_ID}.41",
                    "type": "DRIVE",
                    "time_s": 83.467,
                    "frame": 2504,
                    "score": 0.91,
                }
            ]
        }
    )

    id: str
    type: str
    time_s: float = Field(description="From the start, as a player shows it.")
    frame: int = Field(description="Index in the source, from 0.")
    score: float = Field(ge=0, le=1)


class EventPage(Page[Event]):
    """Events by time."""


class SoccerNetPrediction(BaseModel):
    """An event as SoccerNet writes it: all values are text."""

    game_time: str = Field(alias="gameTime", examples=["1 - 01:23"])
    label: str = Field(examples=["DRIVE"])
    position: str = Field(description="Milliseconds from the start.")
    half: Literal["1"]
    confidence: str = Field(examples=["0.910000"])


class SoccerNetPredictions(BaseModel):
    """Events by time as SoccerNet's `results_spotting.json` (format=soccernet)."""

    url_local: str = Field(alias="UrlLocal", description="The name of the match.")
    predictions: list[SoccerNetPrediction]


class Timeline(BaseModel):
    """Score curves, one a label, over the same times."""

    video_id: UUID
    job_id: UUID
    labels: list[str] = Field(examples=[["PASS", "DRIVE"]])
    steps: int = Field(description="Steps in this stretch before it was thinned.")
    time_s: list[float]
    frame: list[int]
    scores: dict[str, list[float]] = Field(
        examples=[{"PASS": [0.02, 0.91], "DRIVE": [0.01, 0.03]}]
    )

    @classmethod
    def of(
        cls, video_id: UUID, job_id: UUID, curves: ScoreCurves, *, steps: int
    ) -> "Timeline":
        """Write curves as lists; scores to four places."""
        columns = curves.scores.astype(float).round(4).T.tolist()
        return cls(
            video_id=video_id,
            job_id=job_id,
            labels=list(curves.labels),
            steps=steps,
            time_s=curves.time_s.round(3).tolist(),
            frame=curves.frame.tolist(),
            scores=dict(zip(curves.labels, columns, strict=True)),
        )


class DeliveryAttempt(BaseModel):
    """One POST of a webhook message."""

    model_config = ConfigDict(from_attributes=True)

    number: int
    at: datetime
    duration_ms: int
    status_code: int | None = Field(description="Null: there was no answer.")
    error: str | None


class Delivery(BaseModel):
    """A webhook message and what became of it."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID = Field(description="The header webhook-id of each attempt.")
    video_id: UUID
    job_id: UUID
    type: str = Field(examples=["video.completed"])
    url: str
    status: Literal["pending", "delivered", "failed", "gone"]
    next_attempt_at: datetime | None
    created_at: datetime
    finished_at: datetime | None
    attempts: list[DeliveryAttempt]

    @classmethod
    def of(cls, delivery: rows.Delivery) -> "Delivery":
        """Read a row with its attempts."""
        return cls.model_validate(delivery)


class DeliveryPage(Page[Delivery]):
    """A video's webhook messages, the newest first."""


class Model(BaseModel):
    """An installed checkpoint."""

    name: str = Field(examples=["arena-rny002"])
    is_default: bool
    is_bundled: bool
    size_bytes: int
    labels: list[str] = Field(examples=[["PASS", "DRIVE", "SHOT"]])
    thresholds: dict[str, float] = Field(description="Lowest score of an event.")
    input: dict[str, Any] = Field(description="Size of the picture and steps a second.")
    architecture: dict[str, Any]
    provenance: dict[str, Any] = Field(description="Trained on what, and how well.")
    problem: str | None = Field(description="Why it cannot be used; null: it can.")

    @classmethod
    def of(cls, entry: CatalogueEntry) -> "Model":
        """Read a manifest; what it lacks is left empty."""
        manifest = entry.manifest
        options = manifest.get("spotting", {}).get("labels", {})
        return cls(
            name=entry.name,
            is_default=entry.is_default,
            is_bundled=entry.is_bundled,
            size_bytes=entry.size_bytes,
            labels=list(entry.labels),
            thresholds={label: one["threshold"] for label, one in options.items()},
            input=manifest.get("input", {}),
            architecture=manifest.get("config", {}),
            provenance=manifest.get("provenance", {}),
            problem=entry.problem or None,
        )


class ModelPage(Page[Model]):
    """Every installed model, by name."""


class Alive(BaseModel):
    """The process answers."""

    status: Literal["alive"] = "alive"


class Readiness(BaseModel):
    """Every part the service needs answers."""

    status: Literal["ready"] = "ready"
    checks: dict[str, str] = Field(
        examples=[
            {
                "database": "ok",
                "broker": "ok",
                "storage": "ok",
                "gpu": "ok",
                "light": "ok",
            }
        ]
    )


class ProblemKind(BaseModel):
    """What a kind of problem means."""

    type: str
    title: str
    status: int
    meaning: str


class Problem(BaseModel):
    """What went wrong, RFC 9457; some kinds add members of their own."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(
        description="One stable name a case; GET it to read what it means.",
        examples=["/problems/video-too-large"],
    )
    title: str
    status: int
    detail: str
    instance: str


class WebhookData(BaseModel):
    """What a webhook tells of a finished job."""

    video_id: UUID = Field(examples=[VIDEO_ID])
    job_id: UUID = Field(examples=[JOB_ID])
    status: Literal["succeeded", "failed", "canceled"]
    events: Counts = Field(description="Events by type.")
    links: dict[str, str]
    error: JobError | None = Field(default=None, description="Only of a failed job.")


class WebhookMessage(BaseModel):
    """The body of a webhook, signed as Standard Webhooks 1.0 has it."""

    type: Literal["video.completed", "video.failed", "video.canceled"]
    timestamp: datetime
    data: WebhookData


_SAME_IN_JOB = (
    *("id", "video_id", "status", "progress", "eta_s", "attempt", "model"),
    *("checkpoint", "warnings", "created_at", "started_at", "finished_at"),
)
_SAME_IN_VIDEO = (
    *("id", "title", "filename", "size_bytes", "sha256", "duration_s", "width"),
    *("height", "fps", "codec", "container", "callback_url", "current_job_id"),
    "created_at",
)
