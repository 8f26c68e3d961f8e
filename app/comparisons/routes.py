"""Comparisons of models: ask for them, look at them and at what went wrong."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Response

from app.comparisons.problems import (
    ComparisonNotFound,
    NothingToCompareOn,
    TooManyComparisons,
)
from app.comparisons.queries import comparisons_page, moments_page
from app.comparisons.removing import remove_comparison
from app.comparisons.requests import check_models, choose_holdout, refuse_too_many
from app.comparisons.schemas import (
    WRONG,
    Comparison,
    ComparisonPage,
    NewComparison,
    Wrong,
    WrongMoment,
    WrongMomentPage,
)
from app.comparisons.service import (
    ask_for_comparison,
    find_comparison,
)
from app.core.db.base import utc_now
from app.core.db.project_sessions import project_of
from app.core.db.snapshot import snapshot
from app.core.errors import (
    RULE,
    IdempotencyKeyInUse,
    IdempotencyKeyReused,
    InvalidCursor,
    InvalidRequest,
    UnknownModel,
    VideoNotFound,
)
from app.core.http.cursors import MomentsCursor
from app.core.http.dependencies import IdempotencyKey, ResourcesDep, id_in_path
from app.core.http.pagination import PagingDep
from app.core.http.problems import WITH_JSON, problem_responses
from app.core.http.routing import guarded_router
from app.idempotency.fingerprints import edit_fingerprint
from app.idempotency.service import make_once
from app.jobs.kinds import KINDS, JobKind

router = guarded_router("comparisons")


ComparisonId = Annotated[UUID, id_in_path(ComparisonNotFound, "comparison")]


@router.post(
    "/comparisons",
    status_code=202,
    responses=problem_responses(
        *(UnknownModel, VideoNotFound, NothingToCompareOn, InvalidRequest),
        TooManyComparisons,
        ComparisonNotFound,  # an earlier request's, deleted since
        *(IdempotencyKeyInUse, IdempotencyKeyReused, *WITH_JSON),
    ),
)
def create_comparison(
    response: Response,
    resources: ResourcesDep,
    wanted: NewComparison,
    idempotency_key: IdempotencyKey = None,
) -> Comparison:
    """Compare models on what people have reviewed; a job spots it with each of them."""
    sent = wanted.model_dump(mode="json", exclude_unset=True)
    fingerprint = edit_fingerprint("/comparisons", "", sent)
    with resources.sessions.begin() as session:

        def make() -> UUID:
            models = check_models(wanted.models, resources.settings)
            refuse_too_many(session)
            holdout = choose_holdout(
                session, training_id=wanted.training_id, videos=wanted.videos
            )
            return ask_for_comparison(
                session,
                project_id=project_of(session),
                models=models,
                holdout=holdout,
                training_id=wanted.training_id,
                now=utc_now(),
            ).id

        comparison_id, is_new = make_once(
            session, idempotency_key, make, fingerprint=fingerprint
        )
        answer = Comparison.of(*find_comparison(session, comparison_id))
    if is_new:
        queue = KINDS[JobKind.COMPARE].queue
        resources.notifier.notify_job(answer.job_id, queue=queue)
    response.headers["location"] = f"/comparisons/{answer.id}"
    return answer


@router.get("/comparisons", responses=problem_responses(InvalidCursor))
def list_comparisons(
    paging: PagingDep,
    resources: ResourcesDep,
    training_id: Annotated[
        UUID | None, Query(description="Only those on its hold-out.")
    ] = None,
) -> ComparisonPage:
    """List comparisons, the newest first."""
    before = paging.before("comparisons")
    statement = comparisons_page(
        training_id=training_id, before=before, limit=paging.limit
    )
    with snapshot(resources) as session:
        found = session.execute(statement).all()
    page, next_cursor = paging.newest_first(
        "comparisons", found, id_of=lambda row: row[0].id
    )
    items = [Comparison.of(*row) for row in page]
    return ComparisonPage(items=items, next_cursor=next_cursor)


@router.get(
    "/comparisons/{comparison_id}", responses=problem_responses(ComparisonNotFound)
)
def get_comparison(comparison_id: ComparisonId, resources: ResourcesDep) -> Comparison:
    """Look at a comparison: how far it is, and what it came to."""
    with snapshot(resources) as session:
        return Comparison.of(*find_comparison(session, comparison_id))


@router.get(
    "/comparisons/{comparison_id}/errors",
    responses=problem_responses(ComparisonNotFound, InvalidCursor, InvalidRequest),
)
def list_comparison_errors(
    paging: PagingDep,
    comparison_id: ComparisonId,
    resources: ResourcesDep,
    model: Annotated[
        str | None, Query(max_length=200, description="Only what this model got wrong.")
    ] = None,
    label: Annotated[
        str | None, Query(alias="type", max_length=200, description="Only of this type")
    ] = None,
    kind: Annotated[
        Wrong | None, Query(description="Only what went wrong in this way.")
    ] = None,
) -> WrongMomentPage:
    """List the moments that models got wrong, each with what all of them said."""
    start = paging.start(MomentsCursor)
    after = -1 if start is None else start.after
    with snapshot(resources) as session:
        comparison, _ = find_comparison(session, comparison_id)
        if model is not None and model not in comparison.models:
            raise InvalidRequest(
                f"model: {model!r} was not compared; there are "
                f"{', '.join(comparison.models)}.",
                kind=RULE,
            )
        models = comparison.models if model is None else [model]
        statement = moments_page(
            comparison,
            models=models,
            label=label,
            kinds=WRONG if kind is None else (kind,),
            after=after,
            limit=paging.limit,
        )
        found = session.scalars(statement).all()
    page, next_cursor = paging.cut(
        found, cursor_after=lambda row: MomentsCursor(after=row.number)
    )
    items = [WrongMoment.of(row, models) for row in page]
    return WrongMomentPage(items=items, next_cursor=next_cursor)


@router.delete(
    "/comparisons/{comparison_id}",
    status_code=204,
    responses=problem_responses(ComparisonNotFound),
)
def delete_comparison(comparison_id: ComparisonId, resources: ResourcesDep) -> Response:
    """Delete a comparison; a job that still makes it is canceled."""
    with resources.sessions.begin() as session:
        remove_comparison(session, comparison_id, settings=resources.settings)
    return Response(status_code=204)
