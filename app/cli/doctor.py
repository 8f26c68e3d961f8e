"""`touchline doctor`: what is wrong with this service, and what to do about it."""

from pathlib import Path
from typing import Annotated, Any

import typer


def doctor(
    data_dir: Annotated[
        Path | None, typer.Option(help="Folder of videos, database and keys.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """Examine every part of the service; exit code 1 if something is broken.

    A line each: ok, warning or problem, with the remedy. Nothing is changed.
    """
    from app.core.settings import Settings
    from app.doctor.examine import examine
    from app.doctor.findings import State, to_json, to_line, worst_of

    chosen: dict[str, Any] = {} if data_dir is None else {"data_dir": data_dir}
    findings = []
    for finding in examine(Settings(**chosen)):
        findings.append(finding)
        if not as_json:
            typer.echo(to_line(finding))
    if as_json:
        typer.echo(to_json(findings))
    if worst_of(findings) is State.PROBLEM:
        raise typer.Exit(1)
