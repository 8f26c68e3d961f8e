"""From reviewed stretches of some matches to a better checkpoint.

Stages: prepare (decode), features (of the frozen trunk, cached), head (on these, and
the learning curve), finetune (the trunk's last stages, if time and hold-out allow),
calibrate, engines. Each is done once: a folder that was left is gone on with.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from model.data.formats.provenance import Span
from model.teaching.caching import cache_features
from model.teaching.finish import add_engines, calibrate, figures_of
from model.teaching.heads import draw_curve, teach_head
from model.teaching.lesson import begin_lesson
from model.teaching.matches import FALSE_ALARMS, SPLIT, TeachData, read_data
from model.teaching.options import TeachOptions
from model.teaching.pieces import decoded_end_s
from model.teaching.recipe import Recipe
from model.teaching.run import FRAMES, Run, naming_a_full_disk
from model.teaching.tuning import tune
from model.teaching.watch import TeachWatch

STAGES_IN_ORDER = (
    cache_features,
    teach_head,
    draw_curve,
    tune,
    calibrate,
    add_engines,
)


@dataclass(frozen=True, slots=True)
class Taught:
    """What came of it.

    Attributes:
        checkpoint: the file, calibrated, with the engines that could be made; in the
            folder of the training.
        figures: how good it is on the hold-out, as JSON values: `types` (by type `ap`,
            `f1`, `events`, `threshold`), `learning` and `needs`.
        holdout: by match the stretches that it was measured on, in seconds.
        notes: what a person should know.
        warnings: what the checkpoint lacks, by a stable code.
    """

    checkpoint: Path
    figures: Mapping[str, Any]
    holdout: Mapping[str, Sequence[Span]]
    notes: tuple[str, ...] = ()
    warnings: Mapping[str, str] = field(default_factory=dict)


def teach(
    dataset: Path,
    folder: Path,
    options: TeachOptions,
    watch: TeachWatch,
    *,
    recipe: Recipe | None = None,
) -> Taught:
    """Teach a network what people have reviewed.

    All state is in `folder`: called again with the same arguments, it goes on where it
    was, whatever has ended it. With other data or options it begins anew there.

    Args:
        dataset: a folder as `touchline dataset export` writes it.
        folder: takes frames, features, weights and the finished checkpoint.
        options: what to teach.
        watch: is told what happens, and may pause or cancel.
        recipe: other numbers than the usual ones.

    Raises:
        BadAnnotations: the data cannot be taught from; the message says why.
        BadCheckpoint, UnsupportedCheckpoint: the base cannot be read.
        NoRoom: the disk has none for the frames.
        TrainingFailed: NaN, or the disk is full; what is done is kept.
        TrainingPaused: the watch asked for it; call again to go on.
        Canceled: the watch raised it.
    """
    with naming_a_full_disk(folder):
        folder.mkdir(parents=True, exist_ok=True)
        run = Run(folder, options, recipe or Recipe(), watch)
        data = read_data(
            dataset,
            options,
            report=run.note,
            is_decoded=lambda match: decoded_end_s(match, folder / FRAMES) is not None,
        )
        run.begin(_stamp(dataset, data, run))
        lesson = begin_lesson(run, data, dataset.resolve().name)
        for stage in STAGES_IN_ORDER:
            stage(lesson)
        return Taught(
            lesson.made,
            figures_of(lesson),
            lesson.material.holdout_spans(),
            run.all_notes,
            run.results.get("warnings", {}),
        )


def _stamp(dataset: Path, data: TeachData, run: Run) -> str:
    """Name data and options by their contents: what depends on others is made anew."""
    options = asdict(run.options)
    del options["minutes"]
    base = run.options.base
    files = [dataset / SPLIT, dataset / FALSE_ALARMS]
    files += [match.labels.source for match in data.matches]
    digest = hashlib.sha256(json.dumps(options, default=str).encode())
    digest.update(json.dumps(asdict(run.recipe)).encode())
    for path in [*files, *([base] if base is not None else [])]:
        content = path.read_bytes() if path.is_file() else b""
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()
