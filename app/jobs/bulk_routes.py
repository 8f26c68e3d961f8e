"""Analyse many videos again, with a model that is better."""

from collections.abc import Sequence
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.checkpoints.catalogue import check_model, file_name, find_manifest
from app.core.errors import UnknownModel
from app.core.http.dependencies import ResourcesDep
from app.core.http.problems import WITH_JSON, problem_responses
from app.core.http.routing import guarded_router
from app.core.resources import Resources
from app.jobs.bulk import AnalysisRequest, BulkResult, Why, all_videos, analyse_many
from app.jobs.kinds import HIGHEST_PRIORITY, KINDS, LOWEST_PRIORITY, JobKind

MAX_VIDEOS = 10_000
LOW_PRIORITY = -5

router = guarded_router("jobs")


class NewAnalyses(BaseModel):
    """Which videos are to be analysed, and with which model."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"model": "hall@2", "videos": "all"}]},
    )

    model: str = Field(min_length=1, max_length=200)
    videos: (
        Literal["all"]
        | Annotated[list[UUID], Field(min_length=1, max_length=MAX_VIDEOS)]
    ) = Field(description="Ids, or `all` of which there is a file.")
    priority: int = Field(
        default=LOW_PRIORITY,
        ge=LOWEST_PRIORITY,
        le=HIGHEST_PRIORITY,
        description="Higher ones run first, and 0 is usual: what is uploaded meanwhile "
        "comes before them.",
    )


class QueuedAnalysis(BaseModel):
    """An analysis that waits now."""

    video_id: UUID
    job_id: UUID


class SkippedVideo(BaseModel):
    """A video for which nothing was queued."""

    video_id: UUID
    why: Why
    detail: str


class Analyses(BaseModel):
    """What was queued, and what was not."""

    model: str = Field(description="With its version, if it has one.")
    jobs: list[QueuedAnalysis]
    skipped: list[SkippedVideo]

    @classmethod
    def of(cls, model: str, done: BulkResult) -> "Analyses":
        """Write what came of it."""
        return cls(
            model=model,
            jobs=[QueuedAnalysis(video_id=one, job_id=job) for one, job in done.jobs],
            skipped=[
                SkippedVideo(video_id=one, why=why, detail=detail)
                for one, why, detail in done.skipped
            ],
        )


@router.post(
    "/analyses",
    status_code=202,
    responses=problem_responses(UnknownModel, *WITH_JSON),
)
def create_analyses(resources: ResourcesDep, wanted: NewAnalyses) -> Analyses:
    """Analyse all videos or some with a model, behind what is uploaded meanwhile.

    What people decided stays: their corrections are laid over the new timeline, as over
    the old one. Sent again, this queues nothing twice, so it needs no Idempotency-Key.
    """
    settings = resources.settings
    check_model(wanted.model, settings)
    name = file_name(wanted.model, settings)
    manifest = find_manifest(name, settings)
    weights = manifest.files.get("weights.safetensors")
    done = analyse_many(
        _chosen(wanted, resources),
        AnalysisRequest(
            name,
            weights.sha256 if weights else None,
            manifest.spotting.to_dict(),
            wanted.priority,
        ),
        sessions=resources.sessions,
    )
    for _, job_id in done.jobs:
        resources.notifier.notify_job(job_id, queue=KINDS[JobKind.SPOT].queue)
    return Analyses.of(name, done)


def _chosen(wanted: NewAnalyses, resources: Resources) -> Sequence[UUID]:
    if wanted.videos != "all":
        return wanted.videos
    with resources.sessions() as session:
        return all_videos(session)
