"""`touchline dataset`: what people reviewed becomes a data set for training."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from app.core.resources import Resources

dataset = typer.Typer(
    help="Data sets of what was reviewed, for training.", no_args_is_help=True
)


@dataset.callback()
def _group() -> None:
    """Keep `export` a verb of its own, though it is the only one."""


@dataset.command()
def export(
    out: Annotated[Path, typer.Argument(help="Folder to make.")],
    videos: Annotated[
        list[str] | None,
        typer.Option("--videos", help="Id of a video; may be given several times."),
    ] = None,
    reviewed: Annotated[
        bool,
        typer.Option(
            "--reviewed",
            help="All videos of which something is reviewed, as without --videos.",
        ),
    ] = False,
    project: Annotated[str, typer.Option(help="Whose videos.")] = "default",
    video_files: Annotated[
        Literal["copy", "link", "reference", "cut"],
        typer.Option(
            help="copy; link: hard links, no room taken; reference: links to the "
            "service's storage; cut: the reviewed stretches alone, encoded anew."
        ),
    ] = "copy",
    licence: Annotated[
        str | None, typer.Option(help="What it may be used for; stands in the card.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Another seed, another split.")] = 0,
    force: Annotated[
        bool, typer.Option("--force", help="Replace a data set that is there.")
    ] = False,
) -> None:
    """Write the reviewed stretches of many matches as a data set with a card.

    `touchline train CONFIG --data OUT` reads it. Run it again to go on where it was
    stopped.
    """
    if videos and reviewed:
        raise typer.BadParameter("--videos and --reviewed: name one of them")
    from importlib.metadata import version

    from app.core.db.base import utc_now
    from app.datasets.export import export_dataset
    from app.datasets.files import ExportOptions
    from app.projects.service import find_project

    with _resources() as resources:
        with resources.sessions() as session:
            project_id = find_project(session, project).id
        options = ExportOptions(
            project_id=project_id,
            videos=videos or (),
            mode=video_files,
            licence=licence,
            seed=seed,
            may_replace=force,
        )
        card = export_dataset(
            out,
            options,
            resources,
            now=utc_now(),
            touchline=version("touchline"),
            report=_note,
        )
    events = sum(card["counts"].values())
    _note(
        f"{len(card['matches'])} videos, {card['minutes_reviewed']:.1f} minutes, "
        f"{events} events; {len(card['left_out'])} left out"
    )
    typer.echo(str(out))


@contextmanager
def _resources() -> "Iterator[Resources]":
    """Open the service's database and storage."""
    from app.core.resources import open_resources
    from app.core.settings import Settings

    resources = open_resources(Settings(), pool_size=1)
    try:
        yield resources
    finally:
        resources.engine.dispose()


def _note(line: str) -> None:
    typer.echo(line, err=True)
