"""Trainings: what people have reviewed becomes the next version of a model.

The data set is exported by reference into the training's scratch folder, a process of
its own learns from it (`worker.training`), and what comes of it is published and
compared with what it started from. The folder holds all state, so that a run goes on
where the one before it ended, however that ended.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app.comparisons.service import ask_for_comparison
from app.comparisons.tables import Comparison
from app.jobs.kinds import JobKind
from app.jobs.saved_runs import note_further
from app.trainings.options import TrainingOptions
from app.trainings.service import finish, note_data
from app.trainings.tables import Training
from model.checkpoint.library import find_named
from model.teaching.options import TeachOptions
from model.teaching.run import FRAMES
from worker.handlers.storing import refuse_to_fill_the_disk
from worker.job_task import HandlerContext, JobResult, JobTask, Reporter
from worker.training.dataset import TeachingSet, held_videos, make_teaching_set
from worker.training.failures import TrainingDeleted
from worker.training.giving_way import Queue
from worker.training.messages import Message
from worker.training.publish import Product, name_taken, publish
from worker.training.record import TrainingRecord
from worker.training.run import Timeouts, TrainingRun
from worker.training.scratch import scratch_of

LEAST_ROOM_BYTES = 256 * 2**20  # frames and features of a few minutes
QUANTA = 50  # of the whole training; a run that gets less far has got no further

log = structlog.get_logger(__name__)


def train_model(
    task: JobTask, context: HandlerContext, reporter: Reporter
) -> JobResult:
    """Train a model that was asked for.

    Raises:
        CannotTrain: there is nothing to learn from.
        ModelError: the data or the base cannot be used, or the training failed.
        TrainingDeleted: nobody wants it any more.
        StorageFull: there is no room for it.
    """
    training = _find(task, context)
    folder = scratch_of(context.settings.data_dir, training.id)
    refuse_to_fill_the_disk(context, LEAST_ROOM_BYTES, what="training")
    record = TrainingRecord(context.sessions, training.id)
    reporter.progress("export", 0.0)
    taught_from = _teaching_set(folder / "dataset", training, context, reporter, record)
    run = TrainingRun(
        request=_request(training, taught_from, folder / "state", context),
        reporter=reporter,
        record=record,
        queue=Queue(context.sessions, context.settings),
        timeouts=Timeouts(stall_s=context.settings.stall.total_seconds()),
        note_further=_noting(task, context),
    )
    with held_videos(
        taught_from,
        folder / "state" / FRAMES,
        context,
        on_wait=reporter.touch,
    ):
        taught = run.to_the_end()
    for note in taught["notes"]:
        record.line(f"note: {note}", is_said_once=True)
    record.flush()
    reporter.progress("compare", 1.0, 0.0)
    return result_of(training, taught, taught_from, context)


def _find(task: JobTask, context: HandlerContext) -> Training:
    with context.sessions() as session:
        training = session.get(Training, UUID(str(task.params["training_id"])))
    if training is None:
        raise TrainingDeleted("The training was deleted before it ended.")
    return training


def _teaching_set(
    folder: Path,
    training: Training,
    context: HandlerContext,
    reporter: Reporter,
    record: TrainingRecord,
) -> TeachingSet:
    """Take the data set that an earlier run has made, or make it."""

    def report(line: str) -> None:
        reporter.touch()
        record.line(line)

    there = TeachingSet.read(folder, TrainingOptions.read(training.options))
    if there is not None and training.data is not None:
        record.line("goes on with what an earlier run has saved")
        return there
    made = there or make_teaching_set(
        folder,
        training,
        context,
        touchline=version("touchline"),
        report=report,
        on_wait=reporter.touch,
    )
    with context.sessions.begin() as session:
        note_data(session, training.id, made.facts())
    record.flush()
    return made


def _request(
    training: Training, taught_from: TeachingSet, state: Path, context: HandlerContext
) -> dict[str, Any]:
    """Say what is to be taught, as JSON has it.

    Raises:
        BadAnnotations: the options contradict each other.
        BadCheckpoint: the base is not installed any more.
    """
    options = TrainingOptions.read(training.options)
    base = None
    if training.base is not None:
        settings = context.settings
        folder = settings.data_dir / "models"
        base = find_named(training.base, folder, chosen=settings.model)
    teach = TeachOptions(
        name=training.name,
        base=base,
        start=options.start,
        types=options.types,
        mapping=options.mapping,
        minutes=options.minutes,
        seed=options.seed,
    )
    raw = {**asdict(teach), "base": None if base is None else str(base)}
    return {
        "dataset": str(taught_from.folder),
        "folder": str(state),
        "lock": str(state.with_name("lock")),
        "options": raw,
    }


def _noting(task: JobTask, context: HandlerContext) -> Callable[[float], None]:
    """Give what notes how far the training is, in steps: what failed is forgiven.

    While the database is away it is noted later.
    """
    noted = 0

    def note(done: float) -> None:
        nonlocal noted
        steps = int(done * QUANTA)
        if steps <= noted:
            return
        try:
            with context.sessions.begin() as session:
                note_further(session, task.job_id, task.token, done=steps / QUANTA)
        except OperationalError as exc:
            log.warning("training_not_noted", error=str(exc.orig or exc))
        else:
            noted = steps

    return note


def result_of(
    training: Training,
    taught: Message,
    taught_from: TeachingSet,
    context: HandlerContext,
) -> JobResult:
    """Say what is to be written of a training that has taught a model."""
    facts: dict[str, object] = {"training_id": str(training.id)}
    asked: list[tuple[UUID, JobKind]] = []
    data = taught_from.facts(taught["holdout"])
    checkpoint = Path(taught["checkpoint"])
    product = Product(training, checkpoint, taught_from.lineage())

    def save(session: Session) -> None:
        """Publish it now that nobody can cancel it any more, and only once."""
        made = publish(product, context.settings)
        comparison = _compare(session, training, made, data)
        if comparison is not None:
            asked.append((comparison.job_id, JobKind.COMPARE))
        note_data(session, training.id, data)
        finish(
            session,
            training.id,
            model=made,
            figures=taught["figures"],
            warnings={**taught["warnings"], **name_taken(training, made)},
            comparison_id=None if comparison is None else comparison.id,
        )
        facts["model"] = made

    return JobResult(facts=facts, save=save, asked=asked)


def _compare(
    session: Session, training: Training, made: str, data: Mapping[str, Any]
) -> Comparison | None:
    """Ask for the comparison with what the model started from, if there is that."""
    if training.base is None or not data["holdout"]:
        return None
    return ask_for_comparison(
        session,
        project_id=training.project_id,
        models=[made, training.base],
        holdout={
            UUID(one["video_id"]): [(start, end) for start, end in one["spans"]]
            for one in data["holdout"]
        },
        training_id=training.id,
        created_by=training.created_by,
    )
