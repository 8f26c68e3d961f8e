"""When each frame of a video is shown: kept by whatever job decodes all of it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from time import monotonic
from uuid import UUID

from sqlalchemy.orm import Session

from app.core.storage.interface import Storage
from app.core.storage.keys import frame_times_key
from app.videos.frame_times import show_frame_times
from model.video.frame_times import FrameTimes
from model.video.limits import DEFAULT_LIMITS
from model.video.timing import TimedVideo, time_frames_in_child
from worker.handlers.source import source_file
from worker.job_task import HandlerContext, JobTask, Reporter


@dataclass(frozen=True, slots=True)
class StoredFrameTimes:
    """Times of frames that an attempt stored, still to be shown by its video.

    Attributes:
        video_id: whose frames they are of.
        key: of the object; it belongs into the job's `new_files`.
    """

    video_id: UUID
    key: str

    def save(self, session: Session) -> None:
        """Let the video's frames have these times."""
        session.execute(show_frame_times(self.video_id, self.key))


def store_frame_times(
    frame_times: FrameTimes, task: JobTask, storage: Storage
) -> StoredFrameTimes:
    """Store the times of a video's frames under this attempt's own key.

    Raises:
        StorageFull: there is no room.
    """
    if task.video_id is None:
        raise ValueError("frames are of a video")
    key = frame_times_key(task.video_id, task.token)
    storage.put(key, frame_times.to_bytes())
    return StoredFrameTimes(task.video_id, key)


def make_frame_times(
    task: JobTask,
    context: HandlerContext,
    reporter: Reporter,
    *,
    duration_s: float | None = None,
) -> tuple[StoredFrameTimes, TimedVideo]:
    """Decode all frames of a video, with no network, and store when each is shown.

    Args:
        task: of a video.
        context: what the handler works with.
        reporter: is told the stage `decode`.
        duration_s: of the video, as a probe found it, for progress.

    Returns:
        What was stored, and all that decoding told of the file.

    Raises:
        ModelError: the video cannot be used.
        SourceMissing: the video's file is gone.
        StorageFull: there is no room for them.
    """
    reporter.progress("decode", 0.0)
    limits = replace(
        DEFAULT_LIMITS, max_duration_s=context.settings.max_duration.total_seconds()
    )
    with source_file(task, context.storage, reporter.touch) as path:
        timed = time_frames_in_child(
            path,
            limits=limits,
            on_time=_progress(reporter, duration_s),
            on_wait=reporter.touch,
        )
    return store_frame_times(timed.frame_times, task, context.storage), timed


def _progress(reporter: Reporter, duration_s: float | None) -> Callable[[float], None]:
    began = monotonic()

    def report(time_s: float) -> None:
        done = min(time_s / duration_s, 1.0) if duration_s else 0.0
        eta_s = (monotonic() - began) * (1 - done) / done if done > 0 else None
        reporter.progress("decode", done, eta_s)

    return report
