"""Charts and tables of the results: means over seeds, with the least and the most."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from benchmarks.teaching.experiments import (
    CHANCE,
    DOUBT,
    RARE,
    Lab,
    Row,
    work_to,
    work_to_review,
)
from benchmarks.teaching.figures import Chart, Point

STARTS = {
    "base": "from the base",
    "trunk": "base's trunk alone",
    "imagenet": "from ImageNet",
    "noise": "from noise",
}
CHOICES = {CHANCE: "by chance", DOUBT: "most doubt", RARE: "rarest type"}
MINUTES = "minutes reviewed"
AP = "AP within 0.5 s"
TICKS = (2, 5, 10, 20, 40)
TARGETS = (0.5, 0.6, 0.65, 0.68, 0.7)  # F1


def write_report(lab: Lab, out: Path) -> None:
    """Write the charts, and print what they show as tables."""
    rows = [
        row
        for row in lab.results.rows()
        if row["recipe"] == lab.recipe or row["start"] in ("noise", "imagenet")
    ]
    curve = [one for one in rows if one["experiment"] == "arena"]
    by_chance = [one for one in curve if one["choice"] == CHANCE]
    _chart(
        out / "teaching-minutes.svg",
        "Types the base does not know",
        _by(by_chance, "start", STARTS),
        lambda row: float(row["mean_ap"]),
    )
    start = _start_of(row for row in curve if row["choice"] != CHANCE)
    _chart(
        out / "teaching-choice.svg",
        "What to review next",
        _by([row for row in curve if row["start"] == start], "choice", CHOICES),
        lambda row: float(row["mean_ap"]),
    )
    drawn = [one for one in rows if one["experiment"] == "sport"]
    _chart(
        out / "teaching-sport.svg",
        "A drawn sport of two types",
        _by(drawn, "start", STARTS),
        lambda row: float(row["mean_ap"]),
    )
    _tables(rows)
    if by_chance:
        _work(lab, out, by_chance)


def _chart(
    path: Path,
    title: str,
    groups: Mapping[str, Sequence[Row]],
    figure: Callable[[Row], float],
) -> None:
    lines = {name: _points(of, figure) for name, of in groups.items() if of}
    if lines:
        Chart(title, MINUTES, AP, TICKS).write(path, lines)


def _points(rows: Sequence[Row], figure: Callable[[Row], float]) -> list[Point]:
    minutes = sorted({row["minutes"] for row in rows})
    return [
        Point.of(each, [figure(row) for row in rows if row["minutes"] == each])
        for each in minutes
    ]


def _by(
    rows: Sequence[Row], name: str, titles: Mapping[str, str]
) -> dict[str, list[Row]]:
    return {
        title: [row for row in rows if row[name] == key]
        for key, title in titles.items()
    }


def _start_of(rows: Iterable[Row]) -> str:
    return next((str(row["start"]) for row in rows), "base")


def _tables(rows: Sequence[Row]) -> None:
    """Print a row for each point: mean AP and F1, AP of each type, over seeds."""
    kinds = ("experiment", "recipe", "start", "choice", "minutes")
    for key in sorted({tuple(row[kind] for kind in kinds) for row in rows}):
        same = [row for row in rows if tuple(row[kind] for kind in kinds) == key]
        types = {
            name: _cell([row["ap"][name] for row in same]) for name in same[0]["ap"]
        }
        print(
            "| "
            + " | ".join(str(value) for value in key)
            + f" | {len(same)} | {_cell([row['mean_ap'] for row in same])} | "
            + f"{_cell([row['mean_f1'] for row in same])} | "
            + ", ".join(f"{name} {value}" for name, value in types.items())
            + " |"
        )


def _cell(values: Sequence[float]) -> str:
    mean = sum(values) / len(values)
    if len(values) == 1:
        return f"{mean:.3f}"
    return f"{mean:.3f} ({min(values):.3f}-{max(values):.3f})"


def _work(lab: Lab, out: Path, rows: Sequence[Row]) -> None:
    """Chart F1 by the minutes of work, and print them."""
    start = max(STARTS, key=lambda one: sum(row["start"] == one for row in rows))
    seeds = sorted({row["seed"] for row in rows if row["start"] == start})
    minutes = sorted({row["minutes"] for row in rows if row["start"] == start})
    found = work_to_review(lab, start, seeds, minutes)
    lines: dict[str, list[Point]] = {"with suggestions": [], "from nothing": []}
    for each in minutes:
        of = [row for row in found if row["minutes"] == each]
        if not of:
            continue
        for name, column in zip(lines, ("helped_min", "alone_min"), strict=True):
            work = sum(row[column] for row in of) / len(of)
            lines[name].append(Point.of(work, [row["f1"] for row in of]))
        print(
            f"| {each} | {_cell([row['alone_min'] for row in of])} | "
            f"{_cell([row['helped_min'] for row in of])} | "
            f"{_cell([row['f1'] for row in of])} |"
        )
    for target in TARGETS:
        for name, column in zip(lines, ("helped_min", "alone_min"), strict=True):
            each = [
                work_to([row for row in found if row["seed"] == seed], target, column)
                for seed in seeds
            ]
            if reached := [one for one in each if one is not None]:
                print(
                    f"F1 {target:g} {name}: {_cell(reached)} minutes, "
                    f"{len(reached)} of {len(each)} seeds"
                )
    most = max(point.x for of in lines.values() for point in of)
    ticks = [one for one in (3, 5, 10, 20, 40, 80, 160) if one < most] + [
        round(most + 1)
    ]
    Chart("Work to a quality", "minutes of work", "F1 within 1 s", ticks).write(
        out / "teaching-work.svg", lines
    )
