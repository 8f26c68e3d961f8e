"""The row of a report: a match as one file, as it was when somebody asked."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db.base import Base, Signed, new_id
from app.jobs.tables import Job
from app.videos.tables import Video, of_a_video_in


class Report(Signed, Base):
    """A report that is asked for, and its file once that is made."""

    __tablename__ = "reports"
    __table_args__ = (Index(None, "video_id", "id"), Index(None, "job_id"))

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    video_id: Mapped[UUID] = mapped_column(ForeignKey(Video.id, ondelete="CASCADE"))
    job_id: Mapped[UUID] = mapped_column(ForeignKey(Job.id, ondelete="CASCADE"))
    options: Mapped[dict[str, object]]  # see ReportOptions
    content: Mapped[dict[str, object]]  # facts and events; see app.reports.stored
    file_key: Mapped[str | None]  # null until it is made
    size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime]

    @classmethod
    def in_project(cls, project_id: UUID) -> ColumnElement[bool]:
        return of_a_video_in(project_id, cls.video_id)
