"""Which analysis of a video is shown."""

from uuid import UUID

from sqlalchemy.orm import Session

from app.core.http.public_prefix import public_path
from app.jobs.tables import Job, JobStatus
from app.timelines.problems import NoTimeline
from app.timelines.tables import Analysis
from app.videos.queries import video_with_jobs
from app.videos.service import video_not_found
from app.videos.tables import Video


def shown_analysis(session: Session, video_id: UUID) -> tuple[Video, Analysis]:
    """Find a video and the analysis that it shows.

    Raises:
        VideoNotFound: no video has that id.
        NoTimeline: no job has come to its end yet.
    """
    found = session.execute(video_with_jobs(video_id)).one_or_none()
    if found is None:
        raise video_not_found(video_id)
    video, latest, shown = found
    if shown is None:
        raise no_timeline(latest)
    return video, shown


def no_timeline(job: Job) -> NoTimeline:
    """Say why a video has no timeline: what has become of its latest job."""
    words = {
        JobStatus.QUEUED: "its job waits for a worker; try again later",
        JobStatus.RUNNING: f"its job is at {job.progress:.0%}; try again later",
        JobStatus.FAILED: f"its job failed: {job.error_detail}",
        JobStatus.CANCELED: "its job was canceled; start another one",
        JobStatus.SUCCEEDED: "its job ended without one; start another one",
    }
    return NoTimeline(
        f"The video has no timeline yet: {words[JobStatus(job.status)]}.",
        status_of_job=job.status,
        job=public_path(f"/jobs/{job.id}"),
    )
