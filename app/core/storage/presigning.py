"""Presigned addresses: who has one may do one thing with one object, for a while."""

from app.core.errors import StartFailed
from app.core.storage.addresses import BucketAddress, read_address
from app.core.storage.bucket_clients import AwsAccess
from app.core.storage.s3_presigner import S3Presigner
from app.core.storage.settings import StorageSettings


def open_presigner(settings: StorageSettings) -> S3Presigner | None:
    """Make what signs addresses, if the operator wants any.

    Raises:
        StartFailed: the bucket is none of S3, or there are no credentials.
    """
    return make_presigner(settings) if settings.presigned_downloads else None


def make_presigner(
    settings: StorageSettings, *, aws: AwsAccess | None = None
) -> S3Presigner:
    """Make what signs addresses in the bucket where videos are kept.

    Raises:
        StartFailed: the bucket is none of S3, or there are no credentials.
    """
    return S3Presigner(
        signing_address(settings),
        endpoint=settings.presigned_endpoint,
        expiry=settings.presigned_expiry,
        aws=aws,
    )


def signing_address(settings: StorageSettings) -> BucketAddress:
    """Tell in which bucket addresses are signed.

    Raises:
        StartFailed: it is none of S3.
    """
    address = read_address(settings.storage or "")
    if address.scheme != "s3":
        raise StartFailed(f"{address.url} is no bucket of S3: nothing can be signed")
    return address
