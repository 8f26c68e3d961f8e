"""Trainings: asked for, found, canceled, deleted, and what their worker tells of them.

In transactions given to it. What a worker writes of a training that was deleted
meanwhile is dropped without a word: its job is being canceled.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import cast, insert, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from app.core.db.base import new_id, utc_now
from app.core.db.project_sessions import project_of
from app.core.errors import JobIsFinished
from app.core.settings import Settings
from app.jobs.kinds import JobKind
from app.jobs.requests import request
from app.jobs.service import cancel
from app.jobs.tables import Job, JobStatus
from app.trainings.options import TrainingOptions
from app.trainings.problems import TrainingNotFound
from app.trainings.queries import (
    delete_training,
    last_line,
    last_point,
    lock_training,
    places_in_queue,
    points_after,
    training_with_job,
)
from app.trainings.tables import Training, TrainingLine, TrainingPoint

PointKind = Literal["loss", "validation", "learning"]
CURVES: tuple[PointKind, ...] = ("loss", "validation")  # that grow step by step
MAX_LINE_CHARS = 2000


@dataclass(frozen=True, slots=True)
class Point:
    """A point of a training's curves.

    Attributes:
        stage: of the training: head, finetune, ...
        step: of that stage, counted from 0; of a learning curve any number that
            orders its points.
        values: by name, such as `loss`, a type of event, `mean` or `share`.
    """

    kind: PointKind
    stage: str
    step: int
    values: Mapping[str, float | None]


def add_training(
    session: Session,
    *,
    name: str,
    base: str | None,
    options: TrainingOptions,
    warnings: Sequence[Mapping[str, str]] = (),
    priority: int = 0,
) -> tuple[Training, Job]:
    """Keep what is asked for, and queue its job; notify its workers after the commit.

    Args:
        name: of the model that it makes, without a version.
        base: the installed checkpoint it starts from, with its version; None: none.
        warnings: `code` and `detail` of what whoever asks is told of the data.
    """
    training_id, now = new_id(), utc_now()
    job = request(
        session,
        kind=JobKind.TRAIN,
        video_id=None,
        params={"training_id": str(training_id)},
        priority=priority,
    )
    training = Training(
        id=training_id,
        project_id=project_of(session),
        job_id=job.id,
        name=name,
        base=base,
        options=options.stored(),
        warnings=[dict(one) for one in warnings],
        created_at=now,
    )
    session.add(training)
    session.flush()
    return training, job


def find_training(session: Session, training_id: UUID) -> tuple[Training, Job]:
    """Load a training with its job.

    Raises:
        TrainingNotFound: no training has that id.
    """
    found = session.execute(training_with_job(training_id)).one_or_none()
    if found is None:
        raise TrainingNotFound(f"No training has the id {training_id}.")
    return found[0], found[1]


def places_of(session: Session, job_ids: Collection[UUID]) -> dict[UUID, int]:
    """Tell where trainings stand in the queue, by their jobs; those that wait."""
    return {row.id: row.place for row in session.execute(places_in_queue(job_ids))}


def place_of(session: Session, job_id: UUID) -> int | None:
    """Tell where a training stands in the queue; None: it does not wait."""
    return places_of(session, [job_id]).get(job_id)


def cancel_training(
    session: Session, training_id: UUID, *, settings: Settings
) -> tuple[Training, Job, UUID | None]:
    """End a waiting training; ask the worker of a running one to stop.

    Returns:
        The training, its job, and the webhook message to announce, if any.

    Raises:
        TrainingNotFound: no training has that id.
        JobIsFinished: it has ended already.
    """
    training, job = find_training(session, training_id)
    job, delivery_id = cancel(session, job.id, settings=settings)
    return training, job, delivery_id


def remove_training(
    session: Session, training_id: UUID, *, settings: Settings
) -> UUID | None:
    """Delete a training's row, and cancel its job if that has not ended.

    The model that it made stays.

    Returns:
        The webhook message to announce, if any.

    Raises:
        TrainingNotFound: no training has that id.
    """
    _, job = find_training(session, training_id)
    delivery_id = None
    if not JobStatus(job.status).is_final:
        try:
            _, delivery_id = cancel(session, job.id, settings=settings)
        except JobIsFinished:  # meanwhile
            delivery_id = None
    session.execute(delete_training(training_id))
    return delivery_id


def note_data(session: Session, training_id: UUID, data: Mapping[str, object]) -> None:
    """Keep what a training trains on and is judged by, once that is exported."""
    _set(session, training_id, data=finite(data))


def add_points(session: Session, training_id: UUID, points: Sequence[Point]) -> None:
    """Add points to a training's curves; what is no finite number becomes null."""
    if not points or session.scalar(lock_training(training_id)) is None:
        return
    first, now = (session.scalar(last_point(training_id)) or 0) + 1, utc_now()
    rows = [
        {
            "training_id": training_id,
            "number": number,
            "kind": point.kind,
            "stage": point.stage,
            "step": point.step,
            "values": finite(point.values),
            "at": now,
        }
        for number, point in enumerate(points, first)
    ]
    session.execute(insert(TrainingPoint), rows)


def drop_points_after(
    session: Session,
    training_id: UUID,
    *,
    stage: str,
    step: int,
    kinds: Collection[PointKind] = CURVES,
) -> None:
    """Forget the points of a stage after a step: a run goes on from there."""
    statement = points_after(training_id, stage=stage, step=step, kinds=kinds)
    session.execute(statement.execution_options(synchronize_session=False))


def add_line(
    session: Session, training_id: UUID, text: str, *, at: datetime | None = None
) -> None:
    """Add a line to a training's log; a very long one is cut."""
    if session.scalar(lock_training(training_id)) is None:
        return
    row = {
        "training_id": training_id,
        "number": (session.scalar(last_line(training_id)) or 0) + 1,
        "text": text.replace("\0", "")[:MAX_LINE_CHARS],  # Postgres takes no NUL.
        "at": at or utc_now(),
    }
    session.execute(insert(TrainingLine), [row])


def finish(
    session: Session,
    training_id: UUID,
    *,
    model: str,
    figures: Mapping[str, object],
    comparison_id: UUID | None = None,
    warnings: Mapping[str, str] | None = None,
) -> None:
    """Keep what a training made, and how good it is.

    Args:
        model: the version, `name@number`.
        warnings: what the model lacks, by code; they join those of the data.
    """
    values: dict[str, object] = {"model": model, "figures": finite(figures)}
    if warnings:
        told = [{"code": code, "detail": text} for code, text in warnings.items()]
        values["warnings"] = Training.warnings + cast(told, JSONB)
    _set(session, training_id, **values, comparison_id=comparison_id)


def _set(session: Session, training_id: UUID, **values: object) -> None:
    statement = update(Training).where(Training.id == training_id).values(values)
    session.execute(statement.execution_options(synchronize_session=False))


def finite(value: Any) -> Any:
    """Give a value as JSON takes it: NaN and the infinities become null."""
    if isinstance(value, Mapping):
        return {str(key): finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [finite(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
