"""On what models are compared: a training's hold-out, or what is reviewed."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.annotations.tables import ReviewedStretch
from app.checkpoints.catalogue import check_model, file_name
from app.comparisons.problems import NothingToCompareOn, TooManyComparisons
from app.comparisons.queries import first_of_training, waiting_comparisons
from app.comparisons.service import Holdout, holdout_of
from app.core.db.project_sessions import project_of
from app.core.errors import RULE, InvalidRequest
from app.core.settings import Settings
from app.trainings.tables import Training
from app.videos.service import video_not_found
from app.videos.tables import Video

MAX_VIDEOS = 1000
MAX_WAITING = 20  # comparisons of a project that wait
RETRY_AFTER_S = 300
ASKING_LOCK = 0x636F_6D70  # so that two at once cannot pass the limit together


def check_models(models: Sequence[str], settings: Settings) -> list[str]:
    """Make sure that models can be compared; gives the names that they stand for.

    Raises:
        UnknownModel: there is none of that name, or it cannot be read.
        InvalidRequest: two names stand for one model.
    """
    found: list[str] = []
    for name in models:
        check_model(name, settings)
        found.append(file_name(name, settings))
    twice = sorted({name for name in found if found.count(name) > 1})
    if twice:
        raise InvalidRequest(
            f"models: {twice[0]} is named twice; name different models.", kind=RULE
        )
    return found


def refuse_too_many(session: Session) -> None:
    """Let no project fill the queue, in which analyses wait as well.

    Raises:
        TooManyComparisons: so many of its comparisons wait already.
    """
    session.execute(select(func.pg_advisory_xact_lock(ASKING_LOCK)))
    waiting = session.scalars(waiting_comparisons(project_of(session))).one()
    if waiting >= MAX_WAITING:
        raise TooManyComparisons(
            f"{waiting} comparisons of this project wait, as many as may: let some "
            "end, or delete those that are not needed (DELETE /comparisons/{id}).",
            retry_after_s=RETRY_AFTER_S,
        )


def choose_holdout(
    session: Session, *, training_id: UUID | None, videos: Sequence[UUID] | None
) -> Holdout:
    """Choose the stretches to compare on.

    Raises:
        VideoNotFound: a video is not there.
        InvalidRequest: both a training and videos are named.
        NothingToCompareOn: nothing is reviewed, or the training held nothing out.
    """
    if training_id is not None and videos is not None:
        raise InvalidRequest("Name a training or videos, not both.", kind=RULE)
    if training_id is not None:
        return _of_training(session, training_id)
    statement = select(Video.id).order_by(Video.id.desc()).limit(MAX_VIDEOS)
    reviewed = Video.id.in_(select(ReviewedStretch.video_id))
    if videos is None:
        ids = list(session.scalars(statement.where(reviewed)))
    else:
        ids = list(dict.fromkeys(videos))
        there = set(session.scalars(select(Video.id).where(Video.id.in_(ids))))
        for missing in (one for one in ids if one not in there):
            raise video_not_found(missing)
    found: dict[UUID, list[tuple[float, float]]] = {}
    rows = select(
        ReviewedStretch.video_id, ReviewedStretch.from_ms, ReviewedStretch.to_ms
    ).where(ReviewedStretch.video_id.in_(ids))
    in_order = rows.order_by(ReviewedStretch.video_id, ReviewedStretch.from_ms)
    for video_id, from_ms, to_ms in session.execute(in_order):
        found.setdefault(video_id, []).append((from_ms / 1000, to_ms / 1000))
    if not found:
        raise NothingToCompareOn(
            "Nothing of the videos is reviewed, so nobody knows what is true there: "
            "mark stretches in which every event has been looked at (V in the review)."
        )
    return found


def _of_training(session: Session, training_id: UUID) -> Holdout:
    """Read what a training held out: of its own row; of one that is gone, of the first
    comparison on it.
    """
    training = session.get(Training, training_id)
    if training is not None and training.model is not None:
        found = _held_out(training)
    else:
        first = session.scalars(first_of_training(training_id)).one_or_none()
        found = {} if first is None else holdout_of(first)
    if not any(found.values()):
        raise NothingToCompareOn(
            "It is not known what that training held out: it has not ended well, or is "
            "none of yours. Name videos instead."
        )
    return found


def _held_out(training: Training) -> Holdout:
    held: Any = (training.data or {}).get("holdout") or ()
    return {
        UUID(one["video_id"]): [(start, end) for start, end in one["spans"]]
        for one in held
    }
