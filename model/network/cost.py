"""What a network costs, known without running it: work and memory."""

import json
from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from torch.utils.flop_counter import FlopCounterMode

from model.network.config import ModelConfig
from model.network.memory import measure
from model.network.spotter import Spotter
from model.video.frame_spec import FrameSpec


@dataclass(frozen=True, slots=True)
class Cost:
    """What a network costs at one frame size.

    Attributes:
        gmac_per_step: thousand million multiplications with addition for a step.
        weights_bytes: in half precision.
        activations_bytes: in half precision, for a clip of `steps`.
        steps: given at once.
    """

    gmac_per_step: float
    weights_bytes: int
    activations_bytes: int
    steps: int


def cost_of(config: ModelConfig, frame_spec: FrameSpec, *, steps: int) -> Cost:
    """Count what a network costs when it is given so many steps at once, >= 1.

    Counted once in a process for each network and size: it takes seconds.
    """
    return _count(json.dumps(config.to_dict()), frame_spec, steps)


@lru_cache(maxsize=32)
def _count(config_json: str, frame_spec: FrameSpec, steps: int) -> Cost:
    config = ModelConfig.from_dict(json.loads(config_json))
    with torch.device("meta"):
        spotter = Spotter(replace(config, clip_len=steps)).eval().half()
        size = (1, steps, 3, frame_spec.out_height, frame_spec.out_width)
        clip = torch.empty(size, dtype=torch.uint8)
    estimate = measure(spotter, clip)
    with FlopCounterMode(display=False) as flops, torch.inference_mode():
        spotter(clip)
    return Cost(
        gmac_per_step=flops.get_total_flops() / 2e9 / steps,
        weights_bytes=estimate.weights_bytes,
        activations_bytes=estimate.activations_bytes,
        steps=steps,
    )
