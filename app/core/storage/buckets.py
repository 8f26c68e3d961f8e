"""Buckets that clients may name, which the operator allows; they are only read."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cache

import structlog

from app.core.errors import RULE, InvalidRequest
from app.core.storage.addresses import BucketAddress, read_address
from app.core.storage.bucket_clients import AwsAccess
from app.core.storage.bucket_objects import BucketObject, BucketObjects
from app.core.storage.keys import is_of_service
from app.core.storage.s3_listing import list_s3
from app.core.storage.settings import StorageSettings

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class AllowedBucket:
    """A place in a bucket that may be read.

    Attributes:
        store: of the folder that the operator allows.
        key: of what was named, below that folder; empty: all of it.
        root: the address of that folder.
    """

    store: BucketObjects
    key: str
    root: BucketAddress


def allowed_bucket(url: str, settings: StorageSettings) -> AllowedBucket:
    """Find an address in the buckets that may be read.

    Raises:
        InvalidRequest: it is no address of a bucket, or lies in none of them.
        StartFailed: the bucket cannot be opened: no credentials, or no package.
    """
    root = check_bucket(url, settings)
    asked = read_address(url)
    key = asked.path[len(root.path) :].strip("/")
    store = _opened(root, settings.storage_retry.total_seconds())
    return AllowedBucket(store, key, root)


def check_bucket(url: str, settings: StorageSettings) -> BucketAddress:
    """Tell which of the buckets that may be read holds an address; opens nothing.

    Raises:
        InvalidRequest: none, or it is no address of a bucket, or one of a file of our
            own storage, which may be another project's.
    """
    try:
        asked = read_address(url)
    except ValueError as exc:
        raise InvalidRequest(str(exc), kind=RULE) from exc
    if _is_of(asked, _own_storage(settings)):
        raise InvalidRequest(
            f"{asked.url} is a file of this service's own; it is no source of videos.",
            kind=RULE,
        )
    for one in settings.buckets:
        root = read_address(one)
        if root.holds(asked):
            return root
    raise InvalidRequest(
        f"{asked.url} is in no bucket that may be read here; the operator allows "
        "buckets, or folders in them, with TOUCHLINE_BUCKETS.",
        kind=RULE,
    )


def list_objects(
    url: str, settings: StorageSettings
) -> Iterator[tuple[str, BucketObject]]:
    """List the objects in a folder of a bucket, each with its address, page by page.

    Of S3, keys that cannot be read are among them: reading one says why. Those whose
    address would be another key's are not, nor are files of our own storage.

    Raises:
        InvalidRequest, StartFailed: see `allowed_bucket`.
        OSError: the bucket refuses, or does not answer for too long.
    """
    found = allowed_bucket(url, settings)
    root, retry_s = found.root, settings.storage_retry.total_seconds()
    listed = found.store.list(found.key)
    if root.scheme == "s3":
        listed = list_s3(root, found.key, _access(root), retry_s=retry_s)
    own = _own_storage(settings)
    for one in listed:
        if _is_of(_below(root, one.path), own):
            continue
        if one.path.strip("/") == one.path and "\0" not in one.path:
            yield f"{root.url}/{one.path}", one
        elif one.size_bytes:
            log.warning("object_left_out", bucket=root.url, key=one.path)


def _own_storage(settings: StorageSettings) -> BucketAddress | None:
    return None if settings.storage is None else read_address(settings.storage)


def _is_of(asked: BucketAddress, own: BucketAddress | None) -> bool:
    """Whether an address is of our own storage, which lies in such a bucket."""
    if own is None or not own.holds(asked):
        return False
    return is_of_service(asked.path[len(own.path) :].strip("/"))


def _below(root: BucketAddress, path: str) -> BucketAddress:
    whole = f"{root.path}/{path}" if root.path else path
    return BucketAddress(root.scheme, root.bucket, whole)


@cache
def _opened(root: BucketAddress, retry_s: float) -> BucketObjects:
    aws = _access(root) if root.scheme == "s3" else None
    return BucketObjects(root, retry_for=timedelta(seconds=retry_s), aws=aws)


@cache
def _access(root: BucketAddress) -> AwsAccess:
    return AwsAccess(root.url)
