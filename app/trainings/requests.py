"""A training is asked for: everything is looked at first, then its row is made."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.annotations.timelines import View
from app.checkpoints.lineage import learned_from
from app.core.db.project_sessions import project_of
from app.core.db.snapshot import snapshot
from app.core.errors import InvalidRequest, UnknownModel
from app.core.resources import Resources
from app.core.settings import Settings
from app.jobs.kinds import NO_MODEL
from app.jobs.tables import Job
from app.trainings.choices import (
    Base,
    check_holdout,
    check_parts,
    check_types,
    find_base,
    rate_finding,
)
from app.trainings.holdout import HoldoutPlan, plan_holdout
from app.trainings.names import check_name
from app.trainings.options import Holdout, TrainingOptions
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
from model.errors import BadAnnotations

ASKING_LOCK = 0x7472_6169_6E  # so that two at once cannot pass the limits together
RETRY_AFTER_S = 300


@dataclass(frozen=True, slots=True)
class TrainingRequest:
    """What somebody asks for.

    Attributes:
        base: a name; None: the default model, unless `is_without_base`.
    """

    name: str
    base: str | None
    is_without_base: bool
    options: TrainingOptions


@dataclass(frozen=True, slots=True)
class CheckedTraining:
    """A request that can be granted, and what is to be told of it."""

    base: Base | None
    warnings: Sequence[Finding]


@dataclass(frozen=True, slots=True)
class HoldoutRequest:
    """What of a training decides what is held out.

    Attributes:
        choice: None: as an export splits it.
        base: the model it starts from; None: the default model, if there is one.
        seed: of the training.
    """

    choice: Holdout | None = None
    base: str | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Readiness:
    """How far what is reviewed goes.

    Attributes:
        counts: of the types that were asked about.
        holdout: what would be held out; None: that cannot be told.
        newest: the newest training that has ended well.
    """

    data: ReviewedData
    counts: Counts
    split: SplitPlan | None
    holdout: HoldoutPlan | None
    problems: Sequence[Finding]
    newest: Training | None
    worker: WorkerState


def ask_for_training(
    session: Session, wanted: TrainingRequest, resources: Resources
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
    checked = _check(wanted, resources)
    session.execute(select(func.pg_advisory_xact_lock(ASKING_LOCK)))
    check_name(session, wanted.name, resources.settings)
    waiting = session.scalars(waiting_trainings(project_of(session))).one()
    if waiting >= MAX_WAITING:
        raise TooManyTrainings(too_many(waiting), retry_after_s=RETRY_AFTER_S)
    return add_training(
        session,
        name=wanted.name,
        base=None if checked.base is None else checked.base.name,
        options=wanted.options,
        warnings=[{"code": one.code, "detail": one.detail} for one in checked.warnings],
    )


def _check(wanted: TrainingRequest, resources: Resources) -> CheckedTraining:
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
    try:
        plan = _planned(options.holdout, options.seed, base, data, settings)
    except BadAnnotations as exc:
        raise NothingReviewed(str(exc)) from exc
    findings += check_parts(options, base, counts, plan)
    findings = [*_but_of_few_matches(findings, options.holdout)]
    rate = rate_finding(base, data)
    of_service = findings_of_service(worker, waiting=0)
    return CheckedTraining(base, [*findings, *of_service, *([rate] if rate else ())])


def _but_of_few_matches(
    findings: Iterable[Finding], holdout: Holdout | None
) -> Iterable[Finding]:
    """Leave out that there are few matches, where whole ones are to be held out."""
    is_named = holdout is not None and bool(holdout.videos)
    return (one for one in findings if not (is_named and one.code == "few-matches"))


def _planned(
    holdout: Holdout | None,
    seed: int,
    base: Base | None,
    data: ReviewedData,
    settings: Settings,
) -> HoldoutPlan:
    """Tell what would be held out.

    Raises:
        BadAnnotations: there is too little to split.
    """
    learned = () if base is None else learned_from(base.name, settings)
    return plan_holdout(data, holdout, seed=seed, learned=learned)


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
    holdout: HoldoutRequest | None = None,
) -> Readiness:
    """Tell how far what is reviewed goes.

    Args:
        videos: ids; None: all of which something is reviewed.
        types: what is asked about; None: all that were found.
        holdout: what is to be held out; None: as an export splits it.

    Raises:
        UnknownModel: the base is not installed.
        VideoNotFound: one of the videos is not there.
    """
    holdout = holdout or HoldoutRequest()
    base = _base_of(holdout, resources.settings)
    with snapshot(resources) as session:
        worker = worker_state(session, resources.settings)
        waiting = session.scalars(waiting_trainings(project_of(session))).one()
        newest = session.scalars(newest_figures()).one_or_none()
        data = _read(session, videos, resources)
    counts = data.counts
    if types is not None:
        counts = {label: one for label, one in counts.items() if label in types}
    findings = [*findings_in(data, counts, wanted=types)]
    plan, choice = None, holdout.choice
    options = TrainingOptions(
        types=None if types is None else tuple(types), holdout=choice
    )
    if data.videos:
        try:
            check_holdout(options, data)
            plan = _planned(choice, holdout.seed, base, data, resources.settings)
            findings += check_parts(options, base, counts, plan)
        except (InvalidRequest, NothingReviewed, BadAnnotations) as exc:
            findings.insert(0, Finding("no-holdout", str(exc), is_blocking=True))
    return Readiness(
        data=data,
        counts=counts,
        split=plan_split(data, choice) if data.videos else None,
        holdout=plan,
        problems=[
            *_but_of_few_matches(findings, choice),
            *findings_of_service(worker, waiting),
        ],
        newest=newest,
        worker=worker,
    )


def _base_of(holdout: HoldoutRequest, settings: Settings) -> Base | None:
    """Find the base that decides what is known already.

    Raises:
        UnknownModel: one is named, and not installed.
    """
    if holdout.base == NO_MODEL:
        return None
    try:
        return find_base(holdout.base, settings)
    except UnknownModel:
        if holdout.base is not None:
            raise
        return None


def _read(
    session: Session, videos: Collection[UUID] | None, resources: Resources
) -> ReviewedData:
    view = View(resources.settings.match_tolerance)
    return read_reviewed(session, resources.storage, videos, view=view)
