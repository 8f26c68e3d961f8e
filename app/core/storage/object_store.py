"""A bucket as storage: S3 and what speaks it, Google Cloud Storage, Azure."""

import threading
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from anyio import CancelScope, CapacityLimiter
from anyio.to_thread import run_sync

from app.core.logging import warn_once
from app.core.storage.addresses import BucketAddress, checked_key, refuse_odd_key
from app.core.storage.bucket_clients import AwsAccess, attempts_within
from app.core.storage.bucket_objects import BucketObject, BucketObjects
from app.core.storage.buffered import BUFFER_BYTES, BufferedAppender, BufferedWriter
from app.core.storage.filling import ArrivingCopy
from app.core.storage.growing_locks import GrowingLocks
from app.core.storage.growing_objects import (
    GrowingObject,
    growing_folder,
    key_of_chunk,
)
from app.core.storage.interface import (
    ObjectAppender,
    ObjectInfo,
    ObjectWriter,
    StoredFile,
)
from app.core.storage.keys import FOLDERS, GROWING_FOLDER, UPLOADS_FOLDER
from app.core.storage.local_cache import LocalCache
from app.core.storage.multipart import MultipartUploads, abort_under
from app.core.storage.object_layout import Layout, copy_through, find_layout
from app.core.storage.object_upload import ObjectUpload
from app.core.storage.object_windows import read_windows
from app.core.storage.s3_listing import list_s3
from app.core.storage.s3_multipart import COPY_BYTES, S3Multipart
from app.core.storage.whole_reads import Read, read_into

UNLIMITED_BYTES = 2**60  # no bucket tells how much room is left
PROBE_KEY = "writable"  # written now and then, to see whether the bucket takes it
PROBE_EVERY_S = 20.0
PROBE_RETRY = timedelta(seconds=3)
ABANDONED_AFTER = timedelta(days=1)
OWN_FOLDERS = (*FOLDERS, GROWING_FOLDER)  # parts there that nobody finished are ours
# Their rows end them; S3 tells when one began, and not whether its client still sends.
UPLOADS_ABANDONED_AFTER = timedelta(days=365)
WRITERS = 32
READERS = 32


