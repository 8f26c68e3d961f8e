"""Files of events that other programs wrote, as a person's corrections."""

import hashlib
from typing import Annotated

from fastapi import Query, Request

from app.annotations.authors import AuthorDep
from app.annotations.import_parameters import FILE_BODY, FileBody, ImportOptionsDep
from app.annotations.import_schemas import ImportReport
from app.annotations.importing import ImportStep, preview_import, read_import
from app.annotations.problems import (
    AmbiguousEvents,
    FrameBeyondEnd,
    ImportIncomplete,
    InvalidAuthor,
    UnreadableEvents,
)
from app.annotations.requests import take_step
from app.core.errors import (
    BadRequest,
    BodyTooLarge,
    FramesUnknown,
    IdempotencyKeyInUse,
    IdempotencyKeyReused,
    InvalidRequest,
    UnknownType,
    UnsupportedBody,
    VideoNotFound,
)
from app.core.http.dependencies import IdempotencyKey, ResourcesDep, VideoId
from app.core.http.problems import problem_responses
from app.core.http.routing import ReviewRoute, guarded_router
from app.videos.service import find_video

router = guarded_router("review", ReviewRoute)


@router.post(
    "/videos/{video_id}/events:import",
    response_model=ImportReport,
    openapi_extra=FILE_BODY,
    responses=problem_responses(
        InvalidAuthor,
        *(VideoNotFound, FramesUnknown, UnreadableEvents, AmbiguousEvents),
        *(ImportIncomplete, UnknownType, FrameBeyondEnd, UnsupportedBody),
        *(BadRequest, BodyTooLarge, InvalidRequest),
        *(IdempotencyKeyInUse, IdempotencyKeyReused),
    ),
)
def import_events(
    request: Request,
    video_id: VideoId,
    data: FileBody,
    options: ImportOptionsDep,
    author: AuthorDep,
    resources: ResourcesDep,
    preview: Annotated[
        bool, Query(description="Only tell what the import would do.")
    ] = False,
    idempotency_key: IdempotencyKey = None,
) -> ImportReport:
    """Import a file of events as your corrections, all in one step of undo.

    The body is the file. What is there already (an event of the same type within the
    tolerance, also a rejected one) is left out. If anything else cannot be taken
    over, nothing is, unless `skip_bad` leaves it out; if the file can be read in two
    ways, the problem names the parameter that decides.
    """
    file = read_import(data, video_id, options, resources)
    offset_s = options.offset_s
    if preview:
        planned = preview_import(file, video_id, options, resources)
        return ImportReport.of(planned, offset_s=offset_s, is_preview=True)
    work = ImportStep(file, video_id, options, author, resources)
    said = [list(pair) for pair in sorted(request.query_params.multi_items())]
    try:
        step = take_step(
            *(request, video_id, author, resources, idempotency_key),
            body=[hashlib.sha256(data).hexdigest(), said],
            work=work,
        )
    except ImportIncomplete as problem:
        if work.planned is not None:
            report = ImportReport.of(work.planned, offset_s=offset_s)
            problem.extra["report"] = report.model_dump(mode="json")
        raise
    # Sent again with its key: what it added is not there already, it is its own.
    planned = work.planned or preview_import(
        file, video_id, options, resources, without=step.event_ids
    )
    with resources.sessions() as session:
        revision = find_video(session, video_id).revision
    return ImportReport.of(
        planned, offset_s=offset_s, step=step.step_id, revision=revision
    )
