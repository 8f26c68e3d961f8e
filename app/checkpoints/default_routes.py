"""The default model: who chose it, another choice, and the way back."""

from fastapi import Response

from app.checkpoints.problems import (
    CannotRollBack,
    DefaultChanged,
    DefaultIsFixed,
    ModelIsArchived,
)
from app.checkpoints.schemas import Choice, DefaultModel, NewDefault
from app.checkpoints.service import (
    choose_default,
    current_default,
    earlier_default,
    history,
    roll_back,
)
from app.core.db.base import utc_now
from app.core.db.project_sessions import project_of
from app.core.errors import InvalidRequest, UnknownModel
from app.core.http.dependencies import ResourcesDep
from app.core.http.openapi import WITH_ETAG
from app.core.http.precondition_headers import IfMatch
from app.core.http.preconditions import etag_of
from app.core.http.problems import WITH_JSON, problem_responses
from app.core.http.routing import AdminRoute, guarded_router
from app.core.resources import Resources

router = guarded_router("models")
admin_router = guarded_router("models", AdminRoute)


@router.get("/models/default", responses={200: WITH_ETAG, **problem_responses()})
def get_default_model(response: Response, resources: ResourcesDep) -> DefaultModel:
    """Tell which model is taken where none is named, and who chose it when."""
    return _tell(response, resources)


@admin_router.put(
    "/models/default",
    responses={
        200: WITH_ETAG,
        **problem_responses(
            *(UnknownModel, DefaultIsFixed, DefaultChanged, ModelIsArchived),
            *(InvalidRequest, *WITH_JSON),
        ),
    },
)
def put_default_model(
    response: Response,
    resources: ResourcesDep,
    wanted: NewDefault,
    if_match: IfMatch = None,
) -> DefaultModel:
    """Make a model the default from the next job on; jobs under way are not touched.

    Nothing but this, a roll back and `touchline models set-default` changes it: a
    training does not. With `If-Match` nothing is chosen over what others chose since.
    """
    with resources.sessions.begin() as session:
        choose_default(
            session,
            wanted.name,
            settings=resources.settings,
            if_match=if_match,
            now=utc_now(),
        )
    return _tell(response, resources)


@admin_router.post(
    "/models/default/rollback",
    responses={
        200: WITH_ETAG,
        **problem_responses(
            *(CannotRollBack, DefaultIsFixed, DefaultChanged, ModelIsArchived),
            *(UnknownModel, InvalidRequest),
        ),
    },
)
def roll_back_default_model(
    response: Response, resources: ResourcesDep, if_match: IfMatch = None
) -> DefaultModel:
    """Make the default what it was before; again, what it was before that."""
    with resources.sessions.begin() as session:
        roll_back(
            session, settings=resources.settings, if_match=if_match, now=utc_now()
        )
    return _tell(response, resources)


def _tell(response: Response, resources: Resources) -> DefaultModel:
    current = current_default(resources.settings)
    with resources.sessions() as session:
        found, project_id = history(session), project_of(session)
    response.headers["etag"] = etag_of(current)
    return DefaultModel(
        name=current,
        is_fixed=resources.settings.model is not None,
        rollback_to=earlier_default(found, current),
        history=[Choice.of(one, project_id=project_id) for one in found],
    )
