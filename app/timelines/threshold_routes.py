"""Thresholds saved for a video, or for a model and all its videos."""

from collections.abc import Iterable, Mapping
from typing import Annotated

from fastapi import Path, Response
from sqlalchemy.orm import Session

from app.annotations.authors import AuthorDep
from app.annotations.problems import InvalidAuthor
from app.annotations.service import lock_video
from app.checkpoints.catalogue import find_manifest
from app.core.db.project_sessions import project_of
from app.core.db.snapshot import snapshot
from app.core.errors import (
    InvalidRequest,
    ModelNotFound,
    UnknownType,
    VideoNotFound,
)
from app.core.http.dependencies import ResourcesDep, VideoId
from app.core.http.openapi import WITH_ETAG
from app.core.http.precondition_headers import IfMatch
from app.core.http.preconditions import check_tags, etag_of
from app.core.http.problems import WITH_JSON, problem_responses
from app.core.http.routing import ReviewRoute, guarded_router
from app.core.storage.interface import Storage
from app.timelines.problems import (
    AnalysisTooOld,
    NoTimeline,
    ScoresNotFound,
    ThresholdsChanged,
)
from app.timelines.shown import shown_analysis
from app.timelines.spotting_options import (
    labels_of,
    own_thresholds,
    weights_of,
    why_fixed,
)
from app.timelines.tables import Analysis, ModelThresholds
from app.timelines.threshold_schemas import (
    NewThresholds,
    ThresholdsOfTypes,
    TypeThreshold,
)
from app.timelines.thresholds import (
    check_thresholds,
    lock_model_thresholds,
    refuse_unknown,
    save_for_model,
    save_for_video,
    saved_for_model,
    saved_for_video,
    thresholds_tag,
)
from model.checkpoint.manifest import Manifest

ModelName = Annotated[str, Path(examples=["arena-rny002"])]

router = guarded_router("events", ReviewRoute)
models_router = guarded_router("models")

Saved = Mapping[str, float]
NOT_SAVED: Saved = {}


@router.get(
    "/videos/{video_id}/thresholds",
    responses={
        200: WITH_ETAG,
        **problem_responses(VideoNotFound, NoTimeline, ScoresNotFound),
    },
)
def get_video_thresholds(
    video_id: VideoId, resources: ResourcesDep, response: Response
) -> ThresholdsOfTypes:
    """Read the thresholds of the timeline that is shown."""
    with snapshot(resources) as session:
        _, analysis = shown_analysis(session, video_id)
        response.headers["etag"] = _tag_of_video(session, analysis)
        return _of_video(session, analysis, resources.storage)


@router.put(
    "/videos/{video_id}/thresholds",
    responses={
        200: WITH_ETAG,
        **problem_responses(
            *(VideoNotFound, NoTimeline, ScoresNotFound, AnalysisTooOld, UnknownType),
            *(InvalidAuthor, ThresholdsChanged, InvalidRequest, *WITH_JSON),
        ),
    },
)
def put_video_thresholds(
    video_id: VideoId,
    resources: ResourcesDep,
    author: AuthorDep,
    wanted: NewThresholds,
    response: Response,
    if_match: IfMatch = None,
) -> ThresholdsOfTypes:
    """Save thresholds for a video and the model whose timeline is shown.

    No event is made or lost by it: what is below a threshold is still there as a
    ghost, and what a person decided stays as it is. With `If-Match` nothing is saved
    over what others saved since.
    """
    with resources.sessions.begin() as session:
        video = lock_video(session, video_id)
        _, analysis = shown_analysis(session, video_id)
        tag = _tag_of_video(session, analysis)
        now = _of_video(session, analysis, resources.storage)
        _refuse_unseen(if_match, tag, now)
        given = wanted.given()
        if wanted.thresholds:
            check_thresholds(wanted.thresholds, analysis, resources.storage)
        problem = why_fixed(session, resources.storage, analysis)
        if given and problem is not None:
            raise problem
        save_for_video(session, analysis, given, author=author)
        video.revision += 1
        response.headers["etag"] = _tag_of_video(session, analysis)
        return _of_video(session, analysis, resources.storage)


