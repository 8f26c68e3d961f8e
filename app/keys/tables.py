"""The rows of API keys, and of browsers that signed in with one."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db.base import Base, Signed
from app.projects.tables import Project


class ApiKey(Signed, Base):
    """A key that was handed out; the key itself is shown once and not kept."""

    __tablename__ = "api_keys"
    __table_args__ = (Index(None, "project_id"),)

    id: Mapped[str] = mapped_column(primary_key=True)  # the middle part of the key
    name: Mapped[str]
    key_sha256: Mapped[str]  # of the whole key, in hexadecimal
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    project_id: Mapped[UUID] = mapped_column(ForeignKey(Project.id))
    rate_per_minute: Mapped[int | None]  # null: no limit
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]  # to the minute

    @classmethod
    def in_project(cls, project_id: UUID) -> ColumnElement[bool]:
        return cls.project_id == project_id


class BrowserSession(Base):
    """A browser that signed in; its cookie holds a token that is not kept."""

    __tablename__ = "browser_sessions"
    is_shared = True  # looked up before it is known who asks; no route lists them

    token_sha256: Mapped[str] = mapped_column(primary_key=True)
    csrf_token: Mapped[str]
    key_id: Mapped[str | None] = mapped_column(
        ForeignKey(ApiKey.id, ondelete="CASCADE")
    )  # null: TOUCHLINE_API_KEY, which is known by its digest
    key_sha256: Mapped[str]  # of the key it was opened with: another one ends it
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
