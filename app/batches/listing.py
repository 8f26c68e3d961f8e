"""The source of a batch is listed: what is there becomes its items, page by page."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import PurePosixPath
from uuid import UUID

from app.batches.items import AT_ONCE, BatchSourceItem, add_items
from app.batches.queries import lock_batch
from app.batches.tables import Batch
from app.core.db.session import Sessions
from app.core.errors import JobFailure, RequestProblem, StartFailed
from app.core.settings import Settings
from app.core.storage.buckets import list_objects
from app.core.storage.interface import StorageUnavailable
from app.sources.folder import FoundFile, ImportFolder
from model.video.file_names import is_video_name


class BatchGone(JobFailure):
    """The batch was deleted before it was listed."""

    code = "batch_deleted"


class SourceNotListed(JobFailure):
    """The source of the batch cannot be listed; another try may go well."""

    code, retryable = "source_not_listed", True


class SourceRefusedNow(JobFailure):
    """The operator no longer allows the bucket."""

    code = "source_refused"


class NothingListed(JobFailure):
    """The source of the batch holds no video files."""

    code = "nothing_listed"


def list_source(
    batch_id: UUID,
    *,
    sessions: Sessions,
    settings: Settings,
    on_items: Callable[[int], None],
) -> int:
    """Add everything in a batch's source to its items; what it has stays as it is.

    Each page is a transaction of its own, so listing again goes on where it ended.

    Args:
        on_items: is called after each page with the number of files seen so far.

    Returns:
        How many video files there are.

    Raises:
        SourceNotListed, NothingListed: see there.
    """
    with sessions() as session:
        batch = session.get(Batch, batch_id)
    if batch is None:
        raise BatchGone("The batch is gone.")
    count = 0
    for page in _pages(found_in(batch.source, settings)):
        with sessions.begin() as session:
            locked = session.scalars(lock_batch(batch_id)).one_or_none()
            if locked is None:
                raise BatchGone("The batch is gone.")
            add_items(session, locked, page)
        count += len(page)
        on_items(count)
    if count == 0:
        raise NothingListed(_nothing(batch.source))
    return count


def found_in(source: dict[str, str], settings: Settings) -> Iterator[BatchSourceItem]:
    """List what a source holds.

    Raises:
        SourceNotListed: it cannot be listed.
    """
    if "bucket" in source:
        return _objects(source["bucket"], settings)
    return _imports(source["imports"], settings)


def _imports(folder: str, settings: Settings) -> Iterator[BatchSourceItem]:
    if settings.import_dir is None:
        raise SourceNotListed(
            "This worker has no folder of imports: set TOUCHLINE_IMPORT_DIR there, too."
        )
    prefix = f"{folder.strip('/')}/" if folder.strip("/") else ""
    try:
        files = ImportFolder(settings.import_dir, data_dir=settings.data_dir)
        for file in files.list():
            if file.path.startswith(prefix):
                yield _found(file)
    except OSError as exc:
        raise SourceNotListed(
            f"The folder of imports cannot be read: {exc.strerror or exc}."
        ) from exc


def _objects(url: str, settings: Settings) -> Iterator[BatchSourceItem]:
    """List the video files in a folder of a bucket; odd keys are left out."""
    try:
        for address, one in list_objects(url, settings):
            if one.size_bytes and is_video_name(PurePosixPath(one.path)):
                yield BatchSourceItem(
                    "url",
                    address,
                    size_bytes=one.size_bytes,
                    version=one.e_tag or f"{one.size_bytes}-{one.modified_at}",
                    etag=one.e_tag,
                )
    except (OSError, StorageUnavailable, StartFailed) as exc:
        raise SourceNotListed(str(exc)) from exc
    except RequestProblem as exc:
        raise SourceRefusedNow(exc.detail) from exc


def _found(file: FoundFile) -> BatchSourceItem:
    return BatchSourceItem(
        "import",
        file.path,
        size_bytes=file.size_bytes,
        version=f"{file.size_bytes}-{file.modified_at.timestamp():f}",
    )


def _pages(found: Iterable[BatchSourceItem]) -> Iterator[list[BatchSourceItem]]:
    rest = iter(found)
    while page := list(islice(rest, AT_ONCE)):
        yield page


def _nothing(source: dict[str, str]) -> str:
    ((kind, address),) = source.items()
    where = "the folder of imports" if kind == "imports" else "the bucket"
    return f"No video file lies under {address!r} in {where}."
