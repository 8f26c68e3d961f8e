"""How long a teaching still takes, at the latest, from what it has taken so far."""

from dataclasses import dataclass, field

from model.teaching.watch import STAGES

LEAST_DONE = 0.01
"""Of a stage, before its pace says anything."""

UNLIMITED = ("calibrate", "engines")
"""Stages that run to their end, whether or not time is left."""


@dataclass(slots=True)
class Eta:
    """Tells the seconds to the end, from the pace of the stage at hand and plans.

    Attributes:
        planned: seconds by stage, of those whose work is known beforehand.
    """

    planned: dict[str, float] = field(default_factory=dict)
    _stage: str = ""
    _done: float = 0.0
    _since_s: float = 0.0

    def plan(self, **seconds: float) -> None:
        """Say what stages will take."""
        self.planned.update(seconds)

    def begin_anew(self) -> None:
        """Measure the pace from the next report on: other work begins."""
        self._stage = ""

    def left_s(
        self, stage: str, done: float, *, used_s: float, budget_s: float
    ) -> float | None:
        """Tell the seconds to the end of all stages, at the latest.

        Args:
            stage: at hand.
            done: share of it, in [0, 1].
            used_s: of the teaching's time.
            budget_s: what of it is left; below 0 it is over.

        Returns:
            What is left of the stage at its pace so far, if nothing stops it early,
            and what later ones are planned to take, but not more than the budget. The
            budget, where that is not known; None: nothing is known.
        """
        if stage != self._stage or done < self._done:
            self._stage, self._done, self._since_s = stage, done, used_s
        own = self._left_of_stage(done, used_s)
        later = [self.planned.get(one) for one in STAGES[STAGES.index(stage) + 1 :]]
        known = [one for one in (own, *later) if one is not None]
        if len(known) <= len(later):
            return budget_s if budget_s > 0 else None
        if stage in UNLIMITED:
            return sum(known)
        return min(sum(known), max(0.0, budget_s))

    def _left_of_stage(self, done: float, used_s: float) -> float | None:
        if done >= 1:
            return 0.0
        if done - self._done >= LEAST_DONE:
            return (1 - done) * (used_s - self._since_s) / (done - self._done)
        planned = self.planned.get(self._stage)
        return None if planned is None else (1 - done) * planned
