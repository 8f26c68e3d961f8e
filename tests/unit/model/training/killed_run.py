"""A training run in a process of its own, there to be killed (see test_train)."""

import sys
import time
from pathlib import Path
from typing import Any

import lightning

from model.training.train import train
from tests.unit.model.training.toys import toy_config

STEPS = 8


class Curve(lightning.Callback):
    """Writes each step's loss to a file, and takes its time over late steps."""

    def __init__(self, path: Path, *, slow_from: int) -> None:
        self.path = path
        self.slow_from = slow_from

    def on_train_batch_end(
        self, trainer: Any, _module: Any, outputs: Any, *_args: Any
    ) -> None:
        """Note the step and its loss."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(f"{trainer.global_step} {float(outputs['loss']).hex()}\n")
        if trainer.global_step >= self.slow_from:
            time.sleep(60)


def run(root: Path, name: str, *, is_resumed: bool, slow_from: int = STEPS + 1) -> Path:
    """Train on the toys below `root`; the curve goes to `name.txt`."""
    optimiser = {"lr": 2e-3, "warmup_steps": 2, "steps": STEPS, "ema": 0.9}
    optimiser["accumulate"] = 2
    return train(
        toy_config(root, optimiser=optimiser),
        root / name,
        report=lambda _: None,
        is_resumed=is_resumed,
        callbacks=[Curve(root / f"{name}.txt", slow_from=slow_from)],
    )


if __name__ == "__main__":
    run(Path(sys.argv[1]), "killed", is_resumed=False, slow_from=5)
