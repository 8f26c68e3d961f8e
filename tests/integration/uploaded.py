"""Videos as the API leaves them: bytes in storage, rows in the database."""

from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from sqlalchemy import select

from app.core.db.base import new_id, utc_now
from app.core.db.session import Sessions
from app.core.storage.interface import Storage
from app.core.storage.keys import source_key
from app.jobs.tables import Job
from app.timelines.queries import analysis_of
from app.timelines.tables import Analysis, Event
from app.videos.tables import Video
from app.webhooks.tables import Delivery


@dataclass(frozen=True)
class Uploaded:
    """A video and its first job."""

    video_id: UUID
    job_id: UUID
    sessions: Sessions

    def video(self) -> Video:
        with self.sessions() as session:
            return session.get_one(Video, self.video_id)

    def job(self) -> Job:
        with self.sessions() as session:
            return session.get_one(Job, self.job_id)

    def analysis(self) -> Analysis:
        """What the job found; there must be something."""
        with self.sessions() as session:
            return session.scalars(analysis_of(self.job_id)).one()

    def is_shown(self) -> bool:
        """Whether the video shows what this job found."""
        with self.sessions() as session:
            found = session.scalars(analysis_of(self.job_id)).one_or_none()
        return found is not None and self.video().current_analysis_id == found.id

    def events(self) -> list[Event]:
        with self.sessions() as session:
            query = select(Event).where(Event.video_id == self.video_id)
            return list(session.scalars(query.order_by(Event.seq)))

    def deliveries(self) -> list[Delivery]:
        with self.sessions() as session:
            query = select(Delivery).where(Delivery.video_id == self.video_id)
            return list(session.scalars(query))

    def set(self, **values: object) -> None:
        """Change the job's row behind everybody's back."""
        with self.sessions.begin() as session:
            job = session.get_one(Job, self.job_id)
            for name, value in values.items():
                setattr(job, name, value)


def upload(
    path: Path,
    *,
    sessions: Sessions,
    storage: Storage,
    callback_url: str | None = None,
    model: str | None = None,
) -> Uploaded:
    """Put a file in its place and queue a job, without notifying a worker."""
    video_id, job_id = new_id(), new_id()
    stored = storage.put(source_key(video_id), path.read_bytes())
    video = Video(
        id=video_id,
        storage_key=stored.key,
        size_bytes=stored.size_bytes,
        sha256=stored.sha256,
        callback_url=callback_url,
        created_at=utc_now(),
    )
    job = Job(
        id=job_id, video_id=video_id, params={"model": model}, created_at=utc_now()
    )
    with sessions.begin() as session:
        session.add(video)
        session.flush()
        session.add(job)
    return Uploaded(video_id, job_id, sessions)
