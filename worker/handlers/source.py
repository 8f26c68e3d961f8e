"""The uploaded video that a handler reads."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from app.core.errors import SourceMissing
from app.core.storage.filling import ArrivingCopy
from app.core.storage.interface import Storage
from worker.job_task import JobTask

MISSING = (
    "The video's file is gone from the server's storage: upload the video again, or "
    "restore the storage from a backup and run the job again."
)


@contextmanager
def source_file(task: JobTask, storage: Storage) -> Iterator[Path]:
    """Give the uploaded file, as a file of this machine, until the block ends.

    Raises:
        SourceMissing: it is gone from the storage.
    """
    with stored_file(task.source_key, storage) as path:
        yield path


@contextmanager
def arriving_source_file(task: JobTask, storage: Storage) -> Iterator[ArrivingCopy]:
    """Give the uploaded file before all of it is on this machine.

    Raises:
        SourceMissing: it is gone from the storage.
    """
    with ExitStack() as stack:
        copy = storage.arriving_copy(str(task.source_key))
        try:
            found = stack.enter_context(copy)
        except FileNotFoundError as exc:
            raise SourceMissing(MISSING) from exc
        yield found


@contextmanager
def stored_file(key: str | None, storage: Storage) -> Iterator[Path]:
    """Give any uploaded file; see `source_file`.

    Raises:
        SourceMissing: it is gone from the storage.
    """
    with ExitStack() as stack:
        copy = storage.local_copy(str(key))
        try:
            path = stack.enter_context(copy)
        except FileNotFoundError as exc:
            raise SourceMissing(MISSING) from exc
        yield path
