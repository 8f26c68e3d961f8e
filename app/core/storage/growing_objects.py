"""Objects of a bucket that grow by and by, as chunks; one process at a time adds.

Chunks lie under `growing/KEY/`, named by the place at which they begin. All but the
last are large enough to be parts of a multipart upload, so that a bucket can make the
whole of them by itself. Whoever adds holds a lock (`growing_locks`); a holder that was
taken for dead is refused by the bucket at its next chunk.
"""

import re
from collections.abc import Callable

from app.core.storage.bucket_objects import BucketObject, BucketObjects, Version
from app.core.storage.growing_locks import TAKEN, GrowingLock, GrowingLocks
from app.core.storage.interface import ObjectChanged, StorageUnavailable
from app.core.storage.keys import GROWING_FOLDER

CHUNK = re.compile(r"\d{16}")
LOCK = "lock"
CHUNK_BYTES = 8 * 2**20  # of every chunk but the last


def growing_folder(key: str) -> str:
    """Name the folder of an object's chunks."""
    return f"{GROWING_FOLDER}/{key}"


def key_of_chunk(path: str) -> str | None:
    """Tell of which object a path is a chunk, if it is one."""
    folder, _, name = path.rpartition("/")
    if CHUNK.fullmatch(name) is None or not folder.startswith(f"{GROWING_FOLDER}/"):
        return None
    return folder.removeprefix(f"{GROWING_FOLDER}/")


def chunks_of(objects: BucketObjects, key: str) -> list[BucketObject]:
    """List the chunks of an object, each of which begins where the last one ends."""
    found = {
        int(one.path.rpartition("/")[2]): one
        for one in objects.list(growing_folder(key))
        if key_of_chunk(one.path) == key
    }
    chain: list[BucketObject] = []
    size_bytes = 0
    while (chunk := found.get(size_bytes)) is not None and chunk.size_bytes:
        chain.append(chunk)
        size_bytes += chunk.size_bytes
    return chain


class GrowingObject:
    """An object of a bucket, open for more. All of it blocks."""

    def __init__(
        self,
        objects: BucketObjects,
        key: str,
        observe: Callable[[bytes], None],
        locks: GrowingLocks,
    ) -> None:
        self._objects, self._key, self._observe = objects, key, observe
        self._lock = GrowingLock(objects, f"{growing_folder(key)}/{LOCK}", key, locks)
        try:
            self._open()
        except BaseException:
            self._lock.release()
            raise

    def write(self, data: bytes | bytearray) -> None:
        """Add some bytes at the end; those of full chunks are safe at once."""
        self.size_bytes += len(data)
        self._waiting += data
        while len(self._tail) + len(self._waiting) >= CHUNK_BYTES:
            taken = CHUNK_BYTES - len(self._tail)
            self._store(bytes(self._waiting[:taken]))
            del self._waiting[:taken]

    def flush(self) -> int:
        """Make all of it safe in the bucket; returns its size."""
        if self._waiting:
            self._store(bytes(self._waiting))
            self._waiting.clear()
        return self.size_bytes

    def truncate(self, size_bytes: int) -> None:
        """Forget what came behind a place."""
        self.flush()
        if size_bytes >= self.size_bytes:
            return
        self._lock.ensure_held()
        kept: list[BucketObject] = []
        for chunk in chunks_of(self._objects, self._key):
            start = _start(chunk)
            if start >= size_bytes:
                self._objects.delete([chunk.path])
            elif start + chunk.size_bytes > size_bytes:
                data = self._objects.read(chunk.path, 0, size_bytes - start)
                self._objects.put(chunk.path, data)
            else:
                kept.append(chunk)
        self._open()

    def close(self) -> None:
        """Let others write; what was flushed stays."""
        self._lock.release()

    def _open(self) -> None:
        """Find the end of the object; a last chunk that is small is written on."""
        chain = chunks_of(self._objects, self._key)
        self.size_bytes = sum(chunk.size_bytes for chunk in chain)
        self._remove_behind(chain)
        self._waiting = bytearray()
        self._tail = b""
        self._tail_version: Version | None = None
        self._tail_start = self.size_bytes
        if chain and chain[-1].size_bytes < CHUNK_BYTES:
            last = chain[-1]
            self._tail = self._objects.read(
                last.path, 0, last.size_bytes, e_tag=last.e_tag
            )
            self._tail_version = Version(last.e_tag, last.version)
            self._tail_start = _start(last)

    def _remove_behind(self, chain: list[BucketObject]) -> None:
        """Remove what a holder left that was taken for dead while it wrote."""
        kept = {chunk.path for chunk in chain}
        found = self._objects.list(growing_folder(self._key))
        behind = [
            one.path
            for one in found
            if key_of_chunk(one.path) == self._key and one.path not in kept
        ]
        self._objects.delete(behind)

    def _store(self, data: bytes) -> None:
        """Put some more bytes into the last chunk, all in one step."""
        self._lock.ensure_held()
        path = f"{growing_folder(self._key)}/{self._tail_start:016}"
        whole = self._tail + data
        try:
            if self._tail_version is None:
                version = self._create(path, whole)
            else:
                version = self._replace(path, whole, self._tail_version)
        except (FileExistsError, ObjectChanged) as exc:
            raise StorageUnavailable(TAKEN) from exc
        self._observe(data)
        if len(whole) >= CHUNK_BYTES:
            self._tail_start += len(whole)
            self._tail, self._tail_version = b"", None
        else:
            self._tail, self._tail_version = whole, version

    def _create(self, path: str, data: bytes) -> Version:
        try:
            return self._objects.create(path, data)
        except FileExistsError:
            return self._as_if_written(path, data)

    def _replace(self, path: str, data: bytes, old: Version) -> Version:
        try:
            return self._objects.put(path, data, instead_of=old)
        except ObjectChanged:
            return self._as_if_written(path, data)

    def _as_if_written(self, path: str, data: bytes) -> Version:
        """Find out that a request was done whose answer was lost, or raise again."""
        found = self._objects.head(path)
        if found.size_bytes != len(data):
            raise ObjectChanged(self._key)
        if self._objects.read(path, 0, len(data), e_tag=found.e_tag) != data:
            raise ObjectChanged(self._key)
        return Version(found.e_tag, found.version)


def _start(chunk: BucketObject) -> int:
    return int(chunk.path.rpartition("/")[2])
