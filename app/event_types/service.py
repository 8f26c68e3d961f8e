"""A project's types of events, read and replaced in transactions given to it."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import astuple, dataclass

from sqlalchemy import delete
from sqlalchemy.orm import Session

from app.core.db.project_sessions import project_of
from app.core.http.preconditions import is_seen
from app.event_types.problems import TypesChanged
from app.event_types.queries import event_types, lock_types
from app.event_types.tables import EventType


@dataclass(frozen=True, slots=True)
class TypeFacts:
    """What people say of a type: its name, its key on the keyboard, its colour."""

    name: str
    key: str | None = None
    colour: str | None = None


def list_types(session: Session) -> list[TypeFacts]:
    """List the types in their order; none if nobody has named any."""
    rows = session.scalars(event_types())
    return [TypeFacts(row.name, row.key, row.colour) for row in rows]


def version_of(types: Sequence[TypeFacts]) -> str:
    """Name a list of types; the same list has the same version."""
    written = json.dumps([astuple(one) for one in types]).encode()
    return hashlib.sha256(written).hexdigest()[:16]


def replace_types(
    session: Session, types: Sequence[TypeFacts], *, if_match: str | None = None
) -> None:
    """Put these in the place of all types; events of types that go stay as they are.

    Args:
        if_match: the header of that name; None: whatever there is may be replaced.

    Raises:
        TypesChanged: somebody else has changed them meanwhile.
    """
    project_id = project_of(session)
    session.execute(lock_types(project_id))
    if not is_seen(if_match, version=version_of(list_types(session))):
        raise TypesChanged(
            "The types were changed meanwhile; nothing was saved. Load them anew and "
            "repeat the change."
        )
    session.execute(delete(EventType).where(EventType.project_id == project_id))
    session.add_all(
        EventType(
            project_id=project_id,
            position=position,
            name=one.name,
            key=one.key,
            colour=one.colour,
        )
        for position, one in enumerate(types)
    )
