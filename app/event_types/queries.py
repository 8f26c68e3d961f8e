"""Statements about types of events, built without a session.

A project's sessions see its own types alone.
"""

from uuid import UUID

from sqlalchemy import Select, select

from app.event_types.tables import EventType
from app.projects.tables import Project


def event_types() -> Select[EventType]:
    """List the types in their order."""
    return select(EventType).order_by(EventType.position)


def type_names() -> Select[str]:
    """List the names of the types in their order."""
    return select(EventType.name).order_by(EventType.position)


def lock_types(project_id: UUID) -> Select[UUID]:
    """Hold a project's types against other changes until the transaction ends."""
    return (
        select(Project.id)
        .where(Project.id == project_id)
        .with_for_update(key_share=True)
    )
