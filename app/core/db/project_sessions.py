"""Sessions in which only one project's rows can be seen, changed, deleted or added.

Routes have no others, so that none can forget to ask whose a row is. Each table says
itself what is in a project, by `Base.in_project`; one that says nothing shows nothing.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, Select, event
from sqlalchemy.orm import (
    ORMExecuteState,
    Session,
    sessionmaker,
    with_loader_criteria,
)
from sqlalchemy.orm.util import LoaderCriteriaOption

from app.core.db.base import Base, Signed
from app.core.db.session import Sessions
from app.core.principal import DEFAULT_PROJECT_ID, Principal

PRINCIPAL = "principal"  # in the session's `info`


class ProjectSession(Session):
    """A session on behalf of a principal."""


def sessions_of(sessions: Sessions, principal: Principal) -> Sessions:
    """Make a factory of sessions for a principal, over the same connections."""
    return _make(sessions.kw["bind"], principal)


def project_of(session: Session) -> UUID:
    """Tell which project a session sees; the default one if it sees all."""
    principal: Principal | None = session.info.get(PRINCIPAL)
    return DEFAULT_PROJECT_ID if principal is None else principal.project_id


@lru_cache(maxsize=64)
def _make(engine: Engine, principal: Principal) -> Sessions:
    made: Sessions = sessionmaker(
        engine,
        class_=ProjectSession,
        expire_on_commit=False,
        info={PRINCIPAL: principal},
    )
    return made


@lru_cache(maxsize=64)
def _criteria(project_id: UUID) -> Mapping[type[Base], LoaderCriteriaOption]:
    """Make each table's condition once; their values are bound anew in each statement.

    A table under an alias is not asked: SQLAlchemy does not adapt such a condition to
    the ON of a join. What is aliased must be joined to what is seen.
    """
    tables = [mapper.class_ for mapper in Base.registry.mappers]
    return {
        table: with_loader_criteria(table, table.in_project(project_id))
        for table in tables
        if not table.is_shared
    }


@event.listens_for(ProjectSession, "do_orm_execute")
def _see_one_project(state: ORMExecuteState) -> None:
    """Add the conditions of the tables whose rows a statement gives or changes.

    Each condition costs time in every statement. One that gives something else as
    well, such as a count, gets the conditions of all tables.
    """
    if state.is_orm_statement and not state.is_column_load and not state.is_insert:
        criteria = _criteria(project_of(state.session))
        tables = _tables_of(state)
        wanted = criteria.keys() if tables is None else tables & criteria.keys()
        state.statement = state.statement.options(
            *(criteria[table] for table in criteria if table in wanted)
        )


def _tables_of(state: ORMExecuteState) -> set[type[Base]] | None:
    """List the tables whose rows a statement gives; None if it gives more than them."""
    if state.is_select and isinstance(state.statement, Select):
        given = state.statement.column_descriptions
        if any(column["entity"] is None for column in given):
            return None
    return {mapper.class_ for mapper in state.all_mappers} or None


@event.listens_for(ProjectSession, "before_flush")
def _sign(session: Session, _context: Any, _instances: Any) -> None:
    """Write into new rows who made them, and in which project."""
    for row in session.new:
        if isinstance(row, Signed):
            row.created_by = str(session.info[PRINCIPAL])
        if hasattr(type(row), "project_id"):
            row.project_id = project_of(session)
