"""The row of an upload that may be resumed."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db.base import Base, Signed, new_id
from app.core.principal import DEFAULT_PROJECT_ID
from app.projects.tables import Project
from app.videos.tables import Video


class ResumableUpload(Signed, Base):
    """An upload that may be resumed: what its client said.

    How far it is, its object alone knows, or the bucket, which has its parts.
    """

    __tablename__ = "resumable_uploads"
    __table_args__ = (Index(None, "project_id"), Index(None, "video_id"))

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    project_id: Mapped[UUID] = mapped_column(
        ForeignKey(Project.id), server_default=text(f"'{DEFAULT_PROJECT_ID}'::uuid")
    )
    size_bytes: Mapped[int] = mapped_column(BigInteger)  # of the whole file
    client_metadata: Mapped[str]  # the header Upload-Metadata, to be sent back
    filename: Mapped[str | None]
    fields: Mapped[dict[str, str]]  # what POST /videos takes beside the file
    # Of the bucket's multipart upload, to which the client sends parts of that size
    # itself; null: all comes by tus.
    multipart_id: Mapped[str | None]
    part_bytes: Mapped[int | None] = mapped_column(BigInteger)
    # From here on bytes came whose checksum was not compared yet: they do not count.
    unchecked_from: Mapped[int | None] = mapped_column(BigInteger)
    asked_for_at: Mapped[datetime | None]  # when a request last waited for another
    video_id: Mapped[UUID | None] = mapped_column(
        ForeignKey(Video.id, ondelete="CASCADE")
    )  # what it became
    expires_at: Mapped[datetime]
    created_at: Mapped[datetime]

    @classmethod
    def in_project(cls, project_id: UUID) -> ColumnElement[bool]:
        return cls.project_id == project_id
