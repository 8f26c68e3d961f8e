"""Corrections: add, change, undo, redo; what people said stays beside the model's."""

from uuid import UUID

from fastapi import Request, Response

from app.annotations.authors import AuthorDep
from app.annotations.outcomes import (
    Outcome,
    as_it_was,
    find_event,
)
from app.annotations.preconditions import VersionsDep
from app.annotations.problems import (
    EventChanged,
    FrameBeyondEnd,
    InvalidAuthor,
    NothingToRedo,
    NothingToUndo,
    UndoConflict,
    VersionNeeded,
)
from app.annotations.requests import adding, changing, do_step, reverting, view_of
from app.annotations.schemas import (
    EventChange,
    EventChanges,
    History,
    NewEvent,
    StepDone,
)
from app.annotations.service import history
from app.annotations.undo import Direction
from app.annotations.wire import event_item, line_item
from app.core.db.snapshot import snapshot
from app.core.errors import (
    EventNotFound,
    FramesUnknown,
    IdempotencyKeyInUse,
    IdempotencyKeyReused,
    InvalidRequest,
    UnknownType,
    VideoNotFound,
)
from app.core.http.dependencies import EventId, IdempotencyKey, ResourcesDep, VideoId
from app.core.http.openapi import WITH_ETAG
from app.core.http.pagination import json_answer
from app.core.http.problems import WITH_JSON, problem_responses
from app.core.http.routing import ReviewRoute, guarded_router
from app.core.resources import Resources
from app.timelines.schemas import Event
from app.videos.service import find_video

router = guarded_router("review", ReviewRoute)

KEY_PROBLEMS = (IdempotencyKeyInUse, IdempotencyKeyReused)
CONTENT_PROBLEMS = (UnknownType, FrameBeyondEnd, FramesUnknown, InvalidRequest)
CHANGE_PROBLEMS = (EventNotFound, EventChanged, VersionNeeded, *CONTENT_PROBLEMS)


@router.get(
    "/videos/{video_id}/events/{event_id}",
    response_model=Event,
    responses={200: WITH_ETAG, **problem_responses(VideoNotFound, EventNotFound)},
)
def get_event(
    response: Response, video_id: VideoId, event_id: EventId, resources: ResourcesDep
) -> Response:
    """Look at one event; its `ETag` is what If-Match takes."""
    with snapshot(resources) as session:
        event = find_event(
            *(session, resources.storage, video_id, event_id), view=view_of(resources)
        )
    response.headers["etag"] = f'"{event.version}"'
    return json_answer(event_item(event), response)


@router.get(
    "/videos/{video_id}/events/{event_id}/history",
    response_model=History,
    responses=problem_responses(VideoNotFound, EventNotFound),
)
def get_event_history(
    response: Response, video_id: VideoId, event_id: EventId, resources: ResourcesDep
) -> Response:
    """List what was done to an event: who, when, before and after."""
    with snapshot(resources) as session:
        find_video(session, video_id)
        lines = history(session, video_id, event_id)
        if not lines:  # It must be there all the same, perhaps as another event.
            view = view_of(resources)
            shown = find_event(
                session, resources.storage, video_id, event_id, view=view
            )
            lines = history(session, video_id, shown.id)
    items = [line_item(line) for line in lines]
    return json_answer({"items": items, "next_cursor": None}, response)


