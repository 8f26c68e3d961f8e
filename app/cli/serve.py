"""`touchline serve`: the whole service with one command."""

from pathlib import Path
from typing import Annotated, Any

import typer


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="Folder of videos, database and keys.")
    ] = None,
) -> None:
    """Serve on this machine: database, workers and API; Ctrl-C stops it all.

    Everything else is set by TOUCHLINE_* in the environment; see the README.
    """
    from app.core.collector import importing_modules

    with importing_modules():
        from app.core.settings import Settings
        from app.supervisor.serve import serve as serve_all

    named: dict[str, Any] = {"host": host, "port": port, "data_dir": data_dir}
    chosen = {name: value for name, value in named.items() if value is not None}
    serve_all(
        Settings(**chosen),
        report_line=lambda line: typer.echo(line, err=True),
        show=typer.echo,
    )
