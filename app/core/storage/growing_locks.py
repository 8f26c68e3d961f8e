"""Locks of a bucket's growing objects: one process at a time adds.

A lock is an object that its holder writes anew every few seconds; who finds the same
lock for longer takes it over. No clocks are compared.
"""

import threading
import time
from uuid import uuid4

import structlog

from app.core.storage.bucket_objects import BucketObjects, Version
from app.core.storage.interface import (
    ObjectBusy,
    ObjectChanged,
    StorageUnavailable,
)

FREE = b"free"
RENEW_EVERY_S = 4.0
DEAD_AFTER_S = 15.0  # without a new lock
TAKEN = (
    "another process took this object over, as this one was not heard of; what was "
    "written is kept"
)

log = structlog.get_logger(__name__)


class GrowingLocks:
    """The locks that other processes hold, as this one has seen them."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[Version, float]] = {}
        self._guard = threading.Lock()

    def is_dead(self, path: str, lock: Version, now_s: float) -> bool:
        """Whether a lock has not been renewed for as long as it must be."""
        with self._guard:
            version, since_s = self._seen.get(path, (None, now_s))
            if version != lock:
                since_s = now_s
            self._seen[path] = (lock, since_s)
        return now_s - since_s > DEAD_AFTER_S

    def forget(self, path: str) -> None:
        """Forget a lock that is ours now."""
        with self._guard:
            self._seen.pop(path, None)


class GrowingLock:
    """The lock of a growing object, renewed by a thread while it is held.

    Raises:
        ObjectBusy: another process holds it.
    """

    def __init__(
        self, objects: BucketObjects, path: str, key: str, locks: GrowingLocks
    ) -> None:
        self._objects, self._path, self._locks = objects, path, locks
        self._token, self._count = uuid4().hex, 0
        self._is_lost = False
        self._version = self._take(key)
        locks.forget(path)
        self._ended = threading.Event()
        self._thread = threading.Thread(
            target=self._renew, name="growing-object", daemon=True
        )
        self._thread.start()

    def ensure_held(self) -> None:
        """Refuse to go on when another process has taken it.

        Raises:
            StorageUnavailable: it has.
        """
        if self._is_lost:
            raise StorageUnavailable(TAKEN)

    def release(self) -> None:
        """Let others have it; one that cannot be told waits until it is dead."""
        self._ended.set()
        self._thread.join(RENEW_EVERY_S)
        if self._is_lost:
            return
        try:
            self._objects.put(self._path, FREE, instead_of=self._version)
        except OSError as exc:
            log.info("lock_not_released", path=self._path, error=str(exc))

    def _take(self, key: str) -> Version:
        try:
            return self._objects.create(self._path, self._content())
        except FileExistsError:
            pass
        try:
            found = self._objects.head(self._path)
            held = self._objects.read(
                self._path, 0, found.size_bytes, e_tag=found.e_tag
            )
        except (FileNotFoundError, ObjectChanged) as exc:
            raise ObjectBusy(key) from exc
        version = Version(found.e_tag, found.version)
        if held == self._content():  # The answer to our own request was lost.
            return version
        now_s = time.monotonic()
        if held != FREE and not self._locks.is_dead(self._path, version, now_s):
            raise ObjectBusy(key)
        try:
            return self._objects.put(self._path, self._content(), instead_of=version)
        except (FileNotFoundError, ObjectChanged) as exc:
            raise ObjectBusy(key) from exc

    def _renew(self) -> None:
        while not self._ended.wait(RENEW_EVERY_S):
            self._count += 1
            try:
                self._version = self._objects.put(
                    self._path, self._content(), instead_of=self._version
                )
            except (ObjectChanged, FileNotFoundError):
                self._is_lost = not self._is_ours()
                if self._is_lost:
                    return
            except OSError as exc:
                log.warning("lock_not_renewed", path=self._path, error=str(exc))

    def _is_ours(self) -> bool:
        """Whether the renewal was done, and only its answer was lost."""
        try:
            found = self._objects.head(self._path)
            held = self._objects.read(self._path, 0, found.size_bytes)
        except OSError:
            return False
        self._version = Version(found.e_tag, found.version)
        return held == self._content()

    def _content(self) -> bytes:
        return f"{self._token} {self._count}".encode()
