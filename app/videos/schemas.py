"""What is sent of a video."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field

from app.core.http.schemas import Page
from app.jobs.schemas import VIDEO_ID, Counts, Job, JobError, Status
from app.jobs.tables import Job as JobRow
from app.timelines.tables import Analysis
from app.videos.tables import Video as VideoRow


class VideoLinks(BaseModel):
    """Addresses that belong to a video."""

    self: str
    events: str
    scores: str
    timeline: str
    file: str
    poster: str
    thumbnails: str
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
    has_poster: bool = Field(
        description="Whether `links.poster` and `links.thumbnails` have been made."
    )
    callback_url: str | None
    current_job_id: UUID | None = Field(
        description="The job whose timeline /events and /timeline show."
    )
    current_analysis_id: UUID | None = Field(
        description="What that job found; null: nothing is shown yet."
    )
    created_by: str = Field(
        description="`local`, or `key:` and the key's name.", examples=["key:default"]
    )
    created_at: datetime
    job: Job = Field(description="The latest job.")
    links: VideoLinks

    @classmethod
    def of(cls, video: VideoRow, latest: JobRow, shown: Analysis | None) -> "Video":
        """Read the rows of a video, its latest job and the analysis that is shown."""
        job = Job.of(latest)
        own = f"/videos/{video.id}"
        return cls.model_validate(
            {
                **{name: getattr(video, name) for name in _SAME_IN_VIDEO},
                "has_poster": video.thumbnails is not None,
                "status": job.status,
                "stage": job.stage,
                "progress": job.progress,
                "error": job.error,
                "counts": shown.event_counts if shown else None,
                "current_job_id": shown.job_id if shown else None,
                "job": job,
                "links": {
                    "self": own,
                    "events": f"{own}/events",
                    "scores": f"{own}/scores",
                    "timeline": f"{own}/timeline",
                    "file": f"{own}/file",
                    "poster": f"{own}/poster",
                    "thumbnails": f"{own}/thumbnails.vtt",
                    "job": f"/jobs/{job.id}",
                    "jobs": f"{own}/jobs",
                    "deliveries": f"{own}/deliveries",
                },
            }
        )


class VideoPage(Page[Video]):
    """Videos, the newest first."""


_SAME_IN_VIDEO = (
    *("id", "title", "filename", "size_bytes", "sha256", "duration_s", "width"),
    *("height", "fps", "codec", "container", "callback_url"),
    *("current_analysis_id", "created_by", "created_at"),
)
