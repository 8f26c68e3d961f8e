"""How far what is reviewed goes for a training, and what is missing."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal

from app.trainings.options import Holdout
from app.trainings.reviewed_data import Counts, ReviewedData
from app.trainings.worker_state import WorkerState
from model.data.splits import PARTS
from model.data.stretch_splits import NOTE

FEW_EVENTS = 20  # of which about three are held out to judge by
LITTLE_MINUTES = 5.0
LEAST_AGREEMENT = 0.8
LEAST_CONTESTED = 5  # events that two people decided, before it says anything
MAX_WAITING = 20  # trainings of a project that wait

Code = Literal[
    "nothing-reviewed",
    "no-events",
    "few-events",
    "one-type",
    "type-not-reviewed",
    "few-matches",
    "little-reviewed",
    "video-left-out",
    "reviewers-disagree",
    "frame-rate",
    "training-not-installed",
    "train-worker-not-running",
    "no-holdout",
    "too-many-trainings",
]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong with the data, or with the service.

    Attributes:
        is_blocking: no training can begin; else it can, and is worse for it.
    """

    code: Code
    detail: str
    is_blocking: bool = False


@dataclass(frozen=True, slots=True)
class SplitPlan:
    """How the data is split, as an export does it.

    Attributes:
        by: whole matches, or far-apart stretches of each.
        note: what that means for the measures.
    """

    by: Literal["matches", "stretches"]
    matches: int
    note: str | None


def plan_split(data: ReviewedData, holdout: Holdout | None = None) -> SplitPlan:
    """Tell how the data is split: whole matches, if they are named or there are three.

    Args:
        holdout: what is to be held out; None: nothing is said of it.
    """
    count, is_named = len(data.matches), holdout is not None and bool(holdout.videos)
    if count < len(PARTS) and not is_named:
        return SplitPlan("stretches", count, NOTE)
    return SplitPlan("matches", count, None)


def findings_in(
    data: ReviewedData, counts: Counts, *, wanted: Collection[str] | None = None
) -> Iterator[Finding]:
    """Tell what is wrong with what is reviewed, the worst first.

    Args:
        counts: of the types that are to be learned, as the data names them or as they
            are mapped.
        wanted: the types that are asked for; None: those of the data.
    """
    yield from _nothing_at_all(data, counts, wanted)
    yield from _too_little(data, counts, wanted)
    for one in data.left_out:
        yield Finding("video-left-out", f"{one.title} cannot be used: {one.why}.")
    yield from _disagreement(data)


def findings_of_service(worker: WorkerState, waiting: int) -> Iterator[Finding]:
    """Tell why the service could not begin a training, or not soon.

    Args:
        waiting: trainings of the project that wait.
    """
    if not worker.installed:
        yield Finding("training-not-installed", worker.detail, is_blocking=True)
    elif not worker.running:
        yield Finding("train-worker-not-running", worker.detail)
    if waiting >= MAX_WAITING:
        yield Finding("too-many-trainings", too_many(waiting), is_blocking=True)


def too_many(waiting: int) -> str:
    """Say that too many trainings wait."""
    return (
        f"{waiting} trainings of this project wait, as many as may: let some end, or "
        "cancel those that are not needed (POST /trainings/{id}/cancel)."
    )


def _nothing_at_all(
    data: ReviewedData, counts: Counts, wanted: Collection[str] | None
) -> Iterator[Finding]:
    if not data.videos:
        yield Finding(
            "nothing-reviewed",
            "Nothing is reviewed that could be learned from: look at every event of a "
            "stretch of a match and mark the stretch as reviewed (V in the review).",
            is_blocking=True,
        )
        return
    if any(one.events for one in counts.values()):
        return
    of_types = "" if wanted is None else f" of the types {', '.join(sorted(wanted))}"
    yield Finding(
        "no-events",
        f"The reviewed stretches have no event{of_types}: review stretches in which "
        "something happens.",
        is_blocking=True,
    )


def _too_little(
    data: ReviewedData, counts: Counts, wanted: Collection[str] | None
) -> Iterator[Finding]:
    if not data.videos:
        return
    found = {label: one.events for label, one in counts.items() if one.events}
    for label in sorted(set(wanted or ()) - found.keys()):
        yield Finding(
            "type-not-reviewed",
            f"No event of the type {label} is reviewed: the model cannot learn it.",
        )
    for label, events in found.items():
        if events < FEW_EVENTS:
            yield Finding("few-events", _few(label, events))
    if len(found) == 1:
        (only,) = found
        yield Finding(
            "one-type",
            f"All events are of one type, {only}: the model learns to find it, but not "
            "to tell it from others. Review other types as well if there are any.",
        )
    if len(data.matches) < len(PARTS):
        yield Finding("few-matches", NOTE)
    if data.minutes < LITTLE_MINUTES:
        yield Finding(
            "little-reviewed",
            f"{data.minutes:.1f} minutes are reviewed: {LITTLE_MINUTES:g} at least are "
            "worth a training.",
        )


def _few(label: str, events: int) -> str:
    are = "1 event is" if events == 1 else f"{events} events are"
    return (
        f"{label}: {are} reviewed. It is trained, but with fewer than {FEW_EVENTS} "
        "what is held out is too little to judge it by."
    )


def _disagreement(data: ReviewedData) -> Iterator[Finding]:
    found = data.agreement
    if found.decided_twice < LEAST_CONTESTED:
        return
    same = found.kept_verdict / found.decided_twice
    if same >= LEAST_AGREEMENT:
        return
    yield Finding(
        "reviewers-disagree",
        f"Of {found.decided_twice} events that two people decided, they agree on "
        f"{found.kept_verdict} being one or none: the model learns both. Settle what "
        "counts as an event, and review those again.",
    )
