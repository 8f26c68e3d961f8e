"""What one run of chaos is to do."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class Plan:
    """A run; with the same plan the same blows fall, if not at the very same moments.

    Attributes:
        seed: of the blows and of what is uploaded.
        videos: how many are uploaded meanwhile.
        minutes: the longest that blows fall.
        pause_s: the shortest and the longest time between two blows.
        has_disk: fill the disk, where one of its own can be mounted.
        has_clock: set the clock forward, where there is a C compiler.
        logs: where to put what the service said.
        ready_within_s: how soon after the last blow `/readyz` says 200.
    """

    seed: int
    videos: int = 30
    minutes: float = 6.0
    broker: Literal["files", "redis"] = "files"
    pause_s: tuple[float, float] = (2.0, 7.0)
    has_disk: bool = True
    has_clock: bool = True
    logs: Path | None = None
    ready_within_s: float = 60.0

    @property
    def command(self) -> str:
        """How to do it again."""
        return (
            f"python -m tests.chaos --seed {self.seed} --videos {self.videos} "
            f"--minutes {self.minutes:g} --broker {self.broker}"
        )
