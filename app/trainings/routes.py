"""Trainings: ask for one, watch it, cancel it, delete it; what is reviewed for it."""

from typing import Annotated
from uuid import UUID

from fastapi import Request, Response

from app.core.db.snapshot import snapshot
from app.core.errors import (
    IdempotencyKeyInUse,
    IdempotencyKeyReused,
    InvalidCursor,
    JobIsFinished,
    UnknownModel,
    UnknownType,
    VideoNotFound,
)
from app.core.http.cursors import TrainingLogCursor
from app.core.http.dependencies import (
    CursorText,
    IdempotencyKey,
    Limit,
    ResourcesDep,
    id_in_path,
)
from app.core.http.pagination import PagingDep, paginate
from app.core.http.problems import WITH_JSON, problem_responses
from app.core.http.routing import guarded_router
from app.idempotency.fingerprints import edit_fingerprint
from app.idempotency.service import make_once
from app.jobs.kinds import KINDS, JobKind
from app.trainings.curves import read_curves
from app.trainings.problems import (
    ModelNameTaken,
    NothingReviewed,
    TooManyTrainings,
    TrainingNotFound,
    TrainingNotInstalled,
)
from app.trainings.queries import last_lines, lines_page, trainings_page
from app.trainings.request_schemas import (
    NewTraining,
)
from app.trainings.requests import (
    TrainingRequest,
    ask_for_training,
)
from app.trainings.schemas import (
    LogLine,
    LogPage,
    Training,
    TrainingDetails,
    TrainingPage,
)
from app.trainings.service import cancel_training as cancel
from app.trainings.service import (
    find_training,
    place_of,
    places_of,
    remove_training,
)

router = guarded_router("trainings")

SHOWN_LINES = 200


TrainingId = Annotated[UUID, id_in_path(TrainingNotFound, "training")]


@router.post(
    "/trainings",
    status_code=202,
    responses=problem_responses(
        *(VideoNotFound, UnknownModel, UnknownType, NothingReviewed, ModelNameTaken),
        *(TrainingNotInstalled, TooManyTrainings),
        TrainingNotFound,  # an earlier request's, deleted since
        *(IdempotencyKeyInUse, IdempotencyKeyReused, *WITH_JSON),
    ),
)
def create_training(
    request: Request,
    response: Response,
    resources: ResourcesDep,
    wanted: NewTraining,
    idempotency_key: IdempotencyKey = None,
) -> Training:
    """Train a model on what people have reviewed; it becomes a version of its name.

    Only reviewed stretches are learned from, and what is held out is never. The
    training waits for the worker that trains, and gives way to analyses. Nothing is
    switched over when it ends: a person chooses the model.
    """
    fingerprint = edit_fingerprint(
        request.url.path, "", wanted.model_dump(mode="json", exclude_unset=True)
    )
    asked = TrainingRequest(
        *(wanted.name, wanted.base, wanted.is_without_base, wanted.options)
    )
    with resources.sessions.begin() as session:
        training_id, is_new = make_once(
            *(session, idempotency_key),
            lambda: ask_for_training(session, asked, resources)[0].id,
            fingerprint=fingerprint,
        )
        training, job = find_training(session, training_id)
        answer = Training.of(training, job, place=place_of(session, job.id))
    if is_new:
        resources.notifier.notify_job(answer.job_id, queue=KINDS[JobKind.TRAIN].queue)
    response.headers["location"] = f"/trainings/{answer.id}"
    return answer


@router.get("/trainings", responses=problem_responses(InvalidCursor))
def list_trainings(
    paging: PagingDep,
    resources: ResourcesDep,
) -> TrainingPage:
    """List the project's trainings, the newest first; without curves and logs."""
    before = paging.before("trainings")
    with snapshot(resources) as session:
        found = session.execute(trainings_page(before=before, limit=paging.limit)).all()
        places = places_of(session, [job.id for _, job in found])
    page, next_cursor = paging.newest_first(
        "trainings", found, id_of=lambda row: row[0].id
    )
    items = [
        Training.of(training, job, place=places.get(job.id)) for training, job in page
    ]
    return TrainingPage(items=items, next_cursor=next_cursor)


@router.get("/trainings/{training_id}", responses=problem_responses(TrainingNotFound))
def get_training(training_id: TrainingId, resources: ResourcesDep) -> TrainingDetails:
    """Look at a training: how far it is, its curves, and the end of its log."""
    with snapshot(resources) as session:
        training, job = find_training(session, training_id)
        lines = session.scalars(last_lines(training_id, limit=SHOWN_LINES)).all()
        return TrainingDetails.with_details(
            *(training, job),
            place=place_of(session, job.id),
            curves=read_curves(session, training_id),
            lines=list(reversed(lines)),
        )


@router.get(
    "/trainings/{training_id}/log",
    responses=problem_responses(TrainingNotFound, InvalidCursor),
)
def get_training_log(
    request: Request,
    response: Response,
    training_id: TrainingId,
    resources: ResourcesDep,
    limit: Limit = 200,
    cursor: CursorText = None,
) -> LogPage:
    """Read a training's log, the oldest line first."""
    after = TrainingLogCursor.decode(cursor).after if cursor else None
    with snapshot(resources) as session:
        find_training(session, training_id)
        statement = lines_page(training_id, after=after, limit=limit)
        found = session.scalars(statement).all()
    page, next_cursor = paginate(
        found,
        limit=limit,
        cursor_after=lambda line: TrainingLogCursor(after=line.number),
        request=request,
        response=response,
    )
    items = [LogLine.model_validate(one) for one in page]
    return LogPage(items=items, next_cursor=next_cursor)


@router.post(
    "/trainings/{training_id}/cancel",
    status_code=202,
    responses=problem_responses(TrainingNotFound, JobIsFinished),
)
def cancel_training(training_id: TrainingId, resources: ResourcesDep) -> Training:
    """Cancel a training: one that waits at once, one that runs within seconds."""
    with resources.sessions.begin() as session:
        training, job, delivery_id = cancel(
            session, training_id, settings=resources.settings
        )
        answer = Training.of(training, job, place=None)
    if delivery_id is not None:
        resources.notifier.notify_delivery(delivery_id)
    return answer


@router.delete(
    "/trainings/{training_id}",
    status_code=204,
    responses=problem_responses(TrainingNotFound),
)
def delete_training(training_id: TrainingId, resources: ResourcesDep) -> Response:
    """Delete a training with its curves and log; one that goes on is canceled.

    The model that it made stays.
    """
    with resources.sessions.begin() as session:
        delivery_id = remove_training(session, training_id, settings=resources.settings)
    if delivery_id is not None:
        resources.notifier.notify_delivery(delivery_id)
    return Response(status_code=204)
