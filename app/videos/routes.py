"""Videos: upload, list, look at, play, delete."""

from contextlib import suppress
from typing import Annotated

from fastapi import Query, Request, Response
from pydantic import Field
from sqlalchemy.exc import SQLAlchemyError

from app.core.db.base import utc_now
from app.core.errors import (
    CallbackRefused,
    EmptyUpload,
    FileDropped,
    IdempotencyKeyInUse,
    IdempotencyKeyReused,
    InvalidCursor,
    StorageFull,
    UnknownModel,
    UnsupportedBody,
    UploadBroken,
    VideoNotFound,
    VideoNotStored,
    VideoTooLarge,
)
from app.core.http.dependencies import (
    IdempotencyKey,
    ResourcesDep,
    VideoId,
)
from app.core.http.fields import Day
from app.core.http.openapi import WITH_ETAG
from app.core.http.pagination import PagingDep, json_answer
from app.core.http.preconditions import etag_of
from app.core.http.problems import WITH_JSON, problem_responses
from app.core.http.routing import guarded_router
from app.core.storage.keys import video_prefix
from app.jobs.kinds import HIGHEST_PRIORITY, LOWEST_PRIORITY
from app.projects.problems import QUOTA_PROBLEMS
from app.sources.body import MEDIA_TYPE as JSON
from app.sources.body import SCHEMA, is_json, read_new_video
from app.sources.problems import ImportNotFound, SourceRefused
from app.sources.service import accept_source
from app.videos.facts_schemas import MAX_NAME_CHARS, MAX_TITLE_CHARS
from app.videos.parts import ENCODE, JOIN_KINDS
from app.videos.playability import being_made
from app.videos.queries import video_with_jobs, videos_page
from app.videos.schemas import Video, VideoPage
from app.videos.search import VideoFilter
from app.videos.service import (
    delete_objects,
    delete_row,
    video_not_found,
)
from app.videos.upload import Body, accept_upload

router = guarded_router("videos")

MAX_QUERY_CHARS = 200
QueryText = (
    Annotated[str, Field(max_length=MAX_QUERY_CHARS, pattern=r"^[^\x00]*$")] | None
)


Sha256 = Annotated[
    str | None,
    Query(
        pattern="^[0-9a-fA-F]{64}$",
        description="Of a file: is it here already? Ask before you upload it.",
    ),
]

UPLOAD_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {
                            "type": "string",
                            "contentMediaType": "application/octet-stream",
                            "format": "binary",
                            "description": "The video. Repeated, up to 20 times, in "
                            "the order of play: the files of one match, which become "
                            "one video.",
                        },
                        "parts": {
                            "type": "string",
                            "enum": list(JOIN_KINDS),
                            "description": "Of several files: each is a half of the "
                            "match, or they follow each other (the default).",
                        },
                        "encode": {
                            "type": "string",
                            "enum": list(ENCODE),
                            "description": "Of several files that differ in size, "
                            "codec or its settings: whether they are encoded anew, "
                            "which takes about as long as they last. Left out: if "
                            "they last no longer than 10 minutes together.",
                        },
                        "title": {"type": "string", "maxLength": MAX_TITLE_CHARS},
                        "date": {
                            "type": "string",
                            "pattern": "^([0-9]{4}-[0-9]{2}-[0-9]{2})?$",
                            "description": "Of the match: 2026-05-31.",
                        },
                        "competition": {
                            "type": "string",
                            "maxLength": MAX_NAME_CHARS,
                        },
                        "callback_url": {
                            "type": "string",
                            "description": "Where to POST the webhook.",
                        },
                        "model": {
                            "type": "string",
                            "description": "A name of GET /models; else the default. "
                            "`none`: no model analyses the video, people tag it.",
                        },
                        "priority": {
                            "type": "integer",
                            "minimum": LOWEST_PRIORITY,
                            "maximum": HIGHEST_PRIORITY,
                            "default": 0,
                            "description": "Of the video's jobs; higher ones are run "
                            "first.",
                        },
                    },
                }
            },
            JSON: {"schema": SCHEMA},
        },
    }
}


