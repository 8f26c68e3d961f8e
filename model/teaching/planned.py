"""What the stages that follow will take, in terms of one step of the trunk."""

from model.export.int8 import CALIBRATION_CHUNKS
from model.export.openvino import CHUNK_LEN
from model.teaching.engines import CHECK_STEPS
from model.teaching.lesson import Lesson
from model.teaching.recipe import VALIDATIONS

TUNING = 3.0
"""A step that is tuned costs so many that are only looked at: forth and back."""

HEADS_SHARE = 0.6
"""Of the time that is left, what a head and its curve may take at most."""


def note_trunk_step(lesson: Lesson, step_s: float) -> None:
    """Keep what the trunk takes for one step, in seconds: measured once."""
    lesson.run.once("trunk_step_s", lambda: step_s)
    plan_stages(lesson)


def plan_stages(lesson: Lesson) -> None:
    """Plan the stages after the features, if it is known what a step takes."""
    run, material = lesson.run, lesson.material
    step_s = run.results.get("trunk_step_s")
    if step_s is None:
        return
    recipe = run.recipe
    held_out = sum(len(stretch.match()) for stretch in material.holdout)
    looked_at = sum(len(stretch.match()) for stretch in material.val)
    clips = recipe.tune_steps * recipe.tune_batch * lesson.config.clip_len
    tuning_s = (TUNING * clips + (VALIDATIONS + 1) * looked_at) * step_s
    room_s = max(0.0, run.left_s - lesson.reserve_s)
    int8_steps = CALIBRATION_CHUNKS * CHUNK_LEN + 2 * held_out
    run.eta.plan(
        head=0.0 if lesson.is_whole else HEADS_SHARE * max(0.0, run.left_s),
        finetune=min(tuning_s, room_s),
        calibrate=held_out * step_s,
        engines=(2 * CHECK_STEPS + recipe.has_int8 * int8_steps) * step_s,
    )
