"""Downloads from a bucket that is allowed: an object becomes a video's file."""

import hashlib
import io
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from app.core.errors import InvalidRequest, StartFailed
from app.core.storage.buckets import AllowedBucket, allowed_bucket
from app.core.storage.interface import ObjectChanged, StoredFile
from app.core.storage.keys import fetched_key, linked_key
from app.core.storage.links import Link
from app.sources.failures import (
    DownloadFailed,
    DownloadRefused,
    SourceChanged,
    SourceNotFound,
)
from app.sources.queries import ensure_room_for, save_file
from app.videos.first_jobs import first_jobs
from worker.handlers.import_file import refuse_size, refuse_without_room
from worker.job_task import HandlerContext, JobResult, JobTask, Reporter

if TYPE_CHECKING:
    from collections.abc import Iterator

READ_BYTES = 8 * 2**20  # in one request


def bring_object(
    task: JobTask, context: HandlerContext, reporter: Reporter, url: str
) -> JobResult:
    """Make an object a video's file: all of it is of one version, or none is.

    It stays where it is and is read once, for its checksum; or it is copied into the
    storage (`bucket_sources`).

    Raises:
        JobFailure: it is not there, may not be read, or changed meanwhile.
        StorageFull: there is no room for it.
        StorageUnavailable, StorageRefused: our own storage's, not the source's.
    """
    if task.video_id is None:
        raise ValueError("a download is of a video")
    video_id, is_linked = task.video_id, context.settings.bucket_sources == "link"
    with _told(url):
        found = allowed_bucket(url, context.settings)
        about = found.store.head(found.key)
    refuse_size(about.size_bytes, context.settings)
    if not is_linked:
        refuse_without_room(about.size_bytes, context.settings, context.storage)
        with context.sessions() as session:
            ensure_room_for(session, video_id, about.size_bytes)

    def note(done: int) -> None:
        reporter.progress("download", min(done / about.size_bytes, 1.0))

    raw = _ObjectFile(url, found, about.size_bytes, about.e_tag)
    file = cast("BinaryIO", io.BufferedReader(raw, READ_BYTES))
    if is_linked:
        link = Link(url, about.size_bytes, about.e_tag)
        key = linked_key(video_id, task.token)
        stored = StoredFile(key, link.size_bytes, _checksum(file, note))
        context.storage.put(key, link.to_bytes())
    else:
        key = fetched_key(video_id, task.token)
        stored = context.storage.put_file(key, file, note)
    name = PurePosixPath(found.key).name
    return JobResult(
        facts={"size_bytes": stored.size_bytes, "sha256": stored.sha256},
        save=lambda session: save_file(session, video_id, stored, filename=name),
        then=first_jobs(task.params.get("model")),
        new_files=[key],
    )


def _checksum(file: BinaryIO, on_progress: Callable[[int], None]) -> str:
    """Read a file to its end; SHA-256, hexadecimal."""
    digest, done = hashlib.sha256(), 0
    while data := file.read(READ_BYTES):
        digest.update(data)
        done += len(data)
        on_progress(done)
    return digest.hexdigest()


class _ObjectFile(io.RawIOBase):
    """An object as a file; each read asks for the version that was seen first."""

    def __init__(
        self, url: str, found: AllowedBucket, size: int, e_tag: str | None
    ) -> None:
        super().__init__()
        self._url = url
        self._found, self._size, self._e_tag = found, size, e_tag
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        begin = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}
        self._at = max(0, begin[whence] + offset)
        return self._at

    def readinto(self, buffer: Any, /) -> int:
        end = min(self._at + len(buffer), self._size)
        with _told(self._url):
            data = self._found.store.read(
                self._found.key, self._at, end, e_tag=self._e_tag
            )
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


@contextmanager
def _told(url: str) -> "Iterator[None]":
    """Say of a bucket's answers what they mean for a video."""
    try:
        yield
    except InvalidRequest as exc:
        raise DownloadRefused(str(exc)) from exc
    except FileNotFoundError as exc:
        raise SourceNotFound(f"{url} is not there any more.") from exc
    except ObjectChanged as exc:
        raise SourceChanged(f"{url} was replaced while it was read.") from exc
    except (OSError, StartFailed) as exc:
        raise DownloadFailed(f"{url}: {exc}") from exc
