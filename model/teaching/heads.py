"""The stage of the head, and its learning curve, both on cached features."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from model.data.labels import Event
from model.network.spotter import Spotter
from model.teaching.caching import copy_paths, is_mirrored
from model.teaching.configuration import head_schedule, with_schedule
from model.teaching.head import HeadTask, time_head_step, train_head
from model.teaching.lesson import HEAD, START, Lesson, as_json
from model.teaching.material import training_matches
from model.teaching.measure import ap_draws
from model.teaching.segments import alarms_in
from model.training.config import TrainConfig
from model.training.dataset import RandomClips
from model.training.outputs import target_makers

SHARES = (0.25, 0.5)
"""Of the training segments, for the learning curve; and all of them."""

HEAD_SHARE, CURVE_SHARE = 0.4, 0.15
"""Of the time that is left, what a head may take; and each of the curve's."""

HEADS = 1 + len(SHARES)
"""That the stage trains: as many steps each, at most."""


def teach_head(lesson: Lesson) -> None:
    """Train the head on all training segments, or take up what was trained."""
    run, path = lesson.run, lesson.run.folder / HEAD
    if lesson.is_whole:
        return
    if "head" not in run.results:
        until_s = run.used_s + HEAD_SHARE * run.left_s
        scores = train_head(run, lesson.network, _task(lesson, until_s=until_s))
        lesson.save(lesson.network, path)
        run.once("head", lambda: dict(scores))
    lesson.network = lesson.load(path)


def draw_curve(lesson: Lesson) -> None:
    """Train heads on parts of the training segments: what more data would bring."""
    run = lesson.run
    if lesson.is_whole or "curve" in run.results:
        return
    if run.left_s < 3 * lesson.reserve_s or len(lesson.material.segments) < 4:
        run.note_of_stage(
            "no learning curve: there was too little time or material for it"
        )
        run.once("curve", list)
        return
    points: list[dict[str, Any]] = [
        run.once(f"curve {share:g}", lambda n=n, s=share: _point_at(lesson, n, s))  # type: ignore[misc] # both are bound
        for n, share in enumerate(SHARES)
    ]
    every = range(len(lesson.material.segments))
    points.append(_point_of(lesson, 1.0, lesson.network, every))
    for number, point in enumerate(points):
        run.watch.point("learning", "head", number, _shown(point))
    run.once("curve", lambda: points)


def _point_at(lesson: Lesson, number: int, share: float) -> dict[str, Any]:
    """Train a head on a share of the segments, drawn by the seed."""
    run, count = lesson.run, len(lesson.material.segments)
    rng = np.random.default_rng((run.options.seed, number))
    taken = sorted(rng.permutation(count)[: max(1, round(share * count))].tolist())
    network = lesson.load(run.folder / START)
    until_s = run.used_s + CURVE_SHARE * run.left_s
    task = _task(lesson, until_s=until_s, taken=taken, part=number + 1)
    train_head(run, network, task)
    task.path.unlink(missing_ok=True)
    return _point_of(lesson, share, network, taken)


def _point_of(
    lesson: Lesson, share: float, network: Spotter, taken: Sequence[int]
) -> dict[str, Any]:
    """Measure a head on the hold-out, as JSON values (see `CurvePoint`)."""
    labels = lesson.plan.taught
    draws = ap_draws(lesson.timed_plain(network), labels, lesson.options)
    events = [event for index in taken for event in _events_of(lesson, index)]
    counts = {x: sum(event.label == x for event in events) for x in labels}
    ap = {label: [as_json(value) for value in of] for label, of in draws.items()}
    return {"share": share, "events": counts, "ap": ap}


def _scheduled(lesson: Lesson, part: int, *, room_s: float) -> TrainConfig:
    """Give the training of a head the length that time and material allow.

    Heads of the curve get that of all material, so that they differ by it alone.
    """
    run, recipe, clip_len = lesson.run, lesson.run.recipe, lesson.config.clip_len

    def plan() -> list[int]:
        step_s = run.once(
            "head_step_s",
            lambda: time_head_step(
                lesson.network, batch=recipe.batch, clip_len=clip_len
            ),
        )
        return [
            *head_schedule(
                recipe,
                known_steps=sum(
                    one.end - one.start for one in lesson.material.segments
                ),
                val_steps=sum(len(one.match()) for one in lesson.material.val),
                clip_len=clip_len,
                step_s=step_s,
                room_s=room_s,
            )
        ]

    steps, validate_steps = run.once(f"head_schedule {part}", plan)
    return with_schedule(lesson.training, steps, validate_steps)


def _events_of(lesson: Lesson, index: int) -> Sequence[Event]:
    segment = lesson.material.segments[index]
    piece = lesson.material.train[segment.piece]
    return segment.of(piece, piece.frames[:0], name=piece.name).labels.events


def _shown(point: dict[str, Any]) -> dict[str, float]:
    aps = {f"AP/{label}": of[0] for label, of in point["ap"].items()}
    known = {name: value for name, value in aps.items() if value is not None}
    events = {f"events/{label}": count for label, count in point["events"].items()}
    return {"share": point["share"], **events, **known}


def _task(
    lesson: Lesson,
    *,
    until_s: float,
    taken: Sequence[int] | None = None,
    part: int = 0,
) -> HeadTask:
    """Describe the training of a head on some segments, or on all.

    Args:
        lesson: the teaching.
        until_s: it ends when so much of the teaching's time is used.
        taken: indices of the segments; None: all.
        part: of the stage, in its order.
    """
    material = lesson.material
    matches, owners = training_matches(
        material,
        lesson.plain,
        copy_paths(lesson),
        range(len(material.segments)) if taken is None else taken,
        dim=lesson.network.feature_dim,
        is_mirrored=lambda number, index: is_mirrored(lesson, number, index),
        twins=lesson.twins or {},
        sides=lesson.config.outputs.get("team", {}).get("sides", ()),
    )
    clips = RandomClips(
        matches,
        lesson.plan.labels,
        lesson.training.clips,
        seed=lesson.run.options.seed,
        makers=target_makers(lesson.training),
        hard_negatives=alarms_in(matches, owners, lesson.data.alarms),
    )
    return HeadTask(
        labels=lesson.plan.labels,
        carried=lesson.plan.carried,
        config=_scheduled(lesson, part, room_s=until_s - lesson.run.used_s),
        clips=clips,
        val=[one.match(lesson.plain[one.segment.piece]) for one in material.val],
        path=lesson.run.folder / (f"curve-{part - 1}.pt" if part else "head.pt"),
        is_shown=taken is None,
        until_s=until_s,
        part=(part / HEADS, (part + 1) / HEADS),
    )
