"""Thumbnails: a poster of a video, and stills for the seek bar of a player.

Often the first look at a new file: what it is, is told at once, and a proxy is asked
for where browsers cannot play it, however long the video waits for its analysis.
"""

from dataclasses import asdict, replace
from pathlib import Path
from uuid import UUID

from app.clips.proxies import ask_for_proxy
from app.clips.service import SHEET_ADDRESS, ThumbnailKeys
from app.core.storage.interface import Storage
from app.videos.queries import note_facts
from app.videos.tables import Video
from model.video.jpeg import encode_jpeg
from model.video.limits import DEFAULT_LIMITS, MediaLimits
from model.video.probe import probe_in_child
from model.video.sprite import make_cues, make_sheet
from model.video.stills import Stills, stills_in_child
from worker.handlers.source import source_file
from worker.job_task import HandlerContext, JobResult, JobTask, Reporter


def make_thumbnails(
    task: JobTask, context: HandlerContext, reporter: Reporter
) -> JobResult:
    """Make the pictures by which a video is shown.

    Raises:
        ModelError: the video cannot be used.
        SourceMissing: the video's file is gone.
        StorageFull: there is no room for the pictures.
    """
    if task.video_id is None:
        raise ValueError("thumbnails are of a video")
    video_id = task.video_id
    reporter.progress("decode", 0.0)
    limits = replace(
        DEFAULT_LIMITS, max_duration_s=context.settings.max_duration.total_seconds()
    )
    with source_file(task, context.storage, reporter.touch) as path:
        _look_at_new_file(path, video_id, limits, context, reporter)
        stills = stills_in_child(path, limits=limits, on_wait=reporter.touch)
    reporter.progress("store", 1.0, 0.0)
    keys = ThumbnailKeys.of_run(video_id, task.token)
    _store(stills, keys, context.storage)
    return JobResult(
        facts={"stills": len(stills.tiles)},
        save=lambda session: keys.save(session, video_id),
        new_files=keys.all(),
    )


def _look_at_new_file(
    path: Path,
    video_id: UUID,
    limits: MediaLimits,
    context: HandlerContext,
    reporter: Reporter,
) -> None:
    """Keep the facts of a file that no other job has looked at yet."""
    with context.sessions() as session:
        video = session.get(Video, video_id)
    if video is None or video.facts is not None:
        return
    facts = asdict(probe_in_child(path, limits=limits, on_wait=reporter.touch))
    with context.sessions.begin() as session:
        # Another job may have decoded all of it meanwhile, and knows better.
        session.execute(note_facts(video_id, facts).where(Video.facts.is_(None)))
        ask_for_proxy(session, video_id, facts)


def _store(stills: Stills, keys: ThumbnailKeys, storage: Storage) -> None:
    """Write all the pictures, or none."""
    files = {
        keys.poster: encode_jpeg(stills.poster),
        keys.sheet: encode_jpeg(make_sheet(stills.tiles)),
        keys.cues: _cues(stills).encode(),
    }
    try:
        for key, data in files.items():
            storage.put(key, data)
    except BaseException:
        for key in files:
            storage.delete(key)
        raise


def _cues(stills: Stills) -> str:
    height, width = stills.tiles[0].shape[:2]
    return make_cues(
        stills.times_s,
        duration_s=stills.duration_s,
        width=width,
        height=height,
        image=SHEET_ADDRESS,
    )
