"""Probing: tells what a video is, for one that people tag without a model.

All frames are decoded, because tags are put on frames: when each is shown is stored.
"""

from dataclasses import asdict, replace

from sqlalchemy.orm import Session

from app.clips.proxies import ask_for_proxy
from app.videos.queries import note_facts
from model.video.limits import DEFAULT_LIMITS
from model.video.probe import VideoFacts, probe_in_child
from model.video.warnings import corrected_facts, warnings_of
from worker.handlers.frame_times import make_frame_times
from worker.handlers.source import source_file
from worker.job_task import HandlerContext, JobResult, JobTask, Reporter


def probe_video(
    task: JobTask, context: HandlerContext, reporter: Reporter
) -> JobResult:
    """Read the facts of a video's file, and when each of its frames is shown.

    Raises:
        ModelError: the video cannot be used.
        SourceMissing: the video's file is gone.
        StorageFull: there is no room for the times of frames.
    """
    if task.video_id is None:
        raise ValueError("a probe is of a video")
    video_id = task.video_id
    facts = _read_facts(task, context, reporter)
    with context.sessions.begin() as session:  # Shown while frames are decoded.
        session.execute(note_facts(video_id, asdict(facts)))
        ask_for_proxy(session, video_id, asdict(facts))
    stored, timed = make_frame_times(
        task, context, reporter, duration_s=facts.duration_s
    )
    warnings = warnings_of(facts, timed.tally)
    told = asdict(corrected_facts(facts, timed.tally))

    def save(session: Session) -> None:
        session.execute(note_facts(video_id, told))
        stored.save(session)

    return JobResult(
        facts={**told, "warnings": warnings or None},
        save=save,
        new_files=[stored.key],
    )


def _read_facts(
    task: JobTask, context: HandlerContext, reporter: Reporter
) -> VideoFacts:
    reporter.progress("probe", 0.0)
    max_duration_s = context.settings.max_duration.total_seconds()
    with source_file(task, context.storage, reporter.touch) as path:
        return probe_in_child(
            path,
            limits=replace(DEFAULT_LIMITS, max_duration_s=max_duration_s),
            on_wait=reporter.touch,
        )
