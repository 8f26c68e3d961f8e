"""Who watches while a network is taught: takes lines, progress and curves."""

from collections.abc import Mapping
from typing import Protocol

from model.reporter import Reporter

STAGES = ("prepare", "features", "head", "finetune", "calibrate", "engines")


class TeachWatch(Protocol):
    """Is told what happens, and may stop it."""

    def report(self, line: str) -> None:
        """Take a line for a person."""
        ...

    def progress(self, stage: str, done: float, eta_s: float | None) -> None:
        """Take how far a stage of `STAGES` is, and when everything may be done.

        Args:
            stage: its name.
            done: share of the stage, in [0, 1].
            eta_s: seconds to the end of all stages, at the latest; None where that is
                not known.

        Raises:
            Canceled: to end the training.
        """
        ...

    def point(
        self, kind: str, stage: str, step: int, values: Mapping[str, float]
    ) -> None:
        """Take a point of a curve.

        Args:
            kind: `loss` (values: loss), `validation` (AP by type, and `mean`) or
                `learning` (`share` of the training data, then `AP/TYPE` and
                `events/TYPE`).
            stage: that it belongs to.
            step: optimiser step of the stage; of `learning` the number of the point.
                After a resume, points from where the last saved state was come again.
            values: by name.
        """
        ...

    def should_pause(self) -> bool:
        """Say whether to pause; asked between steps.

        If so, the state is saved and `TrainingPaused` is raised.
        """
        ...


class LineWatch:
    """Hands lines on, and wants neither curves nor a pause."""

    def __init__(self, report: Reporter) -> None:
        self._report = report

    def report(self, line: str) -> None:
        """Hand a line on."""
        self._report(line)

    def progress(self, stage: str, done: float, eta_s: float | None) -> None:
        """Leave it."""

    def point(
        self, kind: str, stage: str, step: int, values: Mapping[str, float]
    ) -> None:
        """Leave it."""

    def should_pause(self) -> bool:
        """Never pause."""
        return False
