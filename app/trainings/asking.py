"""A training is asked for: everything is looked at first, then its row is made."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.annotations.timelines import View
from app.core.db.project_sessions import project_of
from app.core.http.dependencies import snapshot
from app.core.resources import Resources
from app.jobs.tables import Job
from app.trainings.choices import (
    Base,
    check_holdout,
    check_types,
    find_base,
    rate_finding,
)
from app.trainings.names import check_name
from app.trainings.options import TrainingOptions
from app.trainings.problems import (
    NothingReviewed,
    TooManyTrainings,
    TrainingNotInstalled,
)
from app.trainings.queries import newest_figures, waiting_trainings
from app.trainings.readiness import (
    MAX_WAITING,
    Finding,
    SplitPlan,
    findings_in,
    findings_of_service,
    plan_split,
    too_many,
)
from app.trainings.reviewed_data import Counts, ReviewedData, read_reviewed
from app.trainings.service import add_training
from app.trainings.tables import Training
from app.trainings.worker_state import WorkerState, worker_state

ASKING_LOCK = 0x7472_6169_6E  # so that two at once cannot pass the limits together
RETRY_AFTER_S = 300


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody asks for.

    Attributes:
        base: a name; None: the default model, unless `is_without_base`.
    """

    name: str
    base: str | None
    is_without_base: bool
    options: TrainingOptions


@dataclass(frozen=True, slots=True)
class Judged:
    """A request that can be granted, and what is to be told of it."""

    base: Base | None
    warnings: Sequence[Finding]


@dataclass(frozen=True, slots=True)
class Readiness:
    """How far what is reviewed goes.

    Attributes:
        counts: of the types that were asked about.
        newest: the newest training that has ended well.
    """

    data: ReviewedData
    counts: Counts
    split: SplitPlan | None
    problems: Sequence[Finding]
    newest: Training | None
    worker: WorkerState


def ask_for_training(
    session: Session, wanted: Wanted, resources: Resources
) -> tuple[Training, Job]:
    """Look at a request, and queue it.

    Raises:
        InvalidRequest, UnknownType, UnknownModel: it contradicts what there is.
        VideoNotFound: it names a video that is not there.
        NothingReviewed: there is nothing to learn from.
        TrainingNotInstalled: nobody here can train.
        ModelNameTaken: the name is another model's.
        TooManyTrainings: too many wait already.
    """
    judged = _judge(wanted, resources)
    session.execute(select(func.pg_advisory_xact_lock(ASKING_LOCK)))
    check_name(session, wanted.name, resources.settings)
    waiting = session.scalars(waiting_trainings(project_of(session))).one()
    if waiting >= MAX_WAITING:
        raise TooManyTrainings(too_many(waiting), retry_after_s=RETRY_AFTER_S)
    return add_training(
        session,
        name=wanted.name,
        base=None if judged.base is None else judged.base.name,
        options=wanted.options,
        warnings=[{"code": one.code, "detail": one.detail} for one in judged.warnings],
    )


def _judge(wanted: Wanted, resources: Resources) -> Judged:
    options, settings = wanted.options, resources.settings
    with snapshot(resources) as session:
        check_name(session, wanted.name, settings)
        base = None if wanted.is_without_base else find_base(wanted.base, settings)
        worker = worker_state(session, settings)
        if not worker.installed:
            raise TrainingNotInstalled(worker.detail)
        ids = None if options.videos is None else [UUID(one) for one in options.videos]
        data = _read(session, ids, resources)
    if not data.videos:
        _refuse(findings_in(data, {}))
    counts = check_types(options, base, data)
    findings = list(findings_in(data, counts, wanted=options.types))
    _refuse(findings)
    check_holdout(options, data)
    if options.holdout is not None and options.holdout.videos:
        # Then whole matches are held out, however few there are.
        findings = [one for one in findings if one.code != "few-matches"]
    rate = rate_finding(base, data)
    of_service = findings_of_service(worker, waiting=0)
    return Judged(base, [*findings, *of_service, *([rate] if rate else ())])


def _refuse(findings: Iterable[Finding]) -> None:
    """Refuse data with which no training can begin."""
    for one in findings:
        if one.is_blocking:
            raise NothingReviewed(one.detail)


def read_readiness(
    resources: Resources,
    *,
    videos: Collection[UUID] | None,
    types: Collection[str] | None,
) -> Readiness:
    """Tell how far what is reviewed goes.

    Args:
        videos: ids; None: all of which something is reviewed.
        types: what is asked about; None: all that were found.

    Raises:
        VideoNotFound: one of the videos is not there.
    """
    with snapshot(resources) as session:
        worker = worker_state(session, resources.settings)
        waiting = session.scalars(waiting_trainings(project_of(session))).one()
        newest = session.scalars(newest_figures()).one_or_none()
        data = _read(session, videos, resources)
    counts = data.counts
    if types is not None:
        counts = {label: one for label, one in counts.items() if label in types}
    return Readiness(
        data=data,
        counts=counts,
        split=plan_split(data) if data.videos else None,
        problems=[
            *findings_in(data, counts, wanted=types),
            *findings_of_service(worker, waiting),
        ],
        newest=newest,
        worker=worker,
    )


def _read(
    session: Session, videos: Collection[UUID] | None, resources: Resources
) -> ReviewedData:
    view = View(resources.settings.match_tolerance)
    return read_reviewed(session, resources.storage, videos, view=view)
