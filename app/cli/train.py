"""`touchline train` and `average`: from a config, or from several rounds, to a file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.models import find_model
from app.cli.output import Force, output_file
from app.cli.splits import split_for

if TYPE_CHECKING:
    from model.training.config import TrainConfig


def train(
    config: Annotated[Path, typer.Argument(help="The run, a YAML file.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder of the run; else runs/NAME.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where the run was stopped.")
    ] = False,
    resume_or_start: Annotated[
        bool,
        typer.Option(
            "--resume-or-start",
            help="Go on if an earlier attempt left something, else begin: for machines "
            "that may be taken away.",
        ),
    ] = False,
    start_from: Annotated[
        Path | None,
        typer.Option("--from", help="Begin with the weights of this checkpoint."),
    ] = None,
    distill_from: Annotated[
        str | None,
        typer.Option(
            help="Learn the scores of this checkpoint, too (a name or a path); without "
            "--from, begin with its weights."
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Folder of labelled matches, instead of the config's."),
    ] = None,
    split: Annotated[
        Path | None,
        typer.Option(
            help="File of `touchline data split`, for --data; left out, split.json of "
            "that folder."
        ),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(min=1, help="Optimiser steps, instead of the config's."),
    ] = None,
    folds: Annotated[
        int | None,
        typer.Option(
            min=2,
            help="Train so many times, each time without a part of the training "
            "matches, and measure out of fold.",
        ),
    ] = None,
    devices: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Processes of this machine that share the work, instead of the "
            "config's; under torchrun it decides.",
        ),
    ] = None,
    checkpoints_to: Annotated[
        str | None,
        typer.Option(
            help="Copy checkpoints there: s3://BUCKET/PREFIX, gs://... or az://... ; "
            "a resume fetches them."
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Begin anew over an earlier run.")
    ] = False,
) -> None:
    """Train a network; the best checkpoint by validation is kept."""
    from model.training.config import with_run
    from model.training.train import is_first_process
    from model.training.train import train as run

    settings = _read_config(config, data=data, split=split, steps=steps)
    settings = with_run(settings, devices=devices, checkpoints_to=checkpoints_to)
    teacher = None if distill_from is None else find_model(distill_from)
    if folds is not None:
        if teacher is not None:
            raise typer.BadParameter("--folds cannot be used with --distill-from")
        folder = out or Path("runs") / f"{settings.name}-folds"
        resume = resume or (resume_or_start and any(folder.glob("fold_*")))
        _train_folds(settings, folder, folds, resume, start_from, force)
        return
    best = run(
        settings,
        out or Path("runs") / settings.name,
        report=_note,
        is_resumed=resume,
        may_resume=resume_or_start,
        start_from=start_from,
        distill_from=teacher,
        may_replace=force,
    )
    if is_first_process():
        from model.export.openvino import attach_engines

        typer.echo("making the CPU engine's form, checked against torch", err=True)
        attach_engines(best)
        typer.echo(str(best))


def _read_config(
    config: Path, *, data: Path | None, split: Path | None, steps: int | None
) -> "TrainConfig":
    """Read the run, with what the options name in place of its own."""
    from model.data.splits import read_split
    from model.training.config import read_config, with_data, with_steps

    settings = read_config(config, report=_note)
    split = split_for(data, split)
    if data is not None and split is not None:
        settings = with_data(settings, data, split=split)
        if note := read_split(split).note:
            _note(f"note: {note}")
    return settings if steps is None else with_steps(settings, steps)


def _train_folds(
    settings: "TrainConfig",
    folder: Path,
    folds: int,
    resume: bool,
    start_from: Path | None,
    force: bool,
) -> None:
    from model.training.folds import train_folds
    from model.training.train import is_first_process

    train_folds(
        settings,
        folder,
        folds,
        report=_note,
        is_resumed=resume,
        start_from=start_from,
        may_replace=force,
    )
    if is_first_process():
        typer.echo(str(folder / "scores.json"))


def average(
    checkpoints: Annotated[
        list[Path], typer.Argument(help="Rounds of one training, two or more.")
    ],
    out: Annotated[Path, typer.Option(help="Where to write the mean.")],
    share: Annotated[
        list[float] | None,
        typer.Option(help="Of each checkpoint, in order; else all alike."),
    ] = None,
    force: Force = False,
) -> None:
    """Average the weights of several checkpoints of one network."""
    shares = share or [1.0] * len(checkpoints)
    if len(shares) != len(checkpoints) or min(shares) <= 0:
        raise typer.BadParameter("give --share once for each checkpoint, each > 0")
    target = output_file(out, inputs=checkpoints, force=force)
    from model.export.openvino import attach_engines
    from model.training.average import average_checkpoints

    with target.staged() as beside:
        average_checkpoints(checkpoints, shares, out=beside)
        attach_engines(beside)
    typer.echo(str(out))


def _note(line: str) -> None:
    typer.echo(line, err=True)
