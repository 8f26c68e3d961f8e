"""How the bytes of an object lie in a bucket: in one piece, or as chunks that grow."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from app.core.storage.bucket_objects import BucketObject, BucketObjects
from app.core.storage.growing_objects import chunks_of
from app.core.storage.interface import ObjectInfo
from app.core.storage.object_upload import ObjectUpload

COPY_WINDOW_BYTES = 8 * 2**20


@dataclass(frozen=True, slots=True)
class Layout:
    """The pieces of an object, in their order."""

    key: str
    pieces: tuple[BucketObject, ...]

    @property
    def size_bytes(self) -> int:
        """Of all of it."""
        return sum(piece.size_bytes for piece in self.pieces)

    @property
    def modified_at(self) -> datetime:
        """When the last bytes came."""
        return max(piece.modified_at for piece in self.pieces)

    @property
    def tag(self) -> str:
        """Name the very bytes: other bytes have another tag."""
        said = "\n".join(
            f"{piece.path} {piece.size_bytes} {piece.e_tag} {piece.version}"
            for piece in self.pieces
        )
        return hashlib.sha256(said.encode()).hexdigest()

    @property
    def info(self) -> ObjectInfo:
        """What a storage tells of it."""
        return ObjectInfo(self.key, self.size_bytes, self.modified_at)

    def read(self, objects: BucketObjects, start: int, end: int) -> bytes:
        """Read some bytes, `end` not included.

        Raises:
            ObjectChanged: it is another object by now.
            FileNotFoundError: it is gone.
        """
        return b"".join(
            objects.read(piece.path, low, high, e_tag=piece.e_tag)
            for piece, low, high in self._within(start, end)
        )

    def _within(self, start: int, end: int) -> Iterator[tuple[BucketObject, int, int]]:
        offset = 0
        for piece in self.pieces:
            low = max(0, start - offset)
            high = min(piece.size_bytes, end - offset)
            if low < high:
                yield piece, low, high
            offset += piece.size_bytes


def find_layout(objects: BucketObjects, key: str) -> Layout:
    """Find out where the bytes of an object lie.

    Raises:
        FileNotFoundError: nothing has that key.
    """
    try:
        return Layout(key, (objects.head(key),))
    except FileNotFoundError:
        chunks = chunks_of(objects, key)
        if not chunks:
            raise
        return Layout(key, tuple(chunks))


def copy_through(objects: BucketObjects, layout: Layout, to: str) -> None:
    """Make one object of the pieces of another, by way of this machine."""
    upload = ObjectUpload(objects, to, to)
    try:
        for start in range(0, layout.size_bytes, COPY_WINDOW_BYTES):
            upload.write(layout.read(objects, start, start + COPY_WINDOW_BYTES))
        upload.finish()
    finally:
        upload.discard()
