"""Reports: takes stills of a match's key events, and writes it all as one file."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from uuid import UUID

from sqlalchemy.orm import Session

from app.core.db.base import utc_now
from app.core.storage.keys import report_key
from app.reports.content import ReportEvent
from app.reports.problems import ReportDeleted
from app.reports.queries import show_file
from app.reports.render import render_report
from app.reports.stored import content_of
from app.reports.tables import Report
from app.videos.frame_times import load_frame_times
from app.videos.tables import Video
from model.video.frame_stills import frames_in_child
from model.video.frame_times import FrameTimes
from model.video.jpeg import encode_jpeg
from model.video.limits import DEFAULT_LIMITS
from worker.handlers.frame_times import StoredFrameTimes, make_frame_times
from worker.handlers.source import source_file
from worker.handlers.storing import refuse_to_fill_the_disk
from worker.job_task import HandlerContext, JobResult, JobTask, Reporter


def make_report(
    task: JobTask, context: HandlerContext, reporter: Reporter
) -> JobResult:
    """Make a report that was asked for.

    Raises:
        ModelError: the video cannot be used.
        ReportDeleted: nobody wants it any more.
        SourceMissing: the video's file is gone.
        StorageFull: there is no room for it.
    """
    if task.video_id is None:
        raise ValueError("a report is of a video")
    report_id = UUID(str(task.params["report_id"]))
    with context.sessions() as session:
        report = session.get(Report, report_id)
        video = session.get(Video, task.video_id)
    if report is None or video is None:
        raise ReportDeleted("The report was deleted before it was made.")
    content = content_of(report)
    stills, kept = _stills(content.pictured(), video, task, context, reporter)
    new_files = [kept.key] if kept else []
    try:
        reporter.progress("store", 1.0, 0.0)
        data = render_report(content, stills, made_at=utc_now()).encode()
        refuse_to_fill_the_disk(context, len(data), what="report")
        key = report_key(task.video_id, report_id, task.token)
        context.storage.put(key, data)
    except BaseException:
        for each in new_files:
            context.storage.delete(each)
        raise

    def save(session: Session) -> None:
        session.execute(show_file(report_id, key, size_bytes=len(data)))
        if kept is not None:
            kept.save(session)

    return JobResult(
        facts={
            "report_id": str(report_id),
            "stills": len(stills),
            "size_bytes": len(data),
        },
        save=save,
        new_files=[key, *new_files],
    )


def _stills(
    events: Sequence[ReportEvent],
    video: Video,
    task: JobTask,
    context: HandlerContext,
    reporter: Reporter,
) -> tuple[dict[UUID, bytes], StoredFrameTimes | None]:
    """Take the frames of events; a video whose times are not known is decoded first."""
    if not events:
        return {}, None
    times, kept = load_frame_times(video, context.storage), None
    if times is None:
        kept, timed = make_frame_times(
            task, context, reporter, duration_s=video.duration_s
        )
        times = timed.frame_times
    try:
        reporter.progress("decode", 0.0)
        with source_file(task, context.storage, reporter.touch) as path:
            stills = _take(path, events, times, context, reporter)
    except BaseException:
        if kept is not None:
            context.storage.delete(kept.key)
        raise
    return stills, kept


def _take(
    path: Path,
    events: Sequence[ReportEvent],
    times: FrameTimes,
    context: HandlerContext,
    reporter: Reporter,
) -> dict[UUID, bytes]:
    limits = replace(
        DEFAULT_LIMITS, max_duration_s=context.settings.max_duration.total_seconds()
    )
    pictures = frames_in_child(
        path,
        [event.frame for event in events],
        times=times,
        limits=limits,
        on_frame=lambda done: reporter.progress("decode", done / len(events)),
        on_wait=reporter.touch,
    )
    files = {frame: encode_jpeg(image) for frame, image in pictures.items()}
    return {event.id: files[event.frame] for event in events if event.frame in files}
