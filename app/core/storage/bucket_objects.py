"""The objects of a bucket: what obstore offers, in the words of every storage."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from app.core.storage.addresses import BucketAddress
from app.core.storage.bucket_clients import AwsAccess, open_bucket
from app.core.storage.interface import StorageUnavailable
from app.core.storage.object_errors import bucket_errors, patiently

if TYPE_CHECKING:
    from obstore import ObjectMeta

    from app.core.storage.bucket_clients import Bucket

COPY_S = 600.0  # for a copy within one account, which mostly is there at once
LOOK_EVERY_S = 1.0
REFUSALS = ("400 Bad Request", "403 Forbidden")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class BucketObject:
    """What a bucket knows of an object.

    Attributes:
        path: below the folder that is looked at.
        e_tag, version: of its bytes; other bytes have others.
    """

    path: str
    size_bytes: int
    e_tag: str | None
    version: str | None
    modified_at: datetime  # UTC, by the bucket's clock


@dataclass(frozen=True, slots=True)
class Version:
    """Which bytes an object has; a condition for writing it anew."""

    e_tag: str | None
    version: str | None


class BucketObjects:
    """Objects below one folder of a bucket. All of it blocks.

    Every call raises what `bucket_errors` does, after `retry_for` at most.
    """

    def __init__(
        self,
        address: BucketAddress,
        *,
        retry_for: timedelta,
        aws: AwsAccess | None = None,
    ) -> None:
        self.address = address
        self.store: Bucket = open_bucket(address, retry_for=retry_for, aws=aws)
        self._patience_s = retry_for.total_seconds()

    def head(self, path: str) -> BucketObject:
        """Look at an object."""
        return _described(self.do(path, lambda: self._head(path)))

    def read(
        self, path: str, start: int, end: int, *, e_tag: str | None = None
    ) -> bytes:
        """Read some bytes of an object, `end` not included; none is an empty range.

        Args:
            e_tag: of the bytes wanted; others raise ObjectChanged.
        """
        import obstore

        if start >= end:
            return b""
        options: dict[str, Any] = {"range": (start, end)}
        if e_tag is not None:
            options["if_match"] = e_tag
        return self.do(
            path,
            lambda: bytes(
                obstore.get(self.store, path, options=options).bytes()  # type: ignore[arg-type] # a dict of its fields
            ),
        )

    def put(
        self, path: str, data: bytes, *, instead_of: Version | None = None
    ) -> Version:
        """Write an object by one request.

        Args:
            instead_of: what must be there; else ObjectChanged is raised.
        """
        mode: Any = "overwrite"
        if instead_of is not None:
            told = {"e_tag": instead_of.e_tag, "version": instead_of.version}
            mode = {name: value for name, value in told.items() if value is not None}
        return self._put(path, data, mode)

    def create(self, path: str, data: bytes) -> Version:
        """Write an object that is not there yet; else FileExistsError is raised."""
        return self._put(path, data, "create")

    def put_pieces(self, path: str, pieces: Iterator[bytes], part_bytes: int) -> None:
        """Write a large object in parts; what the iterator raises ends it all."""
        import obstore

        with bucket_errors(path, self.address.url):
            obstore.put(
                self.store, path, pieces, chunk_size=part_bytes, max_concurrency=4
            )

    def copy(self, path: str, to: str) -> None:
        """Let the bucket copy an object, and wait for it: Azure may but begin it."""
        import obstore

        self.do(path, lambda: obstore.copy(self.store, path, to))
        if self.address.scheme == "az":
            self._await_copy(path, to)

    def delete(self, paths: Sequence[str]) -> None:
        """Delete objects; what is gone already is fine."""
        import obstore

        if not paths:
            return
        try:
            self.do(paths[0], lambda: obstore.delete(self.store, list(paths)))
        except FileNotFoundError:
            for path in paths:  # Not every cloud goes on behind one that is gone.
                self._delete_one(path)

    def list(self, prefix: str) -> Iterator[BucketObject]:
        """List the objects under a prefix of whole names; empty: all."""
        import obstore

        with bucket_errors(prefix, self.address.url):
            for page in obstore.list(self.store, prefix or None):
                yield from map(_described, page)

    def do(self, key: str, work: Callable[[], T]) -> T:
        """Do something with the bucket; see `bucket_errors` for what it raises."""
        with bucket_errors(key, self.address.url):
            return patiently(work, seconds=self._patience_s)

    def _head(self, path: str) -> "ObjectMeta":
        """Look at an object; a refusal has no words then, so they are asked for."""
        import obstore
        from obstore.exceptions import BaseError

        try:
            return obstore.head(self.store, path)
        except FileNotFoundError:
            raise
        except BaseError as exc:
            if any(status in str(exc) for status in REFUSALS):
                obstore.get(self.store, path, options={"range": (0, 1)})
            raise

    def _await_copy(self, path: str, to: str) -> None:
        """Wait until a copy has its source's size; what goes earlier ends it."""
        size_bytes, deadline = self.head(path).size_bytes, time.monotonic() + COPY_S
        while self.head(to).size_bytes != size_bytes:
            if time.monotonic() > deadline:
                raise StorageUnavailable(f"{self.address.url} still copies {path}")
            time.sleep(LOOK_EVERY_S)

    def _put(self, path: str, data: bytes, mode: Any) -> Version:
        import obstore

        told = self.do(
            path,
            lambda: obstore.put(self.store, path, data, mode=mode, use_multipart=False),
        )
        return Version(told["e_tag"], told["version"])

    def _delete_one(self, path: str) -> None:
        import obstore

        try:
            self.do(path, lambda: obstore.delete(self.store, path))
        except FileNotFoundError:
            return


def _described(told: Any) -> BucketObject:
    return BucketObject(
        path=str(told["path"]),
        size_bytes=int(told["size"]),
        e_tag=told["e_tag"],
        version=told["version"],
        modified_at=told["last_modified"],
    )
