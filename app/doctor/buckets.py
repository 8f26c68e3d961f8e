"""Whether the bucket that videos are kept in lets the service do all that it must."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from uuid import uuid4

from app.core.db.base import utc_now
from app.core.errors import StorageFull
from app.core.settings import Settings
from app.core.storage.addresses import BucketAddress, read_address
from app.core.storage.bucket_clients import AwsAccess
from app.core.storage.bucket_objects import BucketObjects
from app.core.storage.interface import StorageRefused, StorageUnavailable
from app.core.storage.multipart import MultipartUploads
from app.core.storage.part_uploads import open_multipart
from app.core.storage.s3_multipart import S3Multipart
from app.doctor.findings import Finding, ok, problem, warning

PART = "bucket"
SOURCES = "source buckets"
FOLDER = "doctor"  # below ours; what is written there is deleted at once
CONTENT = b"touchline doctor\n"
PATIENCE = timedelta(seconds=5)
NOTABLE_S = 60.0  # S3 refuses requests whose clock is 15 minutes off
REFUSED = "give its credentials the right to list, read, write and delete"
AWAY = (
    "correct TOUCHLINE_STORAGE, or the variables that name the server: docs/storage.md"
)


def check_bucket(settings: Settings) -> Finding:
    """List, write, read and delete a small object; begin and end an upload in parts.

    Raises:
        StartFailed: what reads buckets is not installed, or nothing says how to get in.
    """
    if settings.storage is None:
        return ok(PART, "none: videos are kept in the data directory")
    trial = _Trial(read_address(settings.storage), open_multipart(settings))
    for what, step in trial.steps():
        failure = _failure_of(step)
        if failure is not None:
            words, remedy = failure
            return problem(PART, f"cannot {what}: {words}", remedy)
    return trial.verdict()


def check_source_buckets(settings: Settings) -> Iterator[Finding]:
    """List each bucket that clients may name; nothing is written."""
    for url in settings.buckets:
        address = read_address(url)
        objects = BucketObjects(address, retry_for=PATIENCE, aws=_access_to(address))
        failure = _failure_of(partial(next, objects.list(""), None))
        if failure is None:
            yield ok(SOURCES, f"{address.url} can be listed")
        else:
            remedy = "correct TOUCHLINE_BUCKETS, or let its credentials list and read"
            yield problem(SOURCES, f"cannot list: {failure[0]}", remedy)


class _Trial:
    """What the service must be able to do with its bucket, tried on one object."""

    def __init__(
        self, address: BucketAddress, uploads: MultipartUploads | None
    ) -> None:
        aws = _access_to(address)
        self._address, self._path = address, f"{FOLDER}/{uuid4()}"
        self._objects = BucketObjects(address, retry_for=PATIENCE, aws=aws)
        own = None if aws is None else S3Multipart(address, aws)
        self._multipart = own if uploads is None else uploads
        self._off_s = 0.0

    def steps(self) -> Iterator[tuple[str, Callable[[], object]]]:
        """Name each step; the last one leaves nothing behind."""
        yield "list", lambda: next(self._objects.list(FOLDER), None)
        yield "write", lambda: self._objects.put(self._path, CONTENT)
        yield "read", self._read
        if self._multipart is not None:
            yield "upload in parts", self._upload
        yield "delete", lambda: self._objects.delete([self._path])

    def verdict(self) -> Finding:
        """Judge what went well."""
        words = f"{self._address.url} can be listed, read, written and deleted from"
        if abs(self._off_s) <= NOTABLE_S:
            return ok(PART, words)
        which = "ahead of" if self._off_s > 0 else "behind"
        return warning(
            PART,
            f"{words}, but its clock is {abs(self._off_s):.0f} s {which} ours",
            "set the clock by NTP: S3 refuses requests that are 15 minutes off",
        )

    def _read(self) -> None:
        self._objects.read(self._path, 0, len(CONTENT))
        written_at = self._objects.head(self._path).modified_at
        self._off_s = (written_at - utc_now()).total_seconds()

    def _upload(self) -> None:
        if self._multipart is not None:
            path = f"{self._path}.parts"
            self._multipart.abort(path, self._multipart.create(path))


def _access_to(address: BucketAddress) -> AwsAccess | None:
    return AwsAccess(address.url) if address.scheme == "s3" else None


def _failure_of(step: Callable[[], object]) -> tuple[str, str] | None:
    """Do a step; tell why it did not work, and what to do then."""
    try:
        step()
    except StorageRefused as exc:
        return exc.strerror or str(exc), REFUSED
    except StorageUnavailable as exc:
        return exc.strerror or str(exc), AWAY
    except StorageFull as exc:
        return str(exc), "free some room, or raise the quota"
    except FileNotFoundError as exc:
        return f"{exc.filename} is not there though it was written", AWAY
    return None