@models_router.get(
    "/models/{model}/thresholds",
    responses={200: WITH_ETAG, **problem_responses(ModelNotFound)},
)
def get_model_thresholds(
    model: ModelName, resources: ResourcesDep, response: Response
) -> ThresholdsOfTypes:
    """Read the thresholds of a model for every video that has none of its own."""
    manifest = find_manifest(model, resources.settings)
    with resources.sessions() as session:
        response.headers["etag"] = _tag_of_model(session, manifest)
        return _of_model(session, manifest)


@models_router.put(
    "/models/{model}/thresholds",
    responses={
        200: WITH_ETAG,
        **problem_responses(
            *(ModelNotFound, UnknownType, ThresholdsChanged, InvalidRequest),
            *(InvalidAuthor, *WITH_JSON),
        ),
    },
)
def put_model_thresholds(
    model: ModelName,
    resources: ResourcesDep,
    author: AuthorDep,
    wanted: NewThresholds,
    response: Response,
    if_match: IfMatch = None,
) -> ThresholdsOfTypes:
    """Save thresholds for all videos whose timeline is of this model.

    A video's own come first. Other weights have other scores: a model that was trained
    anew begins with its checkpoint's thresholds. With `If-Match` nothing is saved over
    what others saved since.
    """
    manifest = find_manifest(model, resources.settings)
    refuse_unknown(wanted.thresholds, manifest.labels)
    with resources.sessions.begin() as session:
        lock_model_thresholds(session, _key_of(manifest), project_of(session))
        tag = _tag_of_model(session, manifest)
        _refuse_unseen(if_match, tag, _of_model(session, manifest))
        save_for_model(
            session,
            _key_of(manifest),
            wanted.given(),
            project_id=project_of(session),
            author=author,
        )
        response.headers["etag"] = _tag_of_model(session, manifest)
        return _of_model(session, manifest)


def _refuse_unseen(if_match: str | None, tag: str, now: ThresholdsOfTypes) -> None:
    """Raise ThresholdsChanged if `If-Match` names other thresholds than those saved."""
    if if_match is not None and not check_tags(tag, if_match):
        raise ThresholdsChanged(
            "Others saved thresholds since you read them; see what they are now, then "
            "send this again with their ETag.",
            current=now.model_dump(mode="json"),
            etag=tag,
        )


def _tag_of_video(session: Session, analysis: Analysis) -> str:
    return etag_of(thresholds_tag(saved_for_video(session, analysis)))


def _tag_of_model(session: Session, manifest: Manifest) -> str:
    return etag_of(thresholds_tag(_saved_for(session, manifest)))


def _saved_for(session: Session, manifest: Manifest) -> Saved:
    place = (project_of(session), _key_of(manifest))
    row = session.get(ModelThresholds, place, populate_existing=True)
    return NOT_SAVED if row is None else row.thresholds


def _of_video(
    session: Session, analysis: Analysis, storage: Storage
) -> ThresholdsOfTypes:
    problem = why_fixed(session, storage, analysis)
    name = analysis.checkpoint.get("name")
    return ThresholdsOfTypes(
        model=None if name is None else str(name),
        fixed=None if problem is None else problem.detail,
        types=_types(
            labels_of(analysis, storage),
            video=saved_for_video(session, analysis),
            model=saved_for_model(session, analysis),
            checkpoint=own_thresholds(analysis),
        ),
    )


def _of_model(session: Session, manifest: Manifest) -> ThresholdsOfTypes:
    own = {label: one.threshold for label, one in manifest.spotting.labels.items()}
    return ThresholdsOfTypes(
        model=manifest.name,
        fixed=None,
        types=_types(
            manifest.labels,
            video=NOT_SAVED,
            model=_saved_for(session, manifest),
            checkpoint=own,
        ),
    )


def _types(
    labels: Iterable[str], *, video: Saved, model: Saved, checkpoint: Saved
) -> list[TypeThreshold]:
    in_force = {**checkpoint, **model, **video}
    return [
        TypeThreshold(
            type=label,
            threshold=in_force.get(label),
            video=video.get(label),
            model=model.get(label),
            checkpoint=checkpoint.get(label),
        )
        for label in labels
    ]


def _key_of(manifest: Manifest) -> str:
    return weights_of(manifest) or manifest.name
