"""Bring a database to the newest migration; the arrow to `migrations` is a path only."""

from importlib.util import find_spec
from pathlib import Path

from alembic import command
from alembic.config import Config

from app.core.errors import StartFailed


def upgrade(database_url: str, revision: str = "head") -> None:
    """Run the migrations up to a revision.

    Raises:
        StartFailed: the package `migrations` is not beside this one.
    """
    command.upgrade(alembic_config(database_url), revision)


def alembic_config(database_url: str) -> Config:
    """Tell Alembic where the migrations lie and which database they are for."""
    package = find_spec("migrations")
    if package is None or package.origin is None:
        raise StartFailed("package 'migrations' is missing: install touchline again")
    config = Config()
    config.set_main_option("script_location", str(Path(package.origin).parent))
    config.set_main_option("sqlalchemy.url", database_url.replace("%", "%%"))
    return config
