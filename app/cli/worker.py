"""`touchline worker`: one worker, for servers of its own."""

import os
from typing import Annotated

import typer

from app.core.workers import WORKERS, worker_command

KINDS = ", ".join(WORKERS)


def worker(
    kind: Annotated[str, typer.Argument(help=f"What it does: {KINDS}.")],
    name: Annotated[
        str | None,
        typer.Option(help="Its node name; %h is this machine. Default: KIND@%h"),
    ] = None,
) -> None:
    """Run one worker until a signal ends it.

    Everything else is set by TOUCHLINE_* in the environment; see the README.
    """
    spec = WORKERS.get(kind)
    if spec is None:
        raise typer.BadParameter(f"there is no worker {kind!r}; choose from {KINDS}")
    if spec.missing:
        raise ModuleNotFoundError(name=spec.missing[0])
    command = worker_command(spec, node=name or f"{kind}@%h")
    os.execv(command[0], command)  # noqa: S606  # our own words
