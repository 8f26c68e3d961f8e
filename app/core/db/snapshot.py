"""A session whose reads all see the same moment."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from app.core.resources import Stores


@contextmanager
def snapshot(resources: Stores) -> Iterator[Session]:
    """Open a session for reading: all its statements see the same moment.

    Without this a job could end between two of them.
    """
    with resources.sessions() as session:
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        yield session
