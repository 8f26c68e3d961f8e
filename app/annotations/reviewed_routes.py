"""Reviewed stretches: look at them, set them, add one."""

from collections.abc import Sequence

from fastapi import Response

from app.annotations.authors import AuthorDep
from app.annotations.problems import InvalidAuthor, ReviewedChanged, VersionNeeded
from app.annotations.review_end import announce_end
from app.annotations.reviewed import (
    add_reviewed,
    etag_of,
    reviewed_stretches,
    seen_at,
    set_reviewed,
)
from app.annotations.reviewed_schemas import Intervals, MarkedInterval, Reviewed
from app.annotations.service import lock_video
from app.annotations.stretches import Stretch
from app.core.db.clock import database_now
from app.core.db.snapshot import snapshot
from app.core.errors import InvalidRequest, VideoNotFound
from app.core.http.dependencies import ResourcesDep, VideoId
from app.core.http.openapi import WITH_ETAG
from app.core.http.pagination import json_answer
from app.core.http.precondition_headers import IfMatch, IfNoneMatch
from app.core.http.preconditions import check_tags, is_same
from app.core.http.problems import WITH_JSON, problem_responses
from app.core.http.routing import ReviewRoute, guarded_router
from app.videos.service import find_video

router = guarded_router("review", ReviewRoute)

PATH = "/videos/{video_id}/reviewed"


@router.get(
    PATH,
    response_model=Reviewed,
    responses={
        200: WITH_ETAG,
        304: {"description": "It is what If-None-Match names."},
        **problem_responses(VideoNotFound),
    },
)
def get_reviewed(
    response: Response,
    video_id: VideoId,
    resources: ResourcesDep,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Tell which stretches people have reviewed; only these count as truth."""
    with snapshot(resources) as session:
        find_video(session, video_id)
        found = reviewed_stretches(session, video_id)
    if is_same(etag_of(found), if_none_match):
        return Response(status_code=304, headers={"etag": etag_of(found)})
    return _answer(found, response)


@router.put(
    PATH,
    response_model=Reviewed,
    responses={
        200: WITH_ETAG,
        **problem_responses(
            InvalidAuthor,
            *(VideoNotFound, ReviewedChanged, VersionNeeded, InvalidRequest),
            *WITH_JSON,
        ),
    },
)
def put_reviewed(
    response: Response,
    video_id: VideoId,
    wanted: Intervals,
    author: AuthorDep,
    resources: ResourcesDep,
    if_match: IfMatch = None,
) -> Response:
    """Set what is reviewed: all of it.

    What was reviewed before stays whose it was. To take away what others reviewed,
    send `If-Match`.
    """
    with resources.sessions.begin() as session:
        video = lock_video(session, video_id)
        before = reviewed_stretches(session, video_id)
        if if_match is not None and not check_tags(etag_of(before), if_match):
            raise ReviewedChanged(
                "What is reviewed was changed meanwhile; see what it is now, then "
                "send this again with its ETag.",
                current=Reviewed.of(before).model_dump(mode="json"),
                etag=etag_of(before),
            )
        spans = [one.span for one in wanted.intervals]
        message_id = announce_end(
            *(session, resources, video, spans), author=author, adds=False
        )
        after = set_reviewed(
            *(session, video, spans),
            author=author,
            now=database_now(session),
            has_seen=if_match is not None,
        )
    if message_id is not None:
        resources.notifier.notify_delivery(message_id)
    return _answer(after, response)


@router.post(
    PATH,
    response_model=Reviewed,
    responses={
        200: WITH_ETAG,
        **problem_responses(InvalidAuthor, VideoNotFound, InvalidRequest, *WITH_JSON),
    },
)
def add_reviewed_stretch(
    response: Response,
    video_id: VideoId,
    wanted: MarkedInterval,
    author: AuthorDep,
    resources: ResourcesDep,
) -> Response:
    """Add one stretch to what is reviewed; sent twice it does the same.

    With `analysis_id` a mark that is sent late is of the suggestions that were looked
    at, whatever another analysis has found meanwhile.
    """
    with resources.sessions.begin() as session:
        video = lock_video(session, video_id)
        message_id = announce_end(
            *(session, resources, video, [wanted.span]), author=author, adds=True
        )
        now = seen_at(session, video, wanted.analysis_id, now=database_now(session))
        after = add_reviewed(session, video, wanted.span, author=author, now=now)
    if message_id is not None:
        resources.notifier.notify_delivery(message_id)
    return _answer(after, response)


def _answer(stretches: Sequence[Stretch], response: Response) -> Response:
    response.headers["etag"] = etag_of(stretches)
    return json_answer(Reviewed.of(stretches), response)
