"""An object on its way into a bucket: one request if it is small, else in parts."""

import hashlib
import queue
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

from app.core.storage.bucket_objects import BucketObjects
from app.core.storage.interface import StorageUnavailable, StoredFile

PART_BYTES = 16 * 2**20  # S3 takes 10,000 parts: 156 GiB
LOOK_EVERY_S = 1.0  # whether the bucket still takes them
PIECES_AHEAD = 4


class _Abandoned(Exception):
    """The writer gave up: nothing is to be kept."""


class ObjectUpload:
    """Takes the bytes of one object; counted and hashed. All of it blocks."""

    def __init__(self, objects: BucketObjects, path: str, key: str) -> None:
        self._objects, self._path, self._key = objects, path, key
        self._hash, self.size_bytes = hashlib.sha256(), 0
        self._small = bytearray()
        self._pieces: queue.Queue[bytes | BaseException | None] = queue.Queue(
            PIECES_AHEAD
        )
        self._pool: ThreadPoolExecutor | None = None
        self._sending: Future[None] | None = None
        self._is_finished = False

    def write(self, data: bytes | bytearray) -> None:
        """Add some bytes."""
        self._hash.update(data)
        self.size_bytes += len(data)
        if self._sending is not None:
            self._send(bytes(data))
            return
        self._small += data
        if len(self._small) >= PART_BYTES:
            self._begin()
            self._send(bytes(self._small))
            self._small.clear()

    def finish(self) -> StoredFile:
        """Put the object in its place."""
        if self._sending is None:
            self._objects.put(self._path, bytes(self._small))
        else:
            self._send(None)
            self._sending.result()
        self._is_finished = True
        return StoredFile(self._key, self.size_bytes, self._hash.hexdigest())

    def discard(self) -> None:
        """Forget all that came, unless it was put in its place."""
        if self._pool is None:
            return
        if not self._is_finished and self._sending is not None:
            with suppress(Exception):  # It failed, or fails with `_Abandoned`.
                self._send(_Abandoned())
                self._sending.result()
        self._pool.shutdown(wait=False)

    def _begin(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="object-upload")
        self._sending = self._pool.submit(
            self._objects.put_pieces, self._path, self._taken(), PART_BYTES
        )

    def _send(self, piece: bytes | BaseException | None) -> None:
        """Hand on a piece; what broke the upload off is raised here."""
        assert self._sending is not None  # noqa: S101  # for the type checker
        while True:
            if self._sending.done():
                self._sending.result()
                raise StorageUnavailable("the upload to the bucket ended early")
            with suppress(queue.Full):
                self._pieces.put(piece, timeout=LOOK_EVERY_S)
                return

    def _taken(self) -> Iterator[bytes]:
        while (piece := self._pieces.get()) is not None:
            if isinstance(piece, BaseException):
                raise piece
            yield piece
