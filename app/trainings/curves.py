"""The curves of a training, read off its points."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from uuid import UUID

from sqlalchemy.orm import Session

from app.trainings.queries import count_losses, points_of
from app.trainings.tables import TrainingPoint

MAX_LOSSES = 500  # in one answer; a curve on a screen has no more
SHARE, AP, EVENTS = "share", "AP/", "events/"  # names in a point of a learning curve

Value = float | None  # null: it was no finite number


@dataclass(frozen=True, slots=True)
class LossPoint:
    """The loss at a step of a stage."""

    stage: str
    step: int
    value: Value


@dataclass(frozen=True, slots=True)
class ValidationPoint:
    """How good the network is at a step of a stage: AP by type, and `mean`."""

    stage: str
    step: int
    values: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class LearningPoint:
    """How good it is with a share of the training data.

    Attributes:
        events: it learned from, by type.
        values: AP by type.
    """

    share: Value
    events: Mapping[str, Value]
    values: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Curves:
    """All curves of a training, each in the order of its points."""

    loss: Sequence[LossPoint] = ()
    validation: Sequence[ValidationPoint] = ()
    learning: Sequence[LearningPoint] = field(default=())


def read_curves(session: Session, training_id: UUID) -> Curves:
    """Read a training's curves; a long one of loss by a part of its points."""
    losses = session.scalars(count_losses(training_id)).one()
    every = max(1, ceil(losses / MAX_LOSSES))
    return curves_of(session.scalars(points_of(training_id, every=every)))


def curves_of(points: Iterable[TrainingPoint]) -> Curves:
    """Sort points into curves."""
    loss, validation, learning = [], [], []
    for point in points:
        values = {name: _number(value) for name, value in point.values.items()}
        if point.kind == "loss":
            first = next(iter(values.values()), None)
            value = values.get("loss", first)
            loss.append(LossPoint(point.stage, point.step, value))
        elif point.kind == "validation":
            validation.append(ValidationPoint(point.stage, point.step, values))
        else:
            learning.append(
                LearningPoint(
                    values.get(SHARE), _under(EVENTS, values), _under(AP, values)
                )
            )
    return Curves(loss, validation, learning)


def _number(value: object) -> Value:
    return float(value) if isinstance(value, int | float) else None


def _under(prefix: str, values: Mapping[str, Value]) -> dict[str, Value]:
    return {
        name.removeprefix(prefix): value
        for name, value in values.items()
        if name.startswith(prefix)
    }
