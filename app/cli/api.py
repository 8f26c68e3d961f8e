"""`touchline api` and `touchline migrate`: the two server parts compose runs alone."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from app.core.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

NO_DATABASE = "postgresql://localhost/none"  # which nobody connects to


def api(
    collection: Annotated[
        Literal["postman"] | None,
        typer.Option(
            help="Serve nothing: write the API's requests for Postman, Bruno."
        ),
    ] = None,
) -> None:
    """Serve the HTTP API alone; database and workers run elsewhere."""
    if collection is not None:
        from app.cli.collection import postman_collection, to_text

        typer.echo(to_text(postman_collection(_document())), nl=False)
        return
    from app.supervisor.api_server import run_alone

    settings = Settings()
    settings.require_key_if_exposed()
    run_alone(settings)


def _document() -> "Mapping[str, Any]":
    """Read the OpenAPI document of an API that is not served."""
    from app.main import create_app

    settings = Settings.model_validate({"database_url": NO_DATABASE})
    return create_app(settings).openapi()


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
