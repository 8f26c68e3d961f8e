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
