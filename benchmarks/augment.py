"""How long augmentation takes, in milliseconds a clip, by what is switched on.

    python -m benchmarks.augment [--steps 96] [--clips 20]

Clips are noise of the shipped recipe's size, 274x154, cut to 192x108.
"""

import argparse
import time
from dataclasses import replace

import torch

from model.training.augment import augment_clip
from model.training.augment_options import AugmentOptions
from model.video.frame_spec import FrameSpec

SPEC = FrameSpec(width=274, height=154, crop=(41, 26, 192, 108), fps=10)
SHIPPED = AugmentOptions(
    shift_px=16,
    zoom=(0.87, 1.2),
    flip=0.5,
    jitter=0.5,
    brightness=0.35,
    contrast=0.35,
    saturation=0.5,
    hue=0.25,
    shuffle=0.2,
    noise=3.0,
    blur=0.05,
)
CASES = {
    "nothing": AugmentOptions(),
    "shipped recipe": SHIPPED,
    "+ camera in half of the clips": replace(SHIPPED, camera=0.5),
    "+ camera in all": replace(SHIPPED, camera=1.0),
    "+ motion blur in all": replace(SHIPPED, motion_blur=1.0),
    "+ camera 0.5, motion blur 0.12": replace(SHIPPED, camera=0.5, motion_blur=0.12),
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=96)
    parser.add_argument("--clips", type=int, default=20)
    words = parser.parse_args()
    torch.set_num_threads(1)
    shape = (words.steps, SPEC.height, SPEC.width, 3)
    clip = torch.randint(0, 256, shape, dtype=torch.uint8)
    for name, options in CASES.items():
        augment_clip(clip, SPEC, options, seed=(0, 0))
        started = time.process_time()
        for number in range(words.clips):
            augment_clip(clip, SPEC, options, seed=(1, number))
        per_clip_ms = (time.process_time() - started) / words.clips * 1000
        print(f"{name:32s} {per_clip_ms:6.0f} ms a clip of {words.steps} steps")


if __name__ == "__main__":
    main()