@router.post(
    "/videos/{video_id}/events",
    status_code=201,
    response_model=Event,
    responses={
        201: WITH_ETAG,
        **problem_responses(
            InvalidAuthor, VideoNotFound, *CONTENT_PROBLEMS, *KEY_PROBLEMS, *WITH_JSON
        ),
    },
)
def add_event(
    request: Request,
    response: Response,
    video_id: VideoId,
    wanted: NewEvent,
    author: AuthorDep,
    resources: ResourcesDep,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Add an event that the model did not see."""
    step, done = do_step(
        *(request, video_id, author, resources, idempotency_key),
        body=wanted.model_dump(mode="json"),
        work=adding(resources, video_id, wanted.to_change(), author),
    )
    (event_id,) = step.event_ids
    found = next((one for one in done.events if one.id == event_id), None)
    event = found or as_it_was(step, event_id)
    response.headers["location"] = f"/videos/{video_id}/events/{event_id}"
    response.headers["etag"] = f'"{event.version}"'
    return json_answer(event_item(event), response, status_code=201)


@router.patch(
    "/videos/{video_id}/events/{event_id}",
    response_model=Event,
    responses={
        200: WITH_ETAG,
        **problem_responses(
            InvalidAuthor, VideoNotFound, *CHANGE_PROBLEMS, *KEY_PROBLEMS, *WITH_JSON
        ),
    },
)
def change_event(
    request: Request,
    response: Response,
    video_id: VideoId,
    event_id: EventId,
    wanted: EventChange,
    author: AuthorDep,
    versions: VersionsDep,
    resources: ResourcesDep,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Accept, reject or edit an event, or take the decision on it back.

    What somebody else decided is changed only with `If-Match`; if it is no longer that
    version, 412 tells what it is now and what was done to it since.
    """
    change = wanted.to_change(event_id, versions)
    step, done = do_step(
        *(request, video_id, author, resources, idempotency_key),
        body=[wanted.model_dump(mode="json"), request.headers.get("if-match")],
        named=(event_id,),
        work=changing(resources, video_id, [change], author),
    )
    event = done.events[0] if done.events else as_it_was(step, step.event_ids[0])
    response.headers["etag"] = f'"{event.version}"'
    return json_answer(event_item(event), response)


@router.post(
    "/videos/{video_id}/events:batch",
    response_model=StepDone,
    responses=problem_responses(
        InvalidAuthor, VideoNotFound, *CHANGE_PROBLEMS, *KEY_PROBLEMS, *WITH_JSON
    ),
)
def change_events(
    request: Request,
    response: Response,
    video_id: VideoId,
    wanted: EventChanges,
    author: AuthorDep,
    resources: ResourcesDep,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Make several changes, all or none; undo takes them back together.

    If one cannot be made, the problem is that one's, with its `index` from 0.
    """
    changes = [one.as_change() for one in wanted.changes]
    named = tuple(one.id for one in wanted.changes if one.id is not None)
    _, done = do_step(
        *(request, video_id, author, resources, idempotency_key),
        body=wanted.model_dump(mode="json"),
        work=changing(resources, video_id, changes, author),
        named=named,
    )
    return _answer(done, response)


@router.post(
    "/videos/{video_id}/events/undo",
    response_model=StepDone,
    responses=problem_responses(
        InvalidAuthor, VideoNotFound, NothingToUndo, UndoConflict, *KEY_PROBLEMS
    ),
)
def undo_step(
    request: Request,
    response: Response,
    video_id: VideoId,
    author: AuthorDep,
    resources: ResourcesDep,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Undo your last step that is not undone: each author their own."""
    return _walk(
        *("undo", request, response, video_id, author, resources, idempotency_key)
    )


@router.post(
    "/videos/{video_id}/events/redo",
    response_model=StepDone,
    responses=problem_responses(
        InvalidAuthor, VideoNotFound, NothingToRedo, UndoConflict, *KEY_PROBLEMS
    ),
)
def redo_step(
    request: Request,
    response: Response,
    video_id: VideoId,
    author: AuthorDep,
    resources: ResourcesDep,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Redo what you undid last; a new change leaves nothing to redo."""
    return _walk(
        *("redo", request, response, video_id, author, resources, idempotency_key)
    )


def _walk(
    direction: Direction,
    request: Request,
    response: Response,
    video_id: UUID,
    author: str,
    resources: Resources,
    key: str | None,
) -> Response:
    _, done = do_step(
        *(request, video_id, author, resources, key),
        body=None,
        work=reverting(resources, video_id, direction, author),
    )
    return _answer(done, response)


def _answer(done: Outcome, response: Response) -> Response:
    body = {
        "step": done.step_id,
        "revision": done.revision,
        "events": [event_item(event) for event in done.events],
        "gone": done.gone,
    }
    return json_answer(body, response)
