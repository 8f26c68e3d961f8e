"""The stage of fine-tuning: how many steps there is time for, and whether it helped."""

from typing import Any

from model.teaching.configuration import tune_config
from model.teaching.finetune import (
    FEWEST_STEPS,
    finetune,
    time_step,
    with_steps,
)
from model.teaching.lesson import HEAD, START, Lesson
from model.teaching.measure import compare
from model.teaching.planned import TUNING, note_trunk_step
from model.teaching.recipe import VALIDATIONS
from model.teaching.run import FINETUNE
from model.teaching.segments import alarms_in
from model.training.config import TrainConfig
from model.training.training_data import TrainingData

SAFETY = 0.85
"""Of the time that is left, what is planned with: steps take longer at times."""


def tune(lesson: Lesson) -> None:
    """Tune the trunk's last stages; kept only if that is better beyond noise."""
    run = lesson.run
    if "tuned" not in run.results:
        run.once("tuned", lambda: _tuned(lesson))
    if run.results["tuned"]["is_kept"]:
        lesson.network = lesson.load(lesson.tuned)


def _tuned(lesson: Lesson) -> dict[str, Any]:
    """Do it, and say whether it is kept and why."""
    run = lesson.run
    run.progress("finetune", 0.0)
    data = _data(lesson)
    config = tune_config(
        lesson.training,
        run.recipe,
        is_whole=lesson.is_whole,
        is_mirrored=_is_unchanged_by_mirrors(lesson),
        device=lesson.device.type,
    )
    share = 1.0 if lesson.is_whole else run.recipe.tune_share
    steps = run.once("tune_steps", lambda: _steps_for(lesson, data, config, share))
    if not steps:
        run.note_of_stage("the trunk was not tuned: there was no time for it")
        return {"is_kept": False, "why": "no time"}
    finetune(
        run,
        with_steps(config, steps),
        data,
        start=run.folder / (START if lesson.is_whole else HEAD),
        carried=lesson.plan.carried,
        share=share,
        until_s=run.used_s + run.left_s - lesson.reserve_s,
        folder=run.folder / FINETUNE,
    )
    return _judged(lesson)


def _judged(lesson: Lesson) -> dict[str, Any]:
    if lesson.is_whole:
        return {"is_kept": True, "why": "all of the network was taught"}
    gain = compare(
        lesson.timed_frames(lesson.load(lesson.tuned), lesson.tuned),
        lesson.timed_plain(lesson.network),
        lesson.options,
    )
    why = f"mean AP {gain.mean:+.3f}, better in {gain.sure:.0%} of the draws"
    kept = "kept" if gain.is_beyond_noise else "not better beyond noise, left out"
    lesson.run.watch.report(f"tuning the trunk: {why}: {kept}")
    return {"is_kept": gain.is_beyond_noise, "why": why}


def _steps_for(
    lesson: Lesson, data: TrainingData, config: TrainConfig, share: float
) -> int:
    """Say how many steps of tuning there is time for; 0: too few to bother."""
    most = lesson.run.recipe.tune_steps
    step_s = time_step(lesson.network, data, config, share=share)
    note_trunk_step(lesson, step_s / (TUNING * config.batch * config.clips.steps))
    val_s = sum(map(len, data.val)) * step_s / (config.batch * config.clips.steps)
    room_s = lesson.run.left_s - lesson.reserve_s - VALIDATIONS * val_s
    steps = min(most, int(SAFETY * room_s / step_s))
    fewest = min(FEWEST_STEPS, most)
    if lesson.is_whole:
        return max(fewest, steps)
    return steps if steps >= fewest else 0


def _data(lesson: Lesson) -> TrainingData:
    material = lesson.material
    owners = [material.owners[at] for at in material.train_at]
    alarms = alarms_in(material.train, owners, lesson.data.alarms)
    val = tuple(stretch.match() for stretch in material.val)
    return TrainingData(lesson.plan.labels, material.train, val, tuple(alarms))


def _is_unchanged_by_mirrors(lesson: Lesson) -> bool:
    """Whether a mirror image has the same types: else frames are not mirrored here."""
    twins = lesson.twins
    return twins is not None and all(one == other for one, other in twins.items())
