"""Proxies: makes a copy of a video that every browser plays, frame by frame alike."""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from time import monotonic

from sqlalchemy.orm import Session

from app.clips.proxies import show_proxy
from app.core.storage.keys import proxy_key
from app.videos.tables import Video
from model.errors import DecoderCrashed
from model.video.faststart import with_index_first
from model.video.limits import DEFAULT_LIMITS
from model.video.probe import probe_in_child
from model.video.proxy import Proxy, make_proxy_in_child
from worker.handlers.frame_times import StoredFrameTimes, store_frame_times
from worker.handlers.source import source_file
from worker.handlers.storing import refuse_to_fill_the_disk, store_pieces
from worker.job_task import HandlerContext, JobResult, JobTask, Reporter


def make_proxy(task: JobTask, context: HandlerContext, reporter: Reporter) -> JobResult:
    """Make the copy of a video that is played where its own file cannot be.

    Raises:
        ModelError: the video cannot be used.
        SourceMissing: the video's file is gone.
        StorageFull: there is no room for it.
    """
    if task.video_id is None:
        raise ValueError("a proxy is of a video")
    video_id, folder = task.video_id, context.settings.data_dir
    folder.mkdir(parents=True, exist_ok=True)
    with (
        source_file(task, context.storage, reporter.touch) as path,
        # Without a name: whatever ends this process, nothing of it is left.
        tempfile.TemporaryFile(dir=folder) as scratch,
    ):
        made = _make(path, scratch.fileno(), context, reporter)
        reporter.progress("store", 1.0, 0.0)
        key = proxy_key(video_id, task.token)
        stored = store_pieces(
            *(key, _pieces(scratch.fileno()), context, reporter), what="proxy"
        )
    try:
        frame_times = _keep_frame_times(made, task, context)
    except BaseException:
        context.storage.delete(key)
        raise

    def save(session: Session) -> None:
        session.execute(show_proxy(video_id, key))
        if frame_times is not None:
            frame_times.save(session)

    return JobResult(
        facts={
            "width": made.width,
            "height": made.height,
            "frames": len(made.frame_times),
            "has_sound": made.has_sound,
            "size_bytes": stored.size_bytes,
        },
        save=save,
        new_files=[key, *([frame_times.key] if frame_times else [])],
    )


def _make(
    path: Path, target: int, context: HandlerContext, reporter: Reporter
) -> Proxy:
    reporter.progress("probe", 0.0)
    limits = replace(
        DEFAULT_LIMITS, max_duration_s=context.settings.max_duration.total_seconds()
    )
    facts = probe_in_child(path, limits=limits, on_wait=reporter.touch)
    reporter.progress("encode", 0.0)
    return make_proxy_in_child(
        path,
        target,
        duration_s=facts.duration_s,
        fps=facts.fps,
        limits=limits,
        on_time=_progress(context, reporter, facts.duration_s),
        on_wait=reporter.touch,
    )


def _progress(
    context: HandlerContext, reporter: Reporter, duration_s: float
) -> Callable[[float], None]:
    began = monotonic()

    def report(time_s: float) -> None:
        refuse_to_fill_the_disk(context, 0, what="proxy")
        done = min(time_s / duration_s, 1.0) if duration_s > 0 else 0.0
        eta_s = (monotonic() - began) * (1 - done) / done if done > 0 else None
        reporter.progress("encode", done, eta_s)

    return report


def _pieces(scratch: int) -> Iterator[bytes]:
    """Give the bytes that are to be stored, piece by piece."""
    try:
        yield from with_index_first(scratch)
    except ValueError as exc:
        raise DecoderCrashed("The decoding process wrote no valid MP4.") from exc


def _keep_frame_times(
    made: Proxy, task: JobTask, context: HandlerContext
) -> StoredFrameTimes | None:
    """Store when each frame is shown, unless another job has done so."""
    with context.sessions() as session:
        video = session.get(Video, task.video_id)
    if video is None or video.frame_times_key is not None:
        return None
    return store_frame_times(made.frame_times, task, context.storage)
