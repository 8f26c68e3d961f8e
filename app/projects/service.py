"""Projects are made and found here."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.errors import StartFailed
from app.projects.tables import Project

MAX_NAME_CHARS = 100
MAX_HOURS = 1_000_000


def find_project(session: Session, name: str) -> Project:
    """Find a project by its name.

    Raises:
        StartFailed: there is none.
    """
    found = session.scalar(select(Project).where(Project.name == name))
    if found is None:
        raise StartFailed(
            f"no project is called {name!r}: see `touchline projects list`, or make it "
            "with `touchline projects create`"
        )
    return found


def add_project(session: Session, name: str, *, now: datetime) -> Project:
    """Make a project.

    Raises:
        StartFailed: the name is no name, or another project has it.
    """
    name = name.strip()
    if not 0 < len(name) <= MAX_NAME_CHARS:
        raise StartFailed(f"a project's name has 1 to {MAX_NAME_CHARS} characters")
    if session.scalar(select(Project).where(Project.name == name)) is not None:
        raise StartFailed(f"there is a project called {name!r} already")
    made = Project(name=name, created_at=now)
    session.add(made)
    session.flush()
    return made


def limit_project(
    project: Project, *, stored_bytes: int | None, queued_hours: float | None
) -> None:
    """Set a project's quotas; None: none. What is there already stays.

    Raises:
        StartFailed: one of them is no quota.
    """
    if stored_bytes is not None and not 0 <= stored_bytes < 2**63:
        raise StartFailed("a quota of storage is 0 bytes or more, such as 500GB")
    if queued_hours is not None and not 0 <= queued_hours <= MAX_HOURS:
        raise StartFailed(f"a quota of queued hours is a number from 0 to {MAX_HOURS}")
    project.max_stored_bytes, project.max_queued_hours = stored_bytes, queued_hours
