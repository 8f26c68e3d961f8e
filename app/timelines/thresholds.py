"""The lowest score of an event, by type: asked for, saved, or the checkpoint's.

What is asked for in a request comes first, then what was saved for the video, then
what was saved for the model, then the checkpoint's own. Saved ones belong to weights:
the scores of others mean something else.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core.errors import RULE, InvalidRequest, UnknownType
from app.core.storage.interface import Storage
from app.timelines.queries import thresholds_of_model, upsert_thresholds
from app.timelines.spotting_options import (
    kept_options,
    labels_of,
    own_thresholds,
)
from app.timelines.tables import Analysis, ModelThresholds, VideoThresholds

Thresholds = Mapping[str, float]

THRESHOLDS_LOCK = 7164016  # an advisory lock's first number


def thresholds_in_force(
    session: Session, analysis: Analysis, asked: Thresholds
) -> dict[str, float]:
    """Give the thresholds that take the place of the checkpoint's, by type.

    Saved ones of types that the analysis does not know are left out, as far as those
    are known. To ask with what this gives gives the same.
    """
    wanted = {
        **saved_for_model(session, analysis),
        **saved_for_video(session, analysis),
        **asked,
    }
    kept = kept_options(analysis)
    if kept is None:
        return wanted
    return {label: value for label, value in wanted.items() if label in kept.labels}


def says_the_same(wanted: Thresholds, analysis: Analysis) -> bool:
    """Whether thresholds are those that made the stored events; False if not known."""
    own = own_thresholds(analysis)
    return all(own.get(label) == value for label, value in wanted.items())


def thresholds_tag(wanted: Thresholds) -> str:
    """Make a short name of thresholds in force, for an ETag; `0` without any."""
    if not wanted:
        return "0"
    text = json.dumps(sorted(wanted.items()))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def check_thresholds(
    asked: Mapping[str, float | None], analysis: Analysis, storage: Storage
) -> None:
    """Refuse thresholds that cannot be.

    Raises:
        UnknownType: of a type the analysis does not know.
        InvalidRequest: not in [0, 1].
        NoTimeline, ScoresNotFound: the types stand in the curves, which are gone.
    """
    refuse_unknown(asked, labels_of(analysis, storage))
    for label, value in asked.items():
        if value is not None and not (math.isfinite(value) and 0 <= value <= 1):
            raise InvalidRequest(
                f"The threshold of {label!r} must be a number from 0 to 1.", kind=RULE
            )


def refuse_unknown(asked: Mapping[str, object], known: tuple[str, ...]) -> None:
    """Refuse thresholds of types that are not known.

    Raises:
        UnknownType: there is such a one.
    """
    unknown = [label for label in asked if label not in known]
    if unknown:
        told = f"are {', '.join(known)}" if known else "are not known yet"
        raise UnknownType(
            f"There is no type {', '.join(map(repr, unknown))} to have a threshold; "
            f"the types {told}.",
            types=list(known),
        )


def saved_for_video(session: Session, analysis: Analysis) -> dict[str, float]:
    """Give the thresholds saved for a video and the weights of this analysis."""
    place = (analysis.video_id, weights_key(analysis.checkpoint))
    row = session.get(VideoThresholds, place)
    return {} if row is None else dict(row.thresholds)


def saved_for_model(session: Session, analysis: Analysis) -> dict[str, float]:
    """Give the thresholds that the video's project saved for these weights."""
    key = weights_key(analysis.checkpoint)
    found = session.scalars(thresholds_of_model(analysis.video_id, key))
    row = found.one_or_none()
    return {} if row is None else dict(row.thresholds)


def save_for_video(
    session: Session, analysis: Analysis, thresholds: Thresholds, *, author: str
) -> None:
    """Save thresholds for a video, in place of all it had for these weights."""
    place = {"video_id": analysis.video_id, "weights": weights_key(analysis.checkpoint)}
    session.execute(upsert_thresholds(VideoThresholds, place, thresholds, author))


def save_for_model(
    session: Session,
    weights: str,
    thresholds: Thresholds,
    *,
    project_id: UUID,
    author: str,
) -> None:
    """Save thresholds for weights in a project, in place of all there were."""
    place = {"project_id": project_id, "weights": weights}
    session.execute(upsert_thresholds(ModelThresholds, place, thresholds, author))


def lock_model_thresholds(session: Session, weights: str, project_id: UUID) -> None:
    """Let one transaction at a time save thresholds for weights in a project."""
    key = f"{project_id} {weights}"
    lock = func.pg_advisory_xact_lock(THRESHOLDS_LOCK, func.hashtext(key))
    session.execute(select(lock))


def weights_key(checkpoint: Mapping[str, object]) -> str:
    """Say which weights ran: by their SHA-256, else by the checkpoint's name."""
    return str(checkpoint.get("sha256") or checkpoint.get("name") or "")
