"""`touchline trainings`: train models on what was reviewed, and see how it goes."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

if TYPE_CHECKING:
    from app.core.resources import Resources
    from app.trainings.request_schemas import NewTraining

trainings = typer.Typer(
    help="Train models on what was reviewed, as the service does it.",
    no_args_is_help=True,
)

SHOWN_LINES = 10
SHOWN = 50
Project = Annotated[str, typer.Option(help="Whose.")]
TrainingId = Annotated[UUID, typer.Argument(help="As `list` shows it.")]


@trainings.command()
def readiness(project: Project = "default") -> None:
    """Tell what is reviewed, and what is missing for a training."""
    from app.trainings.requests import read_readiness

    with _resources(project) as resources:
        found = read_readiness(resources, videos=None, types=None)
    data = found.data
    typer.echo(f"{data.minutes:.1f} minutes of {len(data.videos)} videos are reviewed.")
    for label, count in found.counts.items():
        typer.echo(f"{label}\t{count.events} events\t{count.rejected} rejected")
    for one in found.problems:
        typer.echo(f"{'error' if one.is_blocking else 'note'}: {one.detail}", err=True)


@trainings.command()
def start(
    name: Annotated[str, typer.Argument(help="Of the model; versions are added.")],
    base: Annotated[
        str | None, typer.Option(help="Model to start from; `none`: without one.")
    ] = None,
    start: Annotated[
        str | None, typer.Option(help="What is kept: base, trunk, imagenet, noise.")
    ] = None,
    types: Annotated[
        list[str] | None,
        typer.Option("--type", help="To find; may be given several times."),
    ] = None,
    mapping: Annotated[
        list[str] | None,
        typer.Option("--map", help="FROM=TO merges a type, FROM= drops it."),
    ] = None,
    videos: Annotated[
        list[str] | None,
        typer.Option(
            "--video", help="Id; may be given several times. All, unless said."
        ),
    ] = None,
    hold_out: Annotated[
        list[str] | None,
        typer.Option(help="Id of a video to judge by; may be given several times."),
    ] = None,
    hold_out_share: Annotated[
        float | None, typer.Option(help="Of what is reviewed, to judge by.")
    ] = None,
    minutes: Annotated[float, typer.Option(help="How long it may train.")] = 45,
    seed: Annotated[int, typer.Option(help="Of every chance.")] = 0,
    project: Project = "default",
) -> None:
    """Queue a training, and print its id."""
    raw: dict[str, Any] = {"name": name, "minutes": minutes, "seed": seed}
    if base is not None:
        raw["base"] = None if base == "none" else base
    told: dict[str, Any] = {"start": start, "types": types, "videos": videos}
    if hold_out or hold_out_share is not None:
        told["holdout"] = {"videos": hold_out or None, "share": hold_out_share}
    raw |= {key: value for key, value in told.items() if value}
    wanted = _read({**raw, "mapping": _mapping(mapping or [])})
    training_id, warnings = _ask(wanted, project)
    for one in warnings:
        typer.echo(f"note: {one}", err=True)
    typer.echo(str(training_id))


def _ask(wanted: "NewTraining", project: str) -> tuple[UUID, list[str]]:
    """Queue a training; gives its id, and what is to be told of the data."""
    from app.jobs.kinds import KINDS, JobKind
    from app.trainings.requests import TrainingRequest, ask_for_training

    asked = TrainingRequest(
        *(wanted.name, wanted.base, wanted.is_without_base, wanted.options)
    )
    with _resources(project) as resources:
        with resources.sessions.begin() as session:
            training, job = ask_for_training(session, asked, resources)
            warnings = [one["detail"] for one in training.warnings]
            training_id, job_id = training.id, job.id
        resources.notifier.notify_job(job_id, queue=KINDS[JobKind.TRAIN].queue)
    return training_id, warnings


@trainings.command(name="list")
def list_trainings(project: Project = "default") -> None:
    """List the newest trainings."""
    from app.trainings.queries import trainings_page

    with _resources(project) as resources, resources.sessions() as session:
        found = session.execute(trainings_page(before=None, limit=SHOWN)).all()
    typer.echo("\t".join(("id", "name", "model", "status", "stage", "done", "asked")))
    for training, job in found[:SHOWN]:
        done = f"{job.progress:.0%}"
        told = (job.status, job.stage or "-", done, f"{training.created_at:%F %H:%M}")
        name, model = training.name, training.model or "-"
        typer.echo("\t".join((str(training.id), name, model, *told)))


@trainings.command()
def show(training_id: TrainingId, project: Project = "default") -> None:
    """Tell how a training goes, with the end of its log."""
    from app.trainings.queries import last_lines
    from app.trainings.service import find_training

    with _resources(project) as resources, resources.sessions() as session:
        training, job = find_training(session, training_id)
        lines = session.scalars(last_lines(training_id, limit=SHOWN_LINES)).all()
    stage = f", {job.stage}" if job.stage else ""
    typer.echo(
        f"{training.name} from {training.base or 'nothing'}: {job.status}{stage}"
    )
    typer.echo(f"{job.progress:.0%} done" + _to_go(job.eta_s))
    if training.model is not None:
        typer.echo(f"made {training.model}")
    if job.error_detail is not None:
        typer.echo(f"error: {job.error_detail}")
    for line in reversed(lines):
        typer.echo(f"{line.at:%F %T}  {line.text}")


@trainings.command()
def cancel(training_id: TrainingId, project: Project = "default") -> None:
    """Cancel a training: one that waits at once, one that runs within seconds."""
    from app.trainings.service import cancel_training

    with _resources(project) as resources:
        with resources.sessions.begin() as session:
            _, job, delivery_id = cancel_training(
                session, training_id, settings=resources.settings
            )
            status = job.status
        if delivery_id is not None:
            resources.notifier.notify_delivery(delivery_id)
    is_over = status == "canceled"
    typer.echo("canceled" if is_over else "it is asked to stop", err=True)


def _to_go(eta_s: float | None) -> str:
    return "" if eta_s is None else f", {eta_s / 60:.0f} min to go"


def _mapping(pairs: list[str]) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for pair in pairs:
        source, sign, target = pair.partition("=")
        if not sign or not source:
            raise typer.BadParameter(
                f"--map {pair!r}: write FROM=TO, or FROM= to drop it"
            )
        found[source] = target or None
    return found


def _read(raw: Mapping[str, Any]) -> "NewTraining":
    """Read what was asked for.

    Raises:
        StartFailed: it does not hold what it must.
    """
    from pydantic import ValidationError

    from app.core.errors import StartFailed
    from app.trainings.request_schemas import NewTraining

    try:
        return NewTraining.model_validate(raw)
    except ValidationError as exc:
        first = exc.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise StartFailed(f"{where or 'training'}: {first['msg']}") from exc


@contextmanager
def _resources(project: str) -> "Iterator[Resources]":
    """Open the service's database and storage, with the rows of a project."""
    from dataclasses import replace

    from app.core.db.project_sessions import sessions_of
    from app.core.logging import configure_logging
    from app.core.principal import Principal
    from app.core.resources import open_resources
    from app.core.settings import Settings
    from app.projects.service import find_project

    settings = Settings()
    configure_logging(settings.log_format, level=logging.WARNING)
    resources = open_resources(settings, pool_size=2)
    try:
        with resources.sessions() as session:
            principal = Principal("local", "", find_project(session, project).id)
        seen = sessions_of(resources.sessions, principal)
        yield replace(resources, sessions=seen)
    finally:
        resources.engine.dispose()
