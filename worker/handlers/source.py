"""The uploaded video that a handler reads."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from app.core.storage.interface import Storage
from model.errors import UnreadableVideo
from worker.job_task import JobTask


@contextmanager
def source_file(task: JobTask, storage: Storage) -> Iterator[Path]:
    """Give the uploaded file, as a file of this machine, until the block ends.

    Raises:
        UnreadableVideo: it is gone.
    """
    with ExitStack() as stack:
        copy = storage.local_copy(str(task.source_key))
        try:
            path = stack.enter_context(copy)
        except FileNotFoundError as exc:
            raise UnreadableVideo("The video's file is not in the storage.") from exc
        yield path
