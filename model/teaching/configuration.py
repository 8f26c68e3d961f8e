"""The training run that a teaching comes to, as the training layer describes runs."""

from dataclasses import replace
from pathlib import Path
from typing import Literal

from model.network.config import ModelConfig
from model.teaching.features import STRONG
from model.teaching.options import TeachOptions
from model.teaching.recipe import Recipe
from model.training.augment_options import AugmentOptions
from model.training.clip_options import ClipOptions
from model.training.config import TrainConfig
from model.training.settings import (
    DataSettings,
    LossSettings,
    NetworkSettings,
    OptimiserSettings,
    RunSettings,
)
from model.video.frame_spec import FrameSpec

# Rare types are drawn nearly as often as frequent ones.
CLIPS = {"padding": 0, "event_bias": 0.5, "balance": 0.7, "hard_negative_share": 0.3}
LEAST_APART = 10  # steps between two validations of a head
SAFETY = 0.85  # of the time that there is: steps take longer at times
TERMS = {"scores": 1.0, "displacement": 0.3, "team": 0.3}


def head_config(
    options: TeachOptions,
    recipe: Recipe,
    config: ModelConfig,
    spec: FrameSpec,
    labels: tuple[str, ...],
    store: Path,
) -> TrainConfig:
    """Describe the training of the head on cached features."""
    return TrainConfig(
        name=options.name,
        network=NetworkSettings(
            feature_arch=config.feature_arch,
            temporal_arch=config.temporal_arch,
            look_ahead_sites=config.look_ahead_sites,
            clip_len=config.clip_len,
            options=config.options,
            outputs=config.outputs,
            is_pretrained=False,
        ),
        input=spec,
        data=DataSettings(store=str(store)),
        clips=ClipOptions(steps=config.clip_len, **CLIPS),  # type: ignore[arg-type] # pydantic checks them
        batch=recipe.batch,
        labels=labels,
        loss=LossSettings(terms={k: v for k, v in TERMS.items() if _has(config, k)}),
        optimiser=OptimiserSettings(
            lr=recipe.head_lr, warmup_steps=20, steps=recipe.head_steps, ema=0.98
        ),
        run=RunSettings(
            seed=options.seed, validate_steps=recipe.validate_steps, logger="none"
        ),
    )


def head_schedule(
    recipe: Recipe,
    *,
    known_steps: int,
    val_steps: int,
    clip_len: int,
    step_s: float,
    room_s: float,
) -> tuple[int, int]:
    """Plan how long a head is trained: its cosine ends where the training does.

    Why these numbers (by reckoning; no search over them has been made):

    * `head_epochs` = 40: with five augmented copies and the plain pictures, each is
      seen about seven times. Ten minutes to learn from at 10 steps a second are 8
      optimiser steps an epoch (12 clips of 64 steps), so 312 in all; from 29 minutes
      on it is `head_steps`.
    * `head_fewest` = 150: the first 15 warm up, and 40 in all left a fresh head where
      more material changed little (docs/teaching.md, minutes reviewed).
    * `head_steps` = 900: the length that each schedule had before. A run that stopped
      early then stopped at a high rate, for the cosine had hardly begun to fall.
    * `head_validations` = 12, `patience` = 4: a head ends when a third of its schedule
      has brought nothing. Validations are never closer than 10 steps, whose average
      weights (decay 0.98) hardly differ, nor further apart than `validate_steps`.
    * Where `room_s` has no time for that, there are as many steps as fit in 85 % of it,
      so that the rate falls to zero in time, and is not cut off at its height.

    Args:
        recipe: the numbers.
        known_steps: of the material, all training segments together.
        val_steps: of the hold-out that stops it.
        clip_len: steps a clip.
        step_s: what an optimiser step takes, in seconds.
        room_s: what the training may take.

    Returns:
        Optimiser steps, at least one, and those between two validations.
    """
    epoch = known_steps / (recipe.batch * clip_len)
    wanted = max(recipe.head_fewest, round(recipe.head_epochs * epoch))
    # Windows overlap by half; without a way back a step costs a third.
    validation_s = 2 / 3 * step_s * val_steps / (recipe.batch * clip_len)
    left_s = SAFETY * room_s - (recipe.head_validations + 1) * validation_s
    timely = max(LEAST_APART, int(left_s / step_s))
    steps = min(recipe.head_steps, wanted, timely)
    apart = max(LEAST_APART, steps // recipe.head_validations)
    return steps, min(recipe.validate_steps, apart)


def with_schedule(config: TrainConfig, steps: int, validate_steps: int) -> TrainConfig:
    """Give a head so many steps, a tenth of them at most to warm up."""
    warmup = min(config.optimiser.warmup_steps, max(1, steps // 10))
    return replace(
        config,
        optimiser=replace(config.optimiser, steps=steps, warmup_steps=warmup),
        run=replace(config.run, validate_steps=validate_steps),
    )


def tune_config(
    config: TrainConfig,
    recipe: Recipe,
    *,
    is_whole: bool,
    is_mirrored: bool,
    device: str,
) -> TrainConfig:
    """Describe the tuning on frames that follows.

    Args:
        config: of the head's training.
        recipe: its numbers.
        is_whole: the network starts from noise or ImageNet: all of it is taught.
        is_mirrored: mirror images have the same types.
        device: "cpu" or "cuda".
    """
    augment: AugmentOptions = replace(STRONG, flip=0.5 if is_mirrored else 0.0)
    accelerator: Literal["cpu", "gpu"] = "gpu" if device == "cuda" else "cpu"
    return replace(
        config,
        network=replace(config.network, has_frozen_norms=not is_whole),
        batch=recipe.tune_batch,
        augment=augment,
        optimiser=replace(
            config.optimiser,
            lr=recipe.whole_lr if is_whole else recipe.tune_lr,
            ema=0.99,
        ),
        run=replace(
            config.run,
            accelerator=accelerator,
            overlap=0.5,
            checkpoint_minutes=max(0.05, recipe.save_s / 60),
        ),
    )


def _has(config: ModelConfig, output: str) -> bool:
    return output == "scores" or output in config.outputs
