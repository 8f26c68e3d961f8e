"""`touchline api` and `touchline migrate`: the two server parts compose runs alone."""

import typer

from app.core.settings import Settings


def api() -> None:
    """Serve the HTTP API alone; database and workers run elsewhere."""
    from app.supervisor.api_server import run_alone

    settings = Settings()
    settings.require_key_if_exposed()
    run_alone(settings)


def migrate() -> None:
    """Bring the database named by TOUCHLINE_DATABASE_URL to the newest schema."""
    from app.core.db.migrate import upgrade
    from app.core.errors import StartFailed

    settings = Settings()
    if settings.database_url is None:
        raise StartFailed(
            "TOUCHLINE_DATABASE_URL is not set: name the database to migrate "
            "(the embedded one is migrated by `touchline serve`)"
        )
    typer.echo("migrating ...", err=True)
    upgrade(settings.database_url)
