"""A teaching in a process of its own, there to kill itself (see test_teach)."""

import os
import signal
import sys
from pathlib import Path

import torch

from model.teaching.options import TeachOptions
from model.teaching.teach import teach
from tests.unit.model.teaching.toys import QUICK, Notebook


class Killer(Notebook):
    """Kills its process, as nothing can be done about, where `Notebook` would pause."""

    def should_pause(self) -> bool:
        """End at once."""
        if super().should_pause():
            os.kill(os.getpid(), signal.SIGKILL)
        return False


def main(root: Path, stage: str, passes: int) -> None:
    """Go on with the teaching in `root`, up to a stage and some questions of it."""
    torch.set_num_threads(1)
    options = TeachOptions("hall", root / "base.touchline", minutes=600)
    watch = Killer(pause_at=stage, passes=passes)
    teach(root / "data", root / "killed", options, watch, recipe=QUICK)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
