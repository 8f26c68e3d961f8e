"""One process of a run that torchrun starts (see test_shared_runs)."""

import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightning
import torch

from model.errors import TrainingStopped
from model.training.config import TrainConfig
from model.training.train import train
from tests.unit.model.training.toys import toy_config


class Watch(lightning.Callback):
    """Writes what one process did: its clips, gradients, weights and validations."""

    def __init__(self, folder: Path, *, slow_from: int) -> None:
        self.rank = int(os.environ.get("RANK", "0"))
        self.path = folder / f"rank_{self.rank}.pt"
        self.slow_from = slow_from
        self.clips: list[str] = []
        self.losses: list[float] = []
        self.gradients: list[dict[str, Any]] = []
        self.validations = 0

    def on_train_batch_end(
        self, trainer: Any, module: Any, outputs: Any, batch: Any, _batch_idx: int
    ) -> None:
        """Note the clips; take some time over late steps."""
        self.clips += [f"{batch.number}: {name}" for name in batch.names]
        self.losses.append(float(outputs["loss"]))
        pids = self.path.with_suffix(".pid")
        pids.write_text(json.dumps([os.getpid(), trainer.global_step]))
        if self.slow_from <= trainer.global_step and "SLOW" in os.environ:
            time.sleep(0.5)

    def on_before_optimizer_step(
        self, _trainer: Any, module: Any, _optimizer: Any
    ) -> None:
        """Note the gradients, which are those of all processes by now."""
        named = module.spotter.named_parameters()
        self.gradients.append(
            {name: p.grad.clone() for name, p in named if p.grad is not None}
        )

    def on_validation_end(self, _trainer: Any, module: Any) -> None:
        """Count, and note by which weights."""
        self.validations += 1
        self.validated = [match.name for match in module.timed]
        self.kept = {k: v.clone() for k, v in module.kept.state_dict().items()}

    def on_fit_end(self, _trainer: Any, module: Any) -> None:
        """Write it all."""
        torch.save(
            {
                "clips": self.clips,
                "losses": self.losses,
                "gradients": self.gradients,
                "weights": dict(module.spotter.named_parameters()),
                "kept": self.kept,
                "validations": self.validations,
                "validated": self.validated,
            },
            self.path,
        )


def config_of(root: Path, options: dict[str, Any]) -> TrainConfig:
    """Describe the run: `options` are a few keys of the test's."""
    optimiser = {
        "lr": 1e-3,
        "warmup_steps": 0,
        "steps": options.get("steps", 3),
        "ema": 0.9,
        "mixup": options.get("mixup", 0.0),
    }
    config = toy_config(root, optimiser=optimiser)
    network = replace(
        config.network,
        temporal_arch="",
        has_frozen_norms=options.get("has_frozen_norms", True),
    )
    data = replace(config.data, store=str(root / options.get("store", "store")))
    run = replace(
        config.run,
        validate_steps=options.get("steps", 3),
        checkpoints_to=options.get("checkpoints_to", ""),
        batch_norm=options.get("batch_norm", "per-process"),
    )
    return replace(
        config,
        network=network,
        data=data,
        run=run,
        batch=options.get("batch", 2),
    )


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(root: Path, folder: Path, options: dict[str, Any]) -> None:
    """Train as a test asks."""
    folder.mkdir(parents=True, exist_ok=True)
    watch = Watch(folder, slow_from=options.get("slow_from", 10_000))
    try:
        train(
            config_of(root, options),
            folder / "run",
            report=_say,
            may_resume=options.get("may_resume", False),
            callbacks=[watch],
        )
    except TrainingStopped as exc:
        _say(str(exc))
        sys.exit(3)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3]))
