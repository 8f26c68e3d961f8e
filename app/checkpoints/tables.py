"""The rows of who chose which default when."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import ForeignKey, false
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db.base import Base, Signed, new_id
from app.projects.tables import Project


class ModelChoice(Signed, Base):
    """A person made a model the default; the file in the data directory says which."""

    __tablename__ = "model_choices"
    is_shared: ClassVar[bool] = True  # as the models are

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    project_id: Mapped[UUID] = mapped_column(ForeignKey(Project.id))  # the person's
    name: Mapped[str]
    sha256: Mapped[str | None]  # of its weights, in case a file takes the name later
    before: Mapped[str | None]  # the default until then; null: there was none
    is_rollback: Mapped[bool] = mapped_column(default=False, server_default=false())
    created_at: Mapped[datetime]
