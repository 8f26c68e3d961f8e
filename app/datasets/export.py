"""The reviewed stretches of many matches become a data set that training reads.

Everything is written beside the target first, so that it is there whole or not at all,
and an export that was stopped goes on where it was.
"""

import errno
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from app.annotations.timelines import View
from app.core.db.snapshot import snapshot
from app.core.resources import Stores
from app.datasets.card import Entry, LeftOut
from app.datasets.files import ExportOptions, Work, finish, labels_text
from app.datasets.naming import folder_names, groups_of, video_name
from app.datasets.problems import CannotLink, ExportFailed
from app.datasets.selection import choose_videos
from app.datasets.staging import Staging, staged
from app.datasets.truth import Truth, read_truth
from app.datasets.video_files import (
    cut_pieces,
    pieces_of,
    place_whole,
    sha256_of,
    truth_of,
)
from app.videos.frame_times import load_frame_times
from app.videos.tables import Video
from model.data.matches import OWN_LABELS
from model.errors import ModelError, NoRoom
from model.reporter import Reporter
from model.video.frame_times import FrameTimes

DELETED = "it was deleted meanwhile"


def export_dataset(
    target: Path,
    options: ExportOptions,
    resources: Stores,
    *,
    now: datetime,
    touchline: str,
    report: Reporter,
    on_wait: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Write a data set; returns its card.

    Args:
        target: the folder that it becomes.
        touchline: the version that writes it.
        report: takes lines for the user.
        on_wait: called now and then while a video comes from a bucket; may raise.

    Raises:
        ExportFailed: there is nothing to export, or the folder may not be written.
        OSError: the disk is full; what is done is kept for the next run.
    """
    with staged(target, may_replace=options.may_replace) as staging:
        truths, work = _read(options, resources, report)
        if options.mode == "copy":
            _check_room(staging, truths)
        with _telling_what_is_kept(staging):
            for number, (truth, name) in enumerate(
                zip(truths, folder_names(truths), strict=True), start=1
            ):
                report(
                    f"{number}/{len(truths)}  {name}  {truth.reviewed_s / 60:.1f} min"
                )
                _add(staging, truth, name, options, resources, work, report, on_wait)
            if not work.entries:
                raise ExportFailed("no video is left to export")
            return finish(staging, target.name, options, work, now, touchline, report)


def _read(
    options: ExportOptions, resources: Stores, report: Reporter
) -> tuple[list[Truth], Work]:
    """Read what is known of each video, each at one moment."""
    truths, work = [], Work()
    view = View(resources.settings.match_tolerance)
    with resources.sessions() as session:
        ids = choose_videos(session, options.project_id, options.videos)
    for video_id in ids:
        try:
            with snapshot(resources) as session:
                truth = read_truth(session, resources.storage, video_id, view=view)
            truths.append(truth)
        except ExportFailed as exc:
            _leave_out(video_id, str(exc), work, report)
    if not truths:
        raise ExportFailed("none of the videos can be exported; see above")
    groups = zip(truths, groups_of(truths), strict=True)
    work.match_of = {truth.video_id: name for truth, name in groups}
    return truths, work


def _leave_out(video_id: UUID, why: str, work: Work, report: Reporter) -> None:
    report(f"left out {video_id}: {why}")
    work.left_out.append(LeftOut(str(video_id), why))


def _add(
    staging: Staging,
    truth: Truth,
    name: str,
    options: ExportOptions,
    resources: Stores,
    work: Work,
    report: Reporter,
    on_wait: Callable[[], None],
) -> None:
    """Add a video; one that was deleted meanwhile, or is damaged, is left out."""
    try:
        copy = resources.storage.local_copy(truth.storage_key, lambda _: on_wait())
        with copy as source:
            if options.mode == "cut":
                found = _add_cut(staging, source, truth, name, resources, report)
            else:
                file = f"{name}/{video_name(truth)}"
                place_whole(staging, source, file, truth, options.mode)
                found = [(truth, name, file, truth.sha256)]
        _check_there(truth, resources)
    except FileNotFoundError:
        _leave_out(truth.video_id, DELETED, work, report)
        return
    except (CannotLink, NoRoom):
        raise
    except (ExportFailed, ModelError) as exc:
        _leave_out(truth.video_id, str(exc), work, report)
        return
    for mine, folder, file, sha256 in found:
        labels = f"{folder}/{OWN_LABELS}"
        staging.write_text(labels, labels_text(mine, file))
        files = {file: sha256, labels: sha256_of(staging.folder / labels)}
        work.entries.append(Entry(folder, work.match_of[truth.video_id], mine, files))
    work.sources.append(truth)


def _check_there(truth: Truth, resources: Stores) -> None:
    """Keep nothing of a video that was deleted while it was being exported."""
    with resources.sessions() as session:
        if session.get(Video, truth.video_id) is None:
            raise ExportFailed(DELETED)


def _add_cut(
    staging: Staging,
    source: Path,
    truth: Truth,
    name: str,
    resources: Stores,
    report: Reporter,
) -> list[tuple[Truth, str, str, str]]:
    times = _times_of(truth, source, resources, report)
    pieces = pieces_of(truth, times)
    folders = [f"{name}/{number}" for number in range(1, len(pieces) + 1)]
    files = [f"{folder}/video.mp4" for folder in folders]
    cut_pieces(staging, source, files, pieces, times, truth)
    return [
        (truth_of(piece, truth, times), folder, file, sha256_of(staging.folder / file))
        for piece, folder, file in zip(pieces, folders, files, strict=True)
    ]


def _times_of(
    truth: Truth, source: Path, resources: Stores, report: Reporter
) -> FrameTimes:
    """Tell when each frame of a video is shown: as stored, else by decoding it."""
    with resources.sessions() as session:
        video = session.get(Video, truth.video_id)
        times = None if video is None else load_frame_times(video, resources.storage)
    if times is not None:
        return times
    from model.video.timing import time_frames_in_child

    report("reading when its frames are shown ...")
    return time_frames_in_child(source).frame_times


def _check_room(staging: Staging, truths: Sequence[Truth]) -> None:
    """Refuse to begin what cannot end: copies need room."""
    there = sum(
        path.stat().st_size
        for name in staging.done
        if (path := staging.folder / name).is_file()
    )
    needed = sum(truth.size_bytes for truth in truths) - there
    free = shutil.disk_usage(staging.folder).free
    if needed > free:
        raise ExportFailed(
            f"the copies take {needed / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free: "
            "free some, or use --video-files link, reference or cut"
        )


@contextmanager
def _telling_what_is_kept(staging: Staging) -> Iterator[None]:
    try:
        yield
    except (OSError, NoRoom) as exc:
        is_full = isinstance(exc, NoRoom) or exc.errno in (errno.ENOSPC, errno.EDQUOT)
        if not is_full:
            raise
        raise ExportFailed(
            f"the disk of {staging.folder} is full: what is done is kept there. Free "
            "some room and run the same again, which goes on from there"
        ) from exc
