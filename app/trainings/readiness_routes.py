"""What is reviewed for a training, and what is missing."""

from typing import Annotated
from uuid import UUID

from fastapi import Query

from app.core.errors import RULE, InvalidRequest, UnknownModel, VideoNotFound
from app.core.http.dependencies import ResourcesDep
from app.core.http.problems import problem_responses
from app.core.http.routing import guarded_router
from app.trainings.needs import needs_in
from app.trainings.options import Holdout
from app.trainings.readiness_schemas import TrainingReadiness
from app.trainings.request_schemas import MAX_SEED, MAX_TYPES, MAX_VIDEOS, TypeName
from app.trainings.requests import HoldoutRequest, read_readiness

router = guarded_router("trainings")

NO_TRAINING_YET = (
    "No training has ended yet. What would help most is told from the curves of one: "
    "how much better the model became with more of the data."
)
NO_GAIN = (
    "The curves of the newest training show no type of which more events would help "
    "for sure."
)
NO_CURVE = (
    "The newest training had too little time or too few stretches to draw a learning "
    "curve, so nobody knows what would help most: its log says which."
)


@router.get(
    "/trainings/readiness", responses=problem_responses(VideoNotFound, UnknownModel)
)
def get_training_readiness(
    resources: ResourcesDep,
    videos: Annotated[
        list[UUID] | None,
        Query(
            max_length=MAX_VIDEOS,
            description="Ids, one each time. Left out: all videos of which "
            "something is reviewed.",
        ),
    ] = None,
    types: Annotated[
        list[TypeName] | None,
        Query(
            max_length=MAX_TYPES,
            description="May be given several times. Left out: all.",
        ),
    ] = None,
    holdout_videos: Annotated[
        list[UUID] | None,
        Query(
            max_length=MAX_VIDEOS,
            description="Ids of videos to hold out, with the other half of the same "
            "match, as `holdout.videos` of a training.",
        ),
    ] = None,
    holdout_share: Annotated[
        float | None,
        Query(ge=0.05, le=0.5, description="As `holdout.share` of a training."),
    ] = None,
    base: Annotated[
        str | None,
        Query(
            max_length=255,
            description="The model to start from: what it has learned from is held "
            "out last. Left out: the default one; `none`: none.",
        ),
    ] = None,
    seed: Annotated[int, Query(ge=0, le=MAX_SEED, description="As of a training.")] = 0,
) -> TrainingReadiness:
    """Tell what is reviewed, whether it is enough, and what would be held out.

    The counts are those of the data set that would be exported. Problems say what to
    do; only those that block keep a training from beginning.
    """
    choice = _holdout(holdout_videos, holdout_share)
    found = read_readiness(
        resources,
        videos=videos,
        types=types,
        holdout=HoldoutRequest(choice, base, seed),
    )
    newest = found.newest
    needs = needs_in(newest.figures if newest else None)
    why_none = NO_GAIN if needs.others else NO_CURVE if newest else NO_TRAINING_YET
    return TrainingReadiness.of(
        found.data,
        found.counts,
        split=found.split,
        holdout=found.holdout,
        problems=found.problems,
        needs=needs,
        needs_note=None if needs.helping else why_none,
        worker=found.worker,
    )


def _holdout(videos: list[UUID] | None, share: float | None) -> Holdout | None:
    """Read what is to be held out.

    Raises:
        InvalidRequest: both are named.
    """
    if videos and share is not None:
        raise InvalidRequest(
            "holdout_videos, holdout_share: name either videos or a share.", kind=RULE
        )
    if not videos and share is None:
        return None
    return Holdout(tuple(dict.fromkeys(map(str, videos or ()))), share)
