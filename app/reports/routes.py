"""Reports of matches: ask for them, look at them, load them, delete them."""

from contextlib import suppress
from pathlib import PurePosixPath
from typing import Annotated
from uuid import UUID

from fastapi import Query, Request, Response

from app.annotations.selection import SHOWN, EventQuery
from app.annotations.states import State
from app.core.db.snapshot import snapshot
from app.core.errors import (
    IdempotencyKeyInUse,
    IdempotencyKeyReused,
    InvalidCursor,
    RangeNotSatisfiable,
    VideoNotFound,
    VideoNotStored,
)
from app.core.http.dependencies import IdempotencyKey, ResourcesDep, VideoId, id_in_path
from app.core.http.pagination import PagingDep
from app.core.http.problems import WITH_JSON, problem_responses
from app.core.http.routing import MediaRoute, guarded_router
from app.core.resources import Resources
from app.idempotency.fingerprints import edit_fingerprint
from app.idempotency.service import made_before, make_once
from app.jobs.kinds import KINDS, JobKind
from app.reports.problems import ReportNotFound, ReportNotReady
from app.reports.queries import reports_page
from app.reports.render import POLICY
from app.reports.schemas import NewReport, Report, ReportPage
from app.reports.service import (
    add_report,
    find_report,
    remove_report,
    report_not_found,
)
from app.reports.stored import content_to_store
from app.timelines.found_events import EventsRequest, find_events
from app.timelines.problems import AnalysisTooOld, NoTimeline, ScoresNotFound
from app.videos.file_response import VideoFile
from app.videos.service import find_video
from model.data.formats.provenance import Provenance

ReportId = Annotated[UUID, id_in_path(ReportNotFound, "report")]

router = guarded_router("reports")
file_router = guarded_router("reports", MediaRoute)

HTML = "text/html; charset=utf-8"
CONFIRMED: frozenset[State] = SHOWN - {"suggested"}


@router.post(
    "/videos/{video_id}/reports",
    status_code=202,
    responses=problem_responses(
        *(VideoNotFound, VideoNotStored, NoTimeline, ScoresNotFound, AnalysisTooOld),
        ReportNotFound,  # an earlier request's, deleted since
        *(IdempotencyKeyInUse, IdempotencyKeyReused, *WITH_JSON),
    ),
)
def create_report(
    request: Request,
    response: Response,
    video_id: VideoId,
    resources: ResourcesDep,
    wanted: NewReport,
    idempotency_key: IdempotencyKey = None,
) -> Report:
    """Make a report of a match: one HTML file with its timeline, statistics and stills.

    Events and match facts are those of now; later corrections change nothing of it. A
    job takes the stills and writes the file.
    """
    fingerprint = edit_fingerprint(
        request.url.path, "", wanted.model_dump(mode="json", exclude_unset=True)
    )
    key = idempotency_key
    earlier = made_before(resources.sessions, key, fingerprint=fingerprint)
    content: dict[str, object] = {}
    if earlier is None:
        content = _content_of(video_id, wanted, resources)
    with resources.sessions.begin() as session:
        report_id, is_new = earlier, False
        if report_id is None:
            report_id, is_new = make_once(
                *(session, key),
                lambda: add_report(session, video_id, content, wanted.options)[0].id,
                fingerprint=fingerprint,
                video_id=video_id,
            )
        answer = Report.of(*find_report(session, report_id))
    if is_new:
        resources.notifier.notify_job(answer.job_id, queue=KINDS[JobKind.REPORT].queue)
    response.headers["location"] = f"/reports/{answer.id}"
    return answer


def _content_of(
    video_id: UUID, wanted: NewReport, resources: Resources
) -> dict[str, object]:
    states = CONFIRMED if wanted.only_confirmed else SHOWN
    asked = EventsRequest(video_id, EventQuery(states=states), provenance=True)
    found = find_events(asked, resources, limit=None)
    told = found.provenance or Provenance()
    return content_to_store(found.video, found.events, told=told)


@router.get(
    "/videos/{video_id}/reports",
    responses=problem_responses(VideoNotFound, InvalidCursor),
)
def list_reports(
    paging: PagingDep,
    video_id: VideoId,
    resources: ResourcesDep,
) -> ReportPage:
    """List a video's reports, the newest first."""
    before = paging.before("reports")
    with snapshot(resources) as session:
        find_video(session, video_id)
        statement = reports_page(video_id, before=before, limit=paging.limit)
        found = session.execute(statement).all()
    page, next_cursor = paging.newest_first(
        "reports", found, id_of=lambda row: row[0].id
    )
    return ReportPage(items=[Report.of(*row) for row in page], next_cursor=next_cursor)


@router.get("/reports/{report_id}", responses=problem_responses(ReportNotFound))
def get_report(report_id: ReportId, resources: ResourcesDep) -> Report:
    """Look at a report: how far it is, and where its file lies."""
    with resources.sessions() as session:
        return Report.of(*find_report(session, report_id))


@router.delete(
    "/reports/{report_id}",
    status_code=204,
    responses=problem_responses(ReportNotFound),
)
def delete_report(report_id: ReportId, resources: ResourcesDep) -> Response:
    """Delete a report and its file; a job that still makes it is canceled."""
    with resources.sessions.begin() as session:
        key = remove_report(session, report_id, settings=resources.settings)
    if key is not None:
        with suppress(OSError):  # A sweep finds it.
            resources.storage.delete(key)
    return Response(status_code=204)


@file_router.get(
    "/reports/{report_id}/file",
    response_class=Response,
    responses={
        200: {"content": {"text/html": {}}, "description": "The report."},
        206: {
            "content": {"text/html": {}, "multipart/byteranges": {}},
            "description": "The range asked for, or several.",
        },
        **problem_responses(ReportNotFound, ReportNotReady, RangeNotSatisfiable),
    },
)
def load_report(
    report_id: ReportId,
    resources: ResourcesDep,
    save: Annotated[
        bool, Query(description="Let browsers save it, in place of showing it.")
    ] = False,
) -> Response:
    """Load the file of a report; it opens without the service and without a network."""
    with resources.sessions() as session:
        report, job = find_report(session, report_id)
        video = find_video(session, report.video_id)
    if report.file_key is None:
        raise ReportNotReady(
            f"The report {report.id} has no file: its job is {job.status}. See GET "
            f"/reports/{report.id}.",
        )
    try:
        found = resources.storage.stat(report.file_key)
    except FileNotFoundError as exc:
        raise report_not_found(report.id) from exc
    title = video.title or video.filename or str(video.id)
    return VideoFile(
        resources.storage,
        found,
        media_type=HTML,
        filename=f"{title}.report.html",
        disposition="attachment" if save else "inline",
        headers={
            "etag": f'"report-{PurePosixPath(report.file_key).stem}"',
            "cache-control": "private, no-cache",
            # Whatever stands in it can do nothing here: no script, no request.
            "content-security-policy": f"sandbox; {POLICY}",
        },
    )
