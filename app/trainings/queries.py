"""Statements about trainings, built without a session."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import (
    Delete,
    Select,
    Text,
    and_,
    cast,
    delete,
    func,
    not_,
    or_,
    select,
)

from app.jobs.kinds import JobKind
from app.jobs.tables import Job, JobStatus
from app.projects.tables import Project
from app.trainings.tables import Training, TrainingLine, TrainingPoint


def training_with_job(training_id: UUID) -> Select[Training, Job]:
    """One training with its job."""
    return _trainings().where(Training.id == training_id)


def trainings_page(*, before: UUID | None, limit: int) -> Select[Training, Job]:
    """A page of trainings, the newest first; one row more than `limit`."""
    statement = _trainings()
    if before is not None:
        statement = statement.where(Training.id < before)
    return statement.order_by(Training.id.desc()).limit(limit + 1)


def lock_training(training_id: UUID) -> Select[UUID]:
    """Lock a training, so that its points and lines have one writer; no row: gone."""
    return (
        select(Training.id)
        .where(Training.id == training_id)
        .with_for_update(key_share=True)
    )


def last_point(training_id: UUID) -> Select[int | None]:
    """Tell the number of the last point of its curves; None: there is none."""
    return select(func.max(TrainingPoint.number)).where(
        TrainingPoint.training_id == training_id
    )


def last_line(training_id: UUID) -> Select[int | None]:
    """Tell the number of the last line of its log; None: there is none."""
    return select(func.max(TrainingLine.number)).where(
        TrainingLine.training_id == training_id
    )


def count_losses(training_id: UUID) -> Select[int]:
    """Count the points of a training's curve of loss."""
    return select(func.count()).where(
        TrainingPoint.training_id == training_id, TrainingPoint.kind == "loss"
    )


def points_of(training_id: UUID, *, every: int = 1) -> Select[TrainingPoint]:
    """List the points of a training's curves, in the order in which they came.

    Args:
        every: of the loss about one point out of so many.
    """
    is_shown = or_(TrainingPoint.kind != "loss", TrainingPoint.number % every == 0)
    return (
        select(TrainingPoint)
        .where(TrainingPoint.training_id == training_id, is_shown)
        .order_by(TrainingPoint.number)
    )


def points_after(
    training_id: UUID, *, stage: str, step: int, kinds: Collection[str]
) -> Delete:
    """Delete the points of a stage that lie after a step."""
    return delete(TrainingPoint).where(
        TrainingPoint.training_id == training_id,
        TrainingPoint.stage == stage,
        TrainingPoint.step > step,
        TrainingPoint.kind.in_(kinds),
    )


def last_lines(training_id: UUID, *, limit: int) -> Select[TrainingLine]:
    """List the last lines of a training's log, the newest first."""
    return (
        select(TrainingLine)
        .where(TrainingLine.training_id == training_id)
        .order_by(TrainingLine.number.desc())
        .limit(limit)
    )


def lines_page(
    training_id: UUID, *, after: int | None, limit: int
) -> Select[TrainingLine]:
    """A page of a training's log, the oldest first; one row more than `limit`."""
    statement = select(TrainingLine).where(TrainingLine.training_id == training_id)
    if after is not None:
        statement = statement.where(TrainingLine.number > after)
    return statement.order_by(TrainingLine.number).limit(limit + 1)


def waiting_trainings(project_id: UUID) -> Select[int]:
    """Count a project's trainings that wait for a worker."""
    return select(func.count(Job.id)).where(
        Job.kind == JobKind.TRAIN,
        Job.status == JobStatus.QUEUED,
        Job.project_id == project_id,
    )


def is_trained_elsewhere(
    name: str, project_id: UUID, makers: Collection[str] = ()
) -> Select[bool]:
    """Whether another project trains a model of this name, and this one does not.

    Models are of all projects: its versions would be taken for theirs. Asked of the
    table and not of the rows that a project sees.

    Args:
        makers: ids of other projects that versions of it are from, as their files
            tell: their trainings may be deleted by now. One that is of no project of
            this service is of nobody.
    """
    rows = Training.__table__.c
    named = select(rows.id).where(func.lower(rows.name) == name.lower())
    projects = Project.__table__.c
    made = select(projects.id).where(cast(projects.id, Text).in_(makers)).exists()
    theirs = or_(named.where(rows.project_id != project_id).exists(), made)
    ours = named.where(rows.project_id == project_id, rows.name == name).exists()
    return select(and_(theirs, not_(ours)))


def places_in_queue(job_ids: Collection[UUID]) -> Select[UUID, int]:
    """Tell where trainings stand in the queue of all projects: 1 is next.

    Those that do not wait are left out.
    """
    rows = Job.__table__.c
    waits = and_(rows.kind == JobKind.TRAIN, rows.status == JobStatus.QUEUED)
    place = func.row_number().over(
        order_by=(rows.priority.desc(), rows.created_at, rows.id)
    )
    queue = select(rows.id, place.label("place")).where(waits).subquery()
    return select(queue.c.id, queue.c.place).where(queue.c.id.in_(job_ids))


def newest_figures() -> Select[Training]:
    """The newest training that tells how good its model is."""
    return (
        select(Training)
        .where(Training.figures.is_not(None))
        .order_by(Training.id.desc())
        .limit(1)
    )


def delete_training(training_id: UUID) -> Delete:
    """Delete a training's row, with its curves and its log."""
    return delete(Training).where(Training.id == training_id)


def _trainings() -> Select[Training, Job]:
    return select(Training, Job).join(Job, Job.id == Training.job_id)