@router.post(
    "/videos",
    status_code=202,
    response_model=Video,
    openapi_extra=UPLOAD_FORM,
    responses={
        202: {"description": "Stored and queued for analysis; or to be fetched."},
        **problem_responses(
            *(UploadBroken, VideoTooLarge, UnsupportedBody, EmptyUpload),
            *(CallbackRefused, UnknownModel, StorageFull, SourceRefused),
            *(VideoNotFound, VideoNotStored, FileDropped),
            *(ImportNotFound, *QUOTA_PROBLEMS, *WITH_JSON),
            *(IdempotencyKeyInUse, IdempotencyKeyReused),
        ),
    },
)
async def upload_video(
    request: Request,
    response: Response,
    resources: ResourcesDep,
    idempotency_key: IdempotencyKey = None,
) -> Video:
    """Upload a video and queue its analysis; or have it fetched.

    A form's file streams to storage; the answer comes once it is safe on disk. JSON
    names where the file is: a `url`, or the path of an `import`. Then a job of the kind
    `download` or `import` brings it, and the analysis follows by itself. Several files
    of a form, or several `videos`, become one: a job of the kind `join` puts them
    behind each other, without encoding them where they are alike. With an
    `Idempotency-Key` an upload may be sent again: it is answered with the first one's
    video.
    """
    if is_json(request):
        wanted = await read_new_video(request)
        accepted = await accept_source(
            wanted, idempotency_key, resources=resources, now=utc_now()
        )
        response.headers["location"] = f"/videos/{accepted.video.id}"
        return Video.of(*accepted)
    length = request.headers.get("content-length", "")
    body = Body(
        chunks=request.stream(),
        content_type=request.headers.get("content-type"),
        content_length=int(length) if length.isdecimal() else None,
        idempotency_key=idempotency_key,
    )
    accepted = await accept_upload(body, resources=resources, now=utc_now())
    response.headers["location"] = f"/videos/{accepted.video.id}"
    return Video.of(*accepted)


@router.get(
    "/videos", response_model=VideoPage, responses=problem_responses(InvalidCursor)
)
def list_videos(
    paging: PagingDep,
    response: Response,
    resources: ResourcesDep,
    q: Annotated[
        QueryText,
        Query(
            description="Words, each in the title, the file name, the competition or a "
            "team's name. Case and accents do not matter.",
        ),
    ] = None,
    competition: Annotated[QueryText, Query(description="The whole name.")] = None,
    team: Annotated[
        QueryText, Query(description="The whole name of one of the teams.")
    ] = None,
    from_date: Annotated[
        Day | None, Query(description="Of the match, this day or later.")
    ] = None,
    to_date: Annotated[
        Day | None, Query(description="Of the match, this day or earlier.")
    ] = None,
    sha256: Sha256 = None,
) -> Response:
    """List videos, the newest first; all, or those that are looked for."""
    before = paging.before("videos")
    wanted = VideoFilter(q, competition, team, from_date, to_date, sha256)
    with resources.sessions() as session:
        found = session.execute(
            videos_page(before=before, limit=paging.limit, wanted=wanted)
        ).all()
        made = being_made(session, [video for video, _, _ in found])
    page, next_cursor = paging.newest_first(
        "videos", found, id_of=lambda row: row[0].id
    )
    items = [Video.of(*row, is_proxy_being_made=row[0].id in made) for row in page]
    return json_answer(VideoPage(items=items, next_cursor=next_cursor), response)


@router.get(
    "/videos/{video_id}",
    response_model=Video,
    responses={200: WITH_ETAG, **problem_responses(VideoNotFound)},
)
def get_video(
    response: Response, video_id: VideoId, resources: ResourcesDep
) -> Response:
    """Look at a video: its facts, and where its analysis stands."""
    with resources.sessions() as session:
        found = session.execute(video_with_jobs(video_id)).one_or_none()
        made = being_made(session, [found[0]]) if found else set()
    if found is None:
        raise video_not_found(video_id)
    video = Video.of(*found, is_proxy_being_made=bool(made))
    response.headers["etag"] = etag_of(found[0].facts_version)
    return json_answer(video, response)


@router.delete(
    "/videos/{video_id}",
    status_code=204,
    responses=problem_responses(VideoNotFound),
)
def delete_video(video_id: VideoId, resources: ResourcesDep) -> Response:
    """Delete a video: file, scores, events and jobs; a running job is canceled."""
    with resources.sessions.begin() as session:
        delete_row(session, video_id)
    with suppress(OSError, SQLAlchemyError):  # The sweep tries again.
        delete_objects(video_prefix(video_id), resources.sessions, resources.storage)
    return Response(status_code=204)
