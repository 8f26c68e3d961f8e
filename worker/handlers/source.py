"""The uploaded video that a handler reads."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
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
def source_file(
    task: JobTask, storage: Storage, on_wait: Callable[[], None]
) -> Iterator[Path]:
    """Give the uploaded file, as a file of this machine, until the block ends.

    Args:
        task: of the video.
        storage: where it lies.
        on_wait: called now and then while it is fetched; may raise to stop.

    Raises:
        SourceMissing: it is gone from the storage.
    """
    with stored_file(task.source_key, storage, on_wait) as path:
        yield path


@contextmanager
def arriving_source_file(
    task: JobTask, storage: Storage, on_wait: Callable[[], None]
) -> Iterator[ArrivingCopy]:
    """Give the uploaded file before all of it is on this machine.

    Args:
        task: of the video.
        storage: where it lies.
        on_wait: called now and then while another process fetches it.

    Raises:
        SourceMissing: it is gone from the storage; the copy's `check` raises it too,
            once it goes while its bytes come.
    """
    with ExitStack() as stack:
        copy = storage.arriving_copy(str(task.source_key), lambda _: on_wait())
        with _missing_told():
            found = stack.enter_context(copy)

        def check() -> None:
            with _missing_told():
                found.check()

        yield replace(found, check=check)


@contextmanager
def stored_file(
    key: str | None, storage: Storage, on_wait: Callable[[], None] = lambda: None
) -> Iterator[Path]:
    """Give any uploaded file; see `source_file`.

    Raises:
        SourceMissing: it is gone from the storage.
    """
    with ExitStack() as stack:
        copy = storage.local_copy(str(key), lambda _: on_wait())
        with _missing_told():
            path = stack.enter_context(copy)
        yield path


@contextmanager
def _missing_told() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as exc:
        raise SourceMissing(MISSING) from exc
