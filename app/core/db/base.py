"""The declarative base: naming convention, types and the clock of the rows."""

from datetime import UTC, datetime
from typing import ClassVar
from uuid import UUID

import uuid_utils
from sqlalchemy import ColumnElement, DateTime, MetaData, false
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Root of every row; datetimes are UTC, dictionaries are JSONB."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)
    type_annotation_map: ClassVar = {
        datetime: DateTime(timezone=True),
        dict[str, object]: JSONB,
        dict[str, int]: JSONB,
        dict[str, float]: JSONB,
        dict[str, str]: JSONB,
    }

    is_shared: ClassVar[bool] = False  # all projects see its rows

    @classmethod
    def in_project(
        cls,
        project_id: UUID,  # noqa: ARG003  # for those that override this
    ) -> ColumnElement[bool]:
        """Tell which rows a project's principals see: none, unless a table says so."""
        return false()


class Signed:
    """A row that says who made it, as `str` of a principal."""

    created_by: Mapped[str] = mapped_column(server_default="local")


def new_id() -> UUID:
    """Make a uuid7: unique, and ordered by time of making."""
    return UUID(bytes=uuid_utils.uuid7().bytes)


def utc_now() -> datetime:
    """Read the clock; only entries call this and pass the moment on."""
    return datetime.now(UTC)
