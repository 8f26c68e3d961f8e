"""What to check first."""

from typing import Annotated

from fastapi import Query, Response

from app.annotations.review_plan import plan_review
from app.annotations.review_plan_schemas import Review
from app.annotations.timelines import View
from app.core.db.snapshot import snapshot
from app.core.errors import UnknownType, VideoNotFound
from app.core.http.dependencies import ResourcesDep, VideoId
from app.core.http.pagination import json_answer
from app.core.http.problems import problem_responses
from app.core.http.routing import guarded_router
from app.timelines.problems import AnalysisTooOld, NoTimeline, ScoresNotFound
from app.timelines.shown import shown_analysis
from app.timelines.threshold_parameters import THRESHOLDS, AskedThresholds

router = guarded_router("review")


@router.get(
    "/videos/{video_id}/review",
    response_model=Review,
    responses=problem_responses(
        *(VideoNotFound, NoTimeline, ScoresNotFound, AnalysisTooOld, UnknownType)
    ),
    openapi_extra=THRESHOLDS,
)
def get_review(
    response: Response,
    video_id: VideoId,
    resources: ResourcesDep,
    thresholds: AskedThresholds,
    target_precision: Annotated[
        float,
        Query(gt=0, le=1, allow_inf_nan=False, description="What is wanted."),
    ] = 0.95,
    seconds_per_decision: Annotated[
        float | None,
        Query(
            gt=0,
            le=3600,
            allow_inf_nan=False,
            description="In place of what was measured.",
        ),
    ] = None,
    limit: Annotated[
        int, Query(ge=0, le=1000, description="Most items in an answer.")
    ] = 50,
) -> Response:
    """Say what to check first, how good the timeline is, and how long it still takes.

    The order goes by the errors that a decision is expected to mend; ask again after
    some decisions, since they change what the scores are worth. `docs/review.md` tells
    how all of it is estimated.
    """
    view = View(resources.settings.match_tolerance, thresholds)
    with snapshot(resources) as session:
        video, analysis = shown_analysis(session, video_id)
        plan = plan_review(
            *(session, resources.storage, video, analysis, view),
            target=target_precision,
            seconds_per_decision=seconds_per_decision,
        )
    body = Review.of(plan, target=target_precision, limit=limit)
    return json_answer(body, response)
