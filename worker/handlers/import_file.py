"""Imports: bring the file of a video from the folder that the operator names."""

import os
import time
from typing import BinaryIO

from app.core.errors import StorageFull
from app.core.settings import Settings
from app.core.storage.interface import Storage, StoredFile
from app.core.storage.keys import fetched_key
from app.sources.failures import (
    ImportMissing,
    ImportUnfinished,
    SourceTooLarge,
    SourceUnusable,
)
from app.sources.folder import ImportFolder
from app.sources.queries import ensure_room_for, save_file, source_of
from app.videos.first_jobs import first_jobs
from worker.job_task import HandlerContext, JobResult, JobTask, Reporter

SETTLED_S = 60.0  # a file that nobody wrote to for so long is whole
QUIET_S = 3.0  # how long a younger one is looked at; while it changes, again
PATIENCE_S = 900.0  # how long one that changes is waited for
LOOK_EVERY_S = 0.2

State = tuple[int, int]  # size in bytes, time of the last change in ns


def import_file(
    task: JobTask, context: HandlerContext, reporter: Reporter
) -> JobResult:
    """Copy a video's file out of the folder of imports; it stays where it is.

    Raises:
        JobFailure: it is not there any more, or is still being written.
        StorageFull: there is no room for it.
    """
    if task.video_id is None:
        raise ValueError("an import is of a video")
    video_id = task.video_id
    reporter.progress("copy", 0.0)
    with context.sessions() as session:
        source = session.scalar(source_of(video_id)) or {}
    folder, data_dir = context.settings.import_dir, context.settings.data_dir
    path = source.get("import")
    if folder is None or path is None:
        raise ImportMissing(
            "This worker has no folder of imports: set TOUCHLINE_IMPORT_DIR there, too."
        )
    key = fetched_key(video_id, task.token)
    try:
        with ImportFolder(folder, data_dir=data_dir).open(path) as file:
            before = _await_quiet(file, reporter)
            refuse_size(before[0], context.settings)
            refuse_without_room(before[0], context.settings, context.storage)
            with context.sessions() as session:
                ensure_room_for(session, video_id, before[0])
            stored = _copy(file, key, context.storage, reporter, size_bytes=before[0])
            _refuse_changed(_state(file), before, key, context.storage)
    except (ValueError, FileNotFoundError, NotADirectoryError, PermissionError) as exc:
        raise ImportMissing(
            f"{path!r} is not in the folder of imports any more, or cannot be read."
        ) from exc
    return JobResult(
        facts={"size_bytes": stored.size_bytes, "sha256": stored.sha256},
        save=lambda session: save_file(session, video_id, stored),
        then=first_jobs(task.params.get("model")),
        new_files=[key],
    )


def _await_quiet(file: BinaryIO, reporter: Reporter) -> State:
    """Wait until nobody writes to a file any more, as far as can be seen."""
    state, since = _state(file), time.monotonic()
    if time.time() - state[1] / 1e9 > SETTLED_S:
        return state
    give_up_at = since + PATIENCE_S
    while time.monotonic() - since < QUIET_S:
        reporter.progress("copy", 0.0)
        time.sleep(LOOK_EVERY_S)
        now = _state(file)
        if now != state:
            state, since = now, time.monotonic()
        if time.monotonic() > give_up_at:
            raise ImportUnfinished(
                f"The file was still being written after {PATIENCE_S / 60:g} minutes; "
                "run the job again once it is whole."
            )
    return state


def refuse_size(size_bytes: int, settings: Settings) -> None:
    """Refuse a file that is empty or larger than a video may be.

    Raises:
        SourceUnusable, SourceTooLarge: so it is.
    """
    if size_bytes == 0:
        raise SourceUnusable("The file is empty.")
    if size_bytes > settings.max_upload_size:
        raise SourceTooLarge(
            f"The file is larger than {settings.max_upload_size / 2**20:,.6g} MiB, the "
            "most this service takes (TOUCHLINE_MAX_UPLOAD_SIZE)."
        )


def refuse_without_room(size_bytes: int, settings: Settings, storage: Storage) -> None:
    """Refuse a file that the storage has no room for.

    Raises:
        StorageFull: so it is.
    """
    if storage.free_bytes() - size_bytes < settings.min_free_space:
        raise StorageFull("The server's disk has no room for this video.")


def _copy(
    file: BinaryIO, key: str, storage: Storage, reporter: Reporter, *, size_bytes: int
) -> StoredFile:
    def note(done: int) -> None:
        reporter.progress("copy", min(done / size_bytes, 1.0))

    return storage.put_file(key, file, note)


def _refuse_changed(after: State, before: State, key: str, storage: Storage) -> None:
    if after != before:
        storage.delete(key)
        raise ImportUnfinished("The file changed while it was copied.")


def _state(file: BinaryIO) -> State:
    facts = os.fstat(file.fileno())
    return facts.st_size, facts.st_mtime_ns