class ObjectStorage:
    """A `Storage` in a bucket.

    What a bucket answers with errors is tried again for `retry_for`; then calls raise
    `StorageUnavailable`, or `StorageRefused` where credentials are wrong.

    Attributes:
        multipart: what S3 alone offers; None on other clouds.
        uploads: to whose parts clients have addresses; None: there are none.
        cache: of whole objects, for `local_copy`.
    """

    def __init__(
        self,
        address: BucketAddress,
        cache: LocalCache,
        *,
        retry_for: timedelta,
        uploads: MultipartUploads | None = None,
    ) -> None:
        aws = None
        if address.scheme == "s3":
            aws = AwsAccess(address.url, attempts=attempts_within(retry_for))
        self.address, self.cache = address, cache
        self._aws, self._retry_s = aws, retry_for.total_seconds()
        self.multipart = S3Multipart(address, aws) if aws is not None else None
        self.uploads = self.multipart if uploads is None else uploads
        self.objects = BucketObjects(address, retry_for=retry_for, aws=aws)
        self._probing = BucketObjects(address, retry_for=PROBE_RETRY, aws=aws)
        self._probed_at_s: float | None = None
        self._probe_lock = threading.Lock()
        self._locks = GrowingLocks()
        self._writers = CapacityLimiter(WRITERS)
        self._readers = CapacityLimiter(READERS)

    @asynccontextmanager
    async def put_stream(self, key: str) -> AsyncIterator[ObjectWriter]:
        upload = ObjectUpload(self.objects, checked_key(key), key)
        try:
            yield BufferedWriter(upload, self._writers)
        finally:
            with CancelScope(shield=True):  # a client that left must not leave parts
                await run_sync(upload.discard, limiter=self._writers)

    @asynccontextmanager
    async def append(
        self, key: str, observe: Callable[[bytes], None] = lambda _: None
    ) -> AsyncIterator[ObjectAppender]:
        path = checked_key(key)
        growing = await run_sync(
            lambda: GrowingObject(self.objects, path, observe, self._locks),
            limiter=self._writers,
        )
        appender = BufferedAppender(growing, self._writers)
        try:
            yield appender
        finally:
            with CancelScope(shield=True):
                try:
                    await appender.flush()
                finally:
                    await run_sync(growing.close, limiter=self._writers)

    def safe_size(self, key: str) -> int:
        return self.layout(key).size_bytes

    def link(self, key: str, to: str) -> None:
        """Let the bucket copy the object, where it can; else it goes through here."""
        layout, target = self.layout(key), checked_key(to)
        is_small = layout.size_bytes <= COPY_BYTES
        if len(layout.pieces) == 1 and (is_small or self.multipart is None):
            self.objects.copy(layout.pieces[0].path, target)
        elif self.multipart is not None:
            self.multipart.compose(layout.pieces, target)
        else:
            copy_through(self.objects, layout, target)

    def put(self, key: str, data: bytes) -> StoredFile:
        return self.put_file(key, BytesIO(data))

    def put_file(
        self,
        key: str,
        file: BinaryIO,
        on_progress: Callable[[int], None] = lambda _: None,
    ) -> StoredFile:
        upload = ObjectUpload(self.objects, checked_key(key), key)
        try:
            while data := file.read(BUFFER_BYTES):
                upload.write(data)
                on_progress(upload.size_bytes)
            return upload.finish()
        finally:
            upload.discard()

    def get(self, key: str) -> bytes:
        layout = self.layout(key)
        return layout.read(self.objects, 0, layout.size_bytes)

    @asynccontextmanager
    async def open_range(
        self, key: str, start: int = 0, end: int | None = None
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Read windows; an object that is replaced between two of them fails."""
        layout = await run_sync(lambda: self.layout(key), limiter=self._readers)
        size_bytes = layout.size_bytes
        chunks = read_windows(
            lambda low, high: layout.read(self.objects, low, high),
            start,
            size_bytes if end is None else min(end, size_bytes),
            limiter=self._readers,
        )
        try:
            yield chunks
        finally:
            await chunks.aclose()

    def stat(self, key: str) -> ObjectInfo:
        return self.layout(key).info

    def exists(self, key: str) -> bool:
        try:
            self.layout(key)
        except FileNotFoundError:
            return False
        return True

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """List objects; of one that grows, what is safe of it so far."""
        path = checked_key(prefix)
        for one in self._list(path):
            yield ObjectInfo(one.path, one.size_bytes, one.modified_at)
        sizes: defaultdict[str, list[ObjectInfo]] = defaultdict(list)
        for one in self._list(growing_folder(path)):
            if (key := key_of_chunk(one.path)) is not None:
                sizes[key].append(ObjectInfo(key, one.size_bytes, one.modified_at))
        for key, chunks in sizes.items():
            yield ObjectInfo(
                key,
                sum(chunk.size_bytes for chunk in chunks),
                max(chunk.modified_at for chunk in chunks),
            )

    @contextmanager
    def local_copy(
        self, key: str, on_progress: Callable[[int], None] = lambda _: None
    ) -> Iterator[Path]:
        """Give a file of the cache, which is filled first."""
        with self.cache.holding(*self._cacheable(key), on_progress) as path:
            yield path

    @contextmanager
    def arriving_copy(
        self, key: str, on_progress: Callable[[int], None] = lambda _: None
    ) -> Iterator[ArrivingCopy]:
        """Give a file of the cache while it is filled."""
        with self.cache.arriving(*self._cacheable(key), on_progress) as copy:
            yield copy

    def save(
        self,
        key: str,
        file: BinaryIO,
        on_progress: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Read it past the cache, which is for what is used again."""
        _, size_bytes, read = self._cacheable(key)
        read_into(file.fileno(), size_bytes, read, on_progress)

    def delete(self, key: str) -> None:
        path = checked_key(key)
        self.objects.delete([path])
        self._delete_under(growing_folder(path))

    def delete_prefix(self, prefix: str) -> None:
        path = checked_key(prefix)
        if self.uploads is not None and path.partition("/")[0] == UPLOADS_FOLDER:
            abort_under(self.uploads, path, older_than=timedelta(0))
        self.objects.delete([path])
        self._delete_under(path)
        self._delete_under(growing_folder(path))

    def remove_unfinished(self) -> int:
        """Abort multipart uploads of our own that were begun a day ago, on S3.

        Google's and Azure's parts go by their own rules; see docs/storage.md.
        """
        removed = self.cache.clean_up()
        if (own := self.multipart) is not None:
            for folder in OWN_FOLDERS:
                removed += abort_under(own, folder, older_than=ABANDONED_AFTER)
        if self.uploads is not None:
            long_ago = UPLOADS_ABANDONED_AFTER
            removed += abort_under(self.uploads, UPLOADS_FOLDER, older_than=long_ago)
        return removed

    def free_bytes(self) -> int:
        """Tell a very large number: no bucket tells how much it takes."""
        return UNLIMITED_BYTES

    def check(self) -> None:
        """Write a small object, if none was written in the last seconds."""
        with self._probe_lock:
            now_s = time.monotonic()
            since = self._probed_at_s
            if since is None or now_s - since > PROBE_EVERY_S:
                self._probed_at_s = None
                self._probing.put(PROBE_KEY, b"Touchline can write here.\n")
                self._probed_at_s = now_s

    def layout(self, key: str) -> Layout:
        """Find out where the bytes of an object lie.

        Raises:
            FileNotFoundError: nothing has that key.
        """
        return find_layout(self.objects, checked_key(key))

    def _cacheable(self, key: str) -> tuple[str, int, Read]:
        layout = self.layout(key)
        return layout.tag, layout.size_bytes, partial(layout.read, self.objects)

    def _delete_under(self, prefix: str) -> None:
        self.objects.delete([one.path for one in self._list(prefix)])

    def _list(self, prefix: str) -> Iterator[BucketObject]:
        """List objects but keys that we never write; on S3 alone these end nothing."""
        if self._aws is None:
            yield from self.objects.list(prefix)
            return
        for one in list_s3(self.address, prefix, self._aws, retry_s=self._retry_s):
            try:
                refuse_odd_key(one.path)
            except ValueError as exc:
                warn_once("stray_object_skipped", path=one.path, reason=str(exc))
                continue
            yield one
