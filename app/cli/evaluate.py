"""`touchline evaluate` and `touchline calibrate`: how good, and which thresholds."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli.models import find_model

Data = Annotated[Path, typer.Argument(help="Folder of labelled matches.")]


def evaluate(
    checkpoints: Annotated[
        list[str],
        typer.Argument(help="Names or paths of checkpoints, best side by side."),
    ],
    data: Annotated[Path, typer.Option(help="Folder of labelled matches.")],
    tolerance: Annotated[
        float, typer.Option(min=0, help="Of precision, recall and F1, in +- seconds.")
    ] = 1.0,
    html: Annotated[
        Path | None, typer.Option(help="Write a report with plots.")
    ] = None,
    json_out: Annotated[
        Path | None, typer.Option("--json", help="Write all figures as JSON.")
    ] = None,
    engine: Annotated[str, typer.Option(help="What runs the network.")] = "auto",
    precision: Annotated[str, typer.Option(help="Of the network.")] = "auto",
    windows: Annotated[
        str, typer.Option(help="one-pass, or reference: clip by clip.")
    ] = "auto",
) -> None:
    """Measure checkpoints on labelled matches, through the path that serves."""
    import json

    from model.evaluation.evaluate import evaluate_checkpoint
    from model.evaluation.report import to_html, to_json, to_table
    from model.training.annotations import find_matches

    matches = find_matches(data)
    reports = [
        evaluate_checkpoint(
            find_model(name),
            matches,
            tolerance_s=tolerance,
            engine=engine,  # type: ignore[arg-type] # load_predictor refuses others
            precision=precision,  # type: ignore[arg-type] # likewise
            windows=windows,  # type: ignore[arg-type] # likewise
            say=lambda line: typer.echo(line, err=True),
        )
        for name in checkpoints
    ]
    typer.echo(to_table(reports))
    if json_out is not None:
        json_out.write_text(json.dumps(to_json(reports), indent=2) + "\n", "utf-8")
    if html is not None:
        html.write_text(to_html(reports), "utf-8")
        typer.echo(f"report: {html}", err=True)


def calibrate(
    checkpoint: Annotated[str, typer.Argument(help="Name or path of a checkpoint.")],
    data: Annotated[Path, typer.Option(help="Folder of validation matches.")],
    recall: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Reach this recall; else the best F1."),
    ] = None,
    tolerance: Annotated[
        float, typer.Option(min=0, help="What counts as a hit, in +- seconds.")
    ] = 1.0,
    out: Annotated[
        Path | None, typer.Option(help="Write here, not over the checkpoint.")
    ] = None,
) -> None:
    """Choose thresholds, NMS and temperature on validation data, and keep them."""
    from model.evaluation.calibrate import Goal, calibrate_checkpoint
    from model.training.annotations import find_matches

    path = find_model(checkpoint)
    chosen = calibrate_checkpoint(
        path,
        find_matches(data),
        Goal(tolerance_s=tolerance, recall=recall),
        out=out or path,
        say=lambda line: typer.echo(line, err=True),
    )
    typer.echo(f"nms {chosen.nms}, temperature {chosen.temperature:g}")
    for label, options in chosen.labels.items():
        typer.echo(
            f"{label}: threshold {options.threshold:.3f}, window {options.window_s:g} s"
        )
