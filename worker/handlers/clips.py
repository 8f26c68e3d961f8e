"""Clips: renders events of videos as one reel, or as single clips in an archive."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from time import monotonic
from uuid import UUID

from sqlalchemy.orm import Session

from app.clips.clip_options import (
    Match,
    captioned,
    events_by_video,
    options_of,
    provenance_of_clip,
    stored_cuts,
)
from app.clips.clip_queries import show_file
from app.clips.problems import ClipDeleted
from app.clips.tables import Clip
from app.core.errors import SourceMissing
from app.core.storage.interface import StoredFile
from app.core.storage.keys import clip_key, match_clip_key
from app.videos.frame_times import load_frame_times
from app.videos.tables import Video
from model.video.clip_files import Shown, files_of, reel_pieces, zip_pieces
from model.video.clips import Clips, Source, cut_together_in_child
from model.video.cuts import MAX_SIDE, Cut, CutMode
from model.video.limits import DEFAULT_LIMITS
from worker.handlers.frame_times import StoredFrameTimes, make_frame_times
from worker.handlers.source import stored_file
from worker.handlers.storing import refuse_to_fill_the_disk, store_pieces
from worker.job_task import HandlerContext, JobResult, JobTask, Reporter

MP4, ZIP = "video/mp4", "application/zip"
_USUAL_SIZE = (1280, 720)
_MODES: Mapping[str, CutMode] = {"exact": "exact", "smart": "smart", "copy": "copy"}


@dataclass(frozen=True, slots=True)
class _Rendered:
    """A file in storage, and what was in the making of it."""

    key: str
    stored: StoredFile
    made: Clips


@dataclass(frozen=True, slots=True)
class _Work:
    """A clip, the videos that it shows, and when their frames are.

    Attributes:
        kept: times that were not known before, to be shown by their videos.
    """

    clip: Clip
    videos: Sequence[Video]
    matches: Sequence[Match]
    kept: Sequence[StoredFrameTimes]


def render_clip(
    task: JobTask, context: HandlerContext, reporter: Reporter
) -> JobResult:
    """Render a clip that was asked for.

    Raises:
        ModelError: a video cannot be used, or the events do not lie in it.
        ClipDeleted: nobody wants it any more.
        SourceMissing: a video is gone, or its file.
        StorageFull: there is no room for it.
    """
    clip, videos = _find(task, context)
    new_files: list[str] = []
    try:
        work = _prepare(clip, videos, task, context, reporter, new_files)
        max_s = context.settings.max_duration.total_seconds()
        options = options_of(clip)
        cuts = options.plan(work.matches, max_s=max_s)
        cuts = captioned(cuts, work.matches, videos, options.captions)
        found = _render(work, cuts, task, context, reporter)
        new_files.append(found.key)
        _find(task, context)  # What was deleted meanwhile is not shown.
    except BaseException as exc:
        for key in new_files:
            context.storage.delete(key)
        if isinstance(exc, SourceMissing):
            _find(task, context)  # Its own words, where the whole video is gone.
        raise
    facts = _facts(clip, found.made)

    def save(session: Session) -> None:
        statement = show_file(
            clip.id,
            found.key,
            size_bytes=found.stored.size_bytes,
            facts=facts,
            cuts=stored_cuts(found.made.written(cuts), work.matches),
        )
        session.execute(statement)
        for one in work.kept:
            one.save(session)

    return JobResult(
        facts={
            **facts,
            "clip_id": str(clip.id),
            "cuts": len(cuts),
            "size_bytes": found.stored.size_bytes,
        },
        save=save,
        new_files=new_files,
    )


def _facts(clip: Clip, made: Clips) -> dict[str, object]:
    """Say what is shown of a file."""
    return {
        "media_type": ZIP if clip.form == "zip" else MP4,
        "width": made.width,
        "height": made.height,
        "has_sound": made.has_sound,
        "frames": made.frames,
        "mode": made.mode,
        "copied_frames": made.copied_frames,
    }


def _find(task: JobTask, context: HandlerContext) -> tuple[Clip, list[Video]]:
    """Find a clip and its videos.

    Raises:
        ClipDeleted: the clip is gone.
        SourceMissing: one of its videos is.
    """
    with context.sessions() as session:
        clip = session.get(Clip, UUID(str(task.params["clip_id"])))
        if clip is None:
            raise ClipDeleted("The clip was deleted before it was rendered.")
        ids = events_by_video(clip)
        videos = [video for one in ids if (video := session.get(Video, one))]
    if len(videos) < len(ids):
        raise SourceMissing(
            f"{len(ids) - len(videos)} of the {len(ids)} videos that the clip shows "
            "were deleted. Ask for a clip without their events."
        )
    return clip, videos


def _prepare(
    clip: Clip,
    videos: Sequence[Video],
    task: JobTask,
    context: HandlerContext,
    reporter: Reporter,
    new_files: list[str],
) -> _Work:
    """Tell when frames are shown; a video of which it is not known is decoded."""
    events = events_by_video(clip)
    matches, kept = [], []
    for video in videos:
        times = load_frame_times(video, context.storage)
        if times is None:
            own = replace(task, video_id=video.id, source_key=video.storage_key)
            stored, timed = make_frame_times(
                own, context, reporter, duration_s=video.duration_s
            )
            new_files.append(stored.key)
            kept.append(stored)
            times = timed.frame_times
        matches.append(Match(video.id, events[video.id], times))
    return _Work(clip, videos, matches, kept)


def _render(
    work: _Work,
    cuts: Sequence[Cut],
    task: JobTask,
    context: HandlerContext,
    reporter: Reporter,
) -> _Rendered:
    """Render cuts into a file of no name, and store what it comes to."""
    clip, is_zip = work.clip, work.clip.form == "zip"
    folder = context.settings.data_dir
    folder.mkdir(parents=True, exist_ok=True)
    reporter.progress("encode", 0.0)
    # Without a name: whatever ends this process, nothing of it is left.
    with tempfile.TemporaryFile(dir=folder) as scratch:
        made = _cut(work, cuts, scratch.fileno(), context, reporter)
        reporter.progress("store", 1.0, 0.0)
        suffix = ".zip" if is_zip else ".mp4"
        if clip.video_id is None:
            key = match_clip_key(work.videos[0].id, clip.id, task.token, suffix)
        else:
            key = clip_key(clip.video_id, clip.id, task.token, suffix)
        if is_zip:
            pieces = zip_pieces(made, scratch.fileno(), cuts, _shown(work))
        else:
            pieces = reel_pieces(made, scratch.fileno())
        stored = store_pieces(key, pieces, context, reporter, what="clips")
    return _Rendered(key, stored, made)


def _cut(
    work: _Work,
    cuts: Sequence[Cut],
    target: int,
    context: HandlerContext,
    reporter: Reporter,
) -> Clips:
    limits = replace(
        DEFAULT_LIMITS, max_duration_s=context.settings.max_duration.total_seconds()
    )
    with ExitStack() as files:
        sources = [
            Source(
                files.enter_context(
                    stored_file(video.storage_key, context.storage, reporter.touch)
                ),
                match.times,
            )
            for video, match in zip(work.videos, work.matches, strict=True)
        ]
        return cut_together_in_child(
            sources,
            target,
            files_of(cuts, is_zip=work.clip.form == "zip"),
            mode=_MODES[work.clip.mode],
            comment=_comment(work.clip),
            size=_size_of(work.videos),
            limits=limits,
            on_frames=_progress(context, reporter, sum(cut.frames for cut in cuts)),
            on_wait=reporter.touch,
        )


def _comment(clip: Clip) -> str:
    """Say where the events come from, as JSON; empty: that was not asked for."""
    told = [one.to_line() for one in provenance_of_clip(clip)]
    return told[0] if len(told) == 1 else f"[{','.join(told)}]" if told else ""


def _shown(work: _Work) -> dict[str, Shown]:
    """Say what names of single clips tell of events: of several matches, which."""
    is_of_several = len(work.videos) > 1
    return {
        one["id"]: Shown(
            f"{video.title or number}-{one['type']}" if is_of_several else one["type"],
            one["time_ms"] / 1000,
        )
        for number, (video, match) in enumerate(
            zip(work.videos, work.matches, strict=True), start=1
        )
        for one in match.events
    }


def _size_of(videos: Sequence[Video]) -> tuple[int, int] | None:
    """Choose the size of the largest of several videos."""
    if len(videos) < 2:
        return None
    sizes = [(one.width or 0, one.height or 0) for one in videos]
    width, height = max(sizes, key=lambda size: size[0] * size[1])
    if not width or not height:
        return _USUAL_SIZE
    scale = min(1.0, MAX_SIDE / max(width, height))
    return max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2)


def _progress(
    context: HandlerContext, reporter: Reporter, total: int
) -> Callable[[int], None]:
    began = monotonic()

    def report(frames: int) -> None:
        refuse_to_fill_the_disk(context, 0, what="clips")
        done = min(frames / total, 1.0)
        eta_s = (monotonic() - began) * (1 - done) / done if done > 0 else None
        reporter.progress("encode", done, eta_s)

    return report
