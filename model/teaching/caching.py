"""The stage of features: the plain ones of all pieces, and augmented copies."""

from pathlib import Path

import numpy as np

from model.teaching.features import (
    Halves,
    cache_copy,
    cache_plain,
    copies_that_fit,
    open_rows,
    segments_done,
)
from model.teaching.lesson import Lesson
from model.teaching.planned import note_trunk_step, plan_stages
from model.teaching.run import FEATURES

PLAIN_SHARE = 0.4
"""Of the stage, as it is shown."""


def cache_features(lesson: Lesson) -> None:
    """Run the trunk over all pieces, and over augmented copies of training."""
    plan_stages(lesson)
    if lesson.is_whole:
        return
    pieces, run = lesson.material.pieces, lesson.run
    total, done, began_s = sum(map(len, pieces)), 0, run.used_s

    def on_steps(count: int) -> None:
        nonlocal done
        done += count
        run.at("features", done / total * PLAIN_SHARE)

    for index, piece in enumerate(pieces):
        path = _plain_path(lesson, index)
        cache_plain(
            lesson.network, piece, lesson.base.frame_spec, path, on_steps=on_steps
        )
    lesson.plain = _open_plain(lesson)
    per_step_s = (run.used_s - began_s) / max(1, done)
    if done:
        note_trunk_step(lesson, per_step_s)
    run.eta.begin_anew()
    _cache_copies(lesson, per_step_s=per_step_s)
    run.progress("features", 1.0)


def copy_paths(lesson: Lesson) -> list[Path]:
    """Name the files of the copies."""
    count = lesson.run.results.get("copies", 0)
    return [_copy_path(lesson, number) for number in range(1, count + 1)]


def is_mirrored(lesson: Lesson, number: int, index: int) -> bool:
    """Say whether a copy's segment is mirrored: half of them, where that is allowed.

    Args:
        lesson: the teaching.
        number: of the copy, from 1.
        index: of the segment.
    """
    if lesson.twins is None:
        return False
    rng = np.random.default_rng((lesson.run.options.seed, number, index))
    return bool(rng.random() < 0.5)


def _cache_copies(lesson: Lesson, *, per_step_s: float) -> None:
    """Cache as many copies as there is time and room for; that is decided once."""
    count = lesson.run.once("copies", lambda: _choose_count(lesson, per_step_s))
    segments = lesson.material.segments
    for number in range(1, count + 1):
        path = _copy_path(lesson, number)
        done = segments_done(path, segments, lesson.network.feature_dim)
        for index in range(done, len(segments)):
            share = (number - 1 + index / len(segments)) / count
            lesson.run.at("features", PLAIN_SHARE + (1 - PLAIN_SHARE) * share)
            segment = segments[index]
            cache_copy(
                lesson.network,
                lesson.material.train[segment.piece],
                segment,
                lesson.base.frame_spec,
                path,
                seed=(lesson.run.options.seed, number * 1_000_000 + index),
                is_mirrored=is_mirrored(lesson, number, index),
            )


def _choose_count(lesson: Lesson, per_step_s: float) -> int:
    run, segments = lesson.run, lesson.material.segments
    steps = sum(each.until - each.first for each in segments)
    fitting = copies_that_fit(
        segments,
        lesson.network.feature_dim,
        plain_steps=sum(map(len, lesson.material.pieces)),
        limit_bytes=run.recipe.cache_bytes,
    )
    # Augmenting costs about half of what the trunk does.
    copy_s = 1.5 * steps * per_step_s
    timely = int(run.recipe.copies_share * max(0.0, run.left_s) / max(copy_s, 1e-3))
    return max(0, min(run.recipe.copies, fitting, timely))


def _open_plain(lesson: Lesson) -> list[Halves]:
    dim = lesson.network.feature_dim
    count = len(lesson.material.pieces)
    return [open_rows(_plain_path(lesson, index), dim) for index in range(count)]


def _plain_path(lesson: Lesson, index: int) -> Path:
    return lesson.run.folder / FEATURES / f"plain-{index}.f16"


def _copy_path(lesson: Lesson, number: int) -> Path:
    return lesson.run.folder / FEATURES / f"copy-{number}.f16"
