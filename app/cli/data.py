"""`touchline data`: check, split and prepare labelled matches."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from app.cli.output import Force, output_file
from app.cli.splits import split_for

if TYPE_CHECKING:
    from model.data.checks import Review
    from model.data.frame_store import PreparedFacts

data = typer.Typer(
    help="Check, split and prepare labelled matches.", no_args_is_help=True
)

WIDEST = 1000

Folder = Annotated[Path, typer.Argument(help="Folder of videos and labels.")]


@data.command()
def check(
    folder: Folder,
    against: Annotated[
        Path | None, typer.Option(help="Another split, which must share no match.")
    ] = None,
    split: Annotated[
        Path | None, typer.Option(help="A split of this folder, to be checked too.")
    ] = None,
    labels: Annotated[
        str | None, typer.Option(help="The labels there may be, comma between.")
    ] = None,
) -> None:
    """Check a data set: a table, and what would spoil training."""
    from model.data.checks import review
    from model.data.finding import Finding
    from model.data.matches import find_matches, unlabelled_videos
    from model.data.set_checks import leaks, missing_labels
    from model.data.splits import read_split
    from model.video.probe import probe_in_child

    matches = find_matches(folder)
    known = None if labels is None else [name.strip() for name in labels.split(",")]
    result = review(matches, probe=probe_in_child, known_labels=known)
    _print_review(result)
    findings = list(result.findings)
    for video in unlabelled_videos(folder, matches):
        text = "has no labels and is left out."
        name = str(video.relative_to(folder))
        findings.append(Finding(name, "no_labels", text, is_fatal=False))
    if split is not None:
        parts = {p: read_split(split).take(matches, p) for p in ("train", "val")}
        findings += missing_labels(parts["train"], parts["val"])
    if against is not None:
        others = find_matches(against)
        findings += leaks(matches, others, parts=(folder.name, against.name))
        findings += missing_labels(matches, others)
    for finding in findings:
        mark = "error" if finding.is_fatal else "warning"
        typer.echo(f"{mark}: {finding.match}: {finding.text} [{finding.kind}]")
    if any(finding.is_fatal for finding in findings):
        raise typer.Exit(1)
    typer.echo("no errors found")


@data.command()
def split(
    folder: Folder,
    out: Annotated[Path, typer.Option(help="File to write.")] = Path("split.json"),
    seed: Annotated[int, typer.Option(help="Another seed, another split.")] = 0,
    extend: Annotated[
        bool,
        typer.Option(
            "--extend", help="Add new matches to the split; the others stay in place."
        ),
    ] = False,
    force: Force = False,
) -> None:
    """Split 70/15/15 by match, each part with its share of every label."""
    from model.data.labels import files_of, label_names
    from model.data.matches import find_matches
    from model.data.set_checks import same_twice
    from model.data.splits import PARTS, extend_split, read_split, split_matches
    from model.errors import BadAnnotations

    matches = find_matches(folder)
    if extend and not out.is_file():
        raise typer.BadParameter(f"--extend: there is no split {out} yet")
    if not extend and not force and out.is_file():
        raise typer.BadParameter(
            f"{out} exists already; use --force to replace it, which may move "
            "validation matches to training, or --extend, which adds new matches and "
            "moves none"
        )
    target = output_file(
        out,
        inputs=files_of(matches),
        force=force,
        updates=out if extend else None,
    )
    if duplicates := same_twice(matches):
        raise BadAnnotations(f"{duplicates[0].match} {duplicates[0].text}")
    if extend:
        made = extend_split(read_split(out), matches, seed=seed)
    else:
        made = split_matches(matches, seed=seed)
    target.write_text(made.to_json())
    names = label_names(matches)
    for part in PARTS:
        chosen = made.take(matches, part)
        events = [event.label for match in chosen for event in match.labels.events]
        counts = "  ".join(f"{name} {events.count(name)}" for name in names)
        typer.echo(f"{part:6s} {len(chosen):3d} matches  {counts}")
    typer.echo(f"written to {out}")


@data.command()
def rename(
    folder: Folder,
    names: Annotated[
        list[str],
        typer.Argument(metavar="OLD=NEW...", help="Labels; OLD= alone undoes it."),
    ],
) -> None:
    """Give labels of a data set other names; the label files stay as they are."""
    from model.data.labels import label_names
    from model.data.matches import find_matches
    from model.data.renaming import RENAME_FILE, read_renaming, renaming_text

    path = folder / RENAME_FILE
    renaming = read_renaming(folder)
    known = {*label_names(find_matches(folder)), *renaming}
    for pair in names:
        old, mark, new = (part.strip() for part in pair.partition("="))
        if not mark or old not in known:
            raise typer.BadParameter(
                f"{pair!r}: write it as OLD=NEW, with a label there is: "
                f"{', '.join(sorted(known))}"
            )
        renaming.pop(old, None)
        if new and new != old:
            renaming[old] = new
    output_file(path, updates=path).write_text(renaming_text(renaming))
    for old, new in sorted(renaming.items()):
        typer.echo(f"{old} is called {new}")
    typer.echo(f"written to {path}; checks, splits, training and measuring follow it")


@data.command()
def prepare(
    config: Annotated[Path, typer.Argument(help="The run whose frames are wanted.")],
    folder: Annotated[
        Path | None,
        typer.Option("--data", help="Folder of matches, instead of the config's."),
    ] = None,
    split: Annotated[
        Path | None,
        typer.Option(
            help="File of `touchline data split`, for --data; left out, split.json of "
            "that folder."
        ),
    ] = None,
    clips: Annotated[
        int, typer.Option(min=0, help="Read this many random clips to time them.")
    ] = 50,
) -> None:
    """Decode every match once, into the store that training reads.

    A run that was stopped is taken up where it was by running it again.
    """
    from model.training.config import read_config, with_data
    from model.training.prepare import prepare_all, time_clips

    settings = read_config(config, report=_note)
    split = split_for(folder, split)
    if folder is not None and split is not None:
        settings = with_data(settings, folder, split=split)
    facts = prepare_all(settings, report=_note)
    _print_totals(facts)
    if clips:
        typer.echo(f"{time_clips(settings, count=clips):.0f} clips/s read at random")


def _print_review(result: "Review") -> None:
    from rich.console import Console
    from rich.table import Table

    labels = sorted({label for row in result.rows for label in row.counts})
    table = Table()
    for name in ("match", "minutes", "fps", *labels, "events/min", "longest gap s"):
        side: Literal["left", "right"] = "left" if name == "match" else "right"
        table.add_column(name, justify=side, no_wrap=True)
    for row in result.rows:
        total = sum(row.counts.values())
        table.add_row(
            row.name,
            "?" if row.minutes is None else f"{row.minutes:.1f}",
            "?" if row.fps is None else f"{row.fps:g}",
            *(str(row.counts.get(label, 0)) for label in labels),
            f"{total / row.minutes:.1f}" if row.minutes else "?",
            f"{row.longest_gap_s:.0f}",
        )
    minutes = sum(row.minutes or 0.0 for row in result.rows)
    sums = [sum(row.counts.get(label, 0) for row in result.rows) for label in labels]
    rate = f"{sum(sums) / minutes:.1f}" if minutes else "?"
    count = f"{len(result.rows)} matches"
    table.add_row(count, f"{minutes:.1f}", "", *map(str, sums), rate, "", style="bold")
    # A name or number cut short is worth nothing: the table may be wider than the
    # terminal, or than the 80 columns that a pipe is taken for.
    console = Console()
    room = console.options.update(max_width=WIDEST)
    width = max(console.width, console.measure(table, options=room).maximum)
    Console(width=width).print(table)


def _print_totals(facts: "Sequence[PreparedFacts]") -> None:
    bytes_, minutes = sum(f.size_bytes for f in facts), sum(f.minutes for f in facts)
    typer.echo(
        f"{len(facts)} matches, {minutes:.1f} minutes, {bytes_ / 2**20:.0f} MiB, "
        f"{bytes_ / 2**20 / max(minutes, 1e-9):.1f} MiB a minute"
    )


def _note(line: str) -> None:
    typer.echo(line, err=True)
