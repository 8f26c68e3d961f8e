"""Listings of S3 with every key in them, whatever it is called.

obstore gives up a whole page for one key that has an empty part or a control character.
"""

import time
from collections.abc import Iterator
from typing import Any

from app.core.storage.addresses import BucketAddress
from app.core.storage.bucket_clients import AwsAccess
from app.core.storage.bucket_objects import BucketObject
from app.core.storage.interface import StorageRefused, StorageUnavailable
from app.core.storage.object_errors import is_expired, patiently, refused, shortened

ASK_EVERY_S = 3.0


def list_s3(
    address: BucketAddress, prefix: str, aws: AwsAccess, *, retry_s: float
) -> Iterator[BucketObject]:
    """List the objects in a folder of a bucket, page by page.

    Args:
        address: of the folder below which paths are told.
        prefix: of whole names, below `address`; empty: all of it.
        retry_s: how long each page is asked for while the bucket does not answer, or
            the credentials have run out.

    Raises:
        StorageRefused: the credentials may not do this.
        StorageUnavailable: the bucket is not there, or does not answer.
    """
    below = f"{address.path}/" if address.path else ""
    asked = {
        "Bucket": address.bucket,
        "Prefix": below + (f"{prefix}/" if prefix else ""),
    }
    while True:
        page = _page(address, aws, asked, retry_s)
        for one in page.get("Contents", ()):
            yield BucketObject(
                path=one["Key"].removeprefix(below),
                size_bytes=one["Size"],
                e_tag=one.get("ETag"),
                version=None,
                modified_at=one["LastModified"],
            )
        if not page.get("IsTruncated"):
            return
        asked["ContinuationToken"] = page["NextContinuationToken"]


def _page(
    address: BucketAddress, aws: AwsAccess, asked: dict[str, str], retry_s: float
) -> Any:
    from botocore.exceptions import BotoCoreError, ClientError

    deadline = time.monotonic() + retry_s
    while True:
        try:
            return patiently(
                lambda: aws.client().list_objects_v2(**asked), seconds=retry_s
            )
        except ClientError as exc:
            status = exc.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            if status < 500 or time.monotonic() > deadline:
                raise _told(exc, address.url, status) from exc
        except BotoCoreError as exc:
            if time.monotonic() > deadline:
                words = f"{address.url} does not answer: {shortened(exc)}"
                raise StorageUnavailable(words) from exc
        time.sleep(ASK_EVERY_S)


def _told(exc: Any, where: str, status: int) -> OSError:
    code = exc.response.get("Error", {}).get("Code")
    if is_expired(exc):
        return refused(exc, where)
    if status in (401, 403):
        return StorageRefused(f"{where} refuses ({code})")
    if code == "NoSuchBucket":
        return StorageUnavailable(f"{where} is not there: make the bucket")
    return StorageUnavailable(f"{where} answers: {shortened(exc)}")
