"""What teaching brings: accuracy and work against the minutes that were reviewed.

    python -m benchmarks.teach ARENA --runs FOLDER curve [--starts base,trunk]
    python -m benchmarks.teach ARENA --runs FOLDER active [--choices doubt,rare]
    python -m benchmarks.teach ARENA --runs FOLDER sport [--starts trunk]
    python -m benchmarks.teach ARENA --runs FOLDER distil [--teachers self,base]
    python -m benchmarks.teach ARENA --runs FOLDER all
    python -m benchmarks.teach ARENA --runs FOLDER figures --out docs/ [--steps 40]

ARENA has the folders `train` and `val`. What is reviewed are half-minutes of `train`,
chosen by seed; types are split by team, so that the base does not know them. Measured
is on `val`, with thresholds chosen on the hold-out of what was reviewed. `sport` draws
rallies over a net in FOLDER, and does the same with these.

`--recipe head` (the default) runs the recipe's head stage on the base's plain features,
which are computed once; `--recipe full` is `model.teaching.teach` as the product runs
it, within `--budget` minutes; starts `noise` and `imagenet` need it.

`distil` teaches what `curve` has once more, with a teacher's scores of the footage that
nobody has reviewed beside it (`benchmarks.teaching.distillation`); heads alone.

`all` makes all but that with the head stage, the first seed of everything first. Each
point is a line of FOLDER/results.jsonl; what is there is not made again, and a training
that was killed goes on. `figures` makes charts and tables of these lines.
"""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.teaching.experiments import (
    DOUBT,
    Lab,
    Point,
    chosen_by_model,
    learning_curve,
)
from benchmarks.teaching.footage import Footage, arena, sport
from benchmarks.teaching.measure import Model, Served
from benchmarks.teaching.report import write_report
from benchmarks.teaching.results import Results

if TYPE_CHECKING:
    from benchmarks.teaching.head_stage import Enlarge

NEW_LABELS = {"PASS": None, "DRIVE": None, "SHOT": None}
"""Types of the base that are not wanted any more."""


WHAT = ("curve", "active", "sport", "distil", "all", "figures")


def main() -> None:
    """Run what is asked for."""
    words = _parse_options()
    if words.what == "all":
        starts = {
            "curve": words.starts,
            "sport": ["trunk"],  # of another sport's types the base knows none
            "active": words.starts[:1],
        }
        for seed in words.seeds:
            for what, of in starts.items():
                _run(_changed(words, what=what, seeds=[seed], starts=of))
    elif words.what == "figures":
        write_report(_lab(words), words.out)
    elif words.what == "distil":
        _distil(words)
    else:
        _run(words)


def _run(words: argparse.Namespace) -> None:
    lab = _lab(words)
    if words.what == "active":
        # Of all there is nothing is to be chosen.
        minutes = [one for one in words.minutes if one < lab.footage.minutes]
        for choice in words.choices:
            chosen_by_model(lab, words.starts[0], choice, words.seeds, minutes)
    else:
        minutes = [one for one in words.minutes if one <= lab.footage.minutes]
        learning_curve(lab, words.starts, words.seeds, minutes)


def _distil(words: argparse.Namespace) -> None:
    from benchmarks.teaching.distillation import clips_of

    plain = _lab(words)
    minutes = [one for one in words.minutes if one < plain.footage.minutes]

    def lab_of(teacher: str) -> Lab:
        def teach(dataset: Path, folder: Path, point: Point) -> Model:
            more = clips_of(plain, teacher, point)
            return _teach(words, plain.footage, dataset, folder, point, more)

        return replace(
            plain, recipe=f"{plain.recipe}-{teacher}", teach=teach, keeps_scores=False
        )

    for seed in words.seeds:
        for lab in (plain, *map(lab_of, words.teachers)):
            learning_curve(lab, words.starts[:1], [seed], minutes)


def _changed(words: argparse.Namespace, **changes: object) -> argparse.Namespace:
    return argparse.Namespace(**(vars(words) | changes))


def _lab(words: argparse.Namespace) -> Lab:
    footage: Footage = (
        sport(words.runs, words.model, minutes=words.pool)
        if words.what == "sport"
        else arena(words.arena, words.runs, words.model, minutes=words.pool)
    )
    is_full = words.recipe == "full"

    def teach(dataset: Path, folder: Path, point: Point) -> Model:
        return _teach(words, footage, dataset, folder, point)

    return Lab(
        footage=footage,
        runs=words.runs,
        results=Results(words.runs / "results.jsonl"),
        teach=teach,
        report=lambda line: print(line, flush=True),
        recipe=f"full-{words.budget:g}" if is_full else f"head-{words.steps}",
        keeps_scores=not is_full,
    )


def _teach(
    words: argparse.Namespace,
    footage: Footage,
    dataset: Path,
    folder: Path,
    point: Point,
    enlarge: "Enlarge | None" = None,
) -> Model:
    # torch takes seconds to load, which the figures do without.
    from benchmarks.teaching.head_stage import teach_head
    from model.teaching.options import TeachOptions
    from model.teaching.recipe import Recipe
    from model.teaching.teach import teach
    from model.teaching.watch import LineWatch

    options = TeachOptions(
        name="taught",
        base=footage.base,
        start=point.start,  # type: ignore[arg-type] # one of them, by the parser
        mapping=NEW_LABELS if point.start == "base" else {},
        minutes=words.budget,
        seed=point.seed,
        device="cpu",
    )
    if words.recipe == "full":
        watch = LineWatch(lambda line: print(f"  {line}", flush=True))
        return Served.load(teach(dataset, folder, options, watch).checkpoint)
    if point.start not in ("base", "trunk"):
        raise SystemExit(f"{point.start} has no features: use --recipe full")
    kept = {match.name: footage.kept[f"pool/{match.name}"] for match in footage.pool}
    recipe = replace(
        Recipe(), head_steps=words.steps, validate_steps=max(20, words.steps // 18)
    )
    return teach_head(dataset, folder, options, kept, recipe, enlarge)


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("arena", type=Path, help="folder with `train` and `val`")
    parser.add_argument("what", choices=WHAT)
    parser.add_argument("--runs", type=Path, required=True, help="where all is kept")
    parser.add_argument("--model", default="arena-rny002", help="the base")
    parser.add_argument("--starts", type=_names, default=["base", "trunk"])
    parser.add_argument("--choices", type=_names, default=[DOUBT])
    parser.add_argument("--teachers", type=_names, default=["self", "base"])
    parser.add_argument("--seeds", type=_numbers, default=[0, 1, 2])
    parser.add_argument("--minutes", type=_numbers, default=[2, 5, 10, 20, 40])
    parser.add_argument("--pool", type=int, default=40, help="minutes to choose from")
    parser.add_argument("--recipe", choices=("head", "full"), default="head")
    parser.add_argument("--steps", type=int, default=900, help="of the head, at most")
    parser.add_argument("--budget", type=float, default=45, help="minutes, full recipe")
    parser.add_argument("--out", type=Path, default=Path("docs"), help="of figures")
    return parser.parse_args()


def _names(text: str) -> list[str]:
    return text.split(",")


def _numbers(text: str) -> list[int]:
    return [int(one) for one in text.split(",")]


if __name__ == "__main__":
    main()
