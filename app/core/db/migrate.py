"""Bring a database to a schema revision, without an ini file.

The scripts lie in the package `migrations` beside `app`; it is found by its place and
never imported from here, so that the arrow migrations -> app.core stays the only one.
"""

from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError

from app.core.db.session import database_url
from app.core.errors import DatabaseLost, StartFailed

# SQLSTATE: connection exceptions; shutdowns, crashes and starts of the server.
AWAY = ("08", "57P01", "57P02", "57P03")
SCRIPTS = Path(__file__).resolve().parents[3] / "migrations"


def upgrade(url: str, revision: str = "head") -> None:
    """Bring the database up to `revision`; does nothing if it is there already.

    Several processes may call this at once: one works, the others wait and find it
    done.

    Raises:
        DatabaseLost: the database does not answer, or stopped to.
        StartFailed: it does not let us change it, a lock could not be had in time, or
            it was made by a newer release.
    """
    try:
        command.upgrade(migration_config(url), revision)
    except DBAPIError as exc:
        words = f"the database cannot be migrated: {_reason(exc)}"
        if isinstance(exc.orig, psycopg.Error) and is_lost(exc.orig):
            raise DatabaseLost(words) from exc
        raise StartFailed(words) from exc
    except CommandError as exc:
        raise StartFailed(
            f"the database cannot be migrated: {exc}; "
            "it was made by a newer release of Touchline, run that one"
        ) from exc


def is_lost(error: psycopg.Error) -> bool:
    """Whether the server is away or shuts down; else it refused a statement."""
    if not isinstance(error, psycopg.OperationalError):
        return False
    return error.sqlstate is None or error.sqlstate.startswith(AWAY)


def downgrade(url: str, revision: str) -> None:
    """Take the database back to `revision`; `base` leaves no table."""
    command.downgrade(migration_config(url), revision)


def migration_config(url: str) -> Config:
    """Make Alembic's configuration for one database."""
    config = Config()
    # Options are joined by a separator of the platform unless one is named, and
    # Alembic warns; a path holds per cent signs only if they are doubled.
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["url"] = database_url(url)
    return config


def _reason(exc: DBAPIError) -> str:
    """Give the server's own sentence, else all the driver says, in one line."""
    cause = exc.orig
    said = cause.diag.message_primary if isinstance(cause, psycopg.Error) else None
    return said or " ".join(str(cause).split())
