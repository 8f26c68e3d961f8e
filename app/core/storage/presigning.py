"""Presigned addresses: who has one may do one thing with one object, for a while."""

from datetime import timedelta
from typing import Protocol

from app.core.errors import StartFailed
from app.core.storage.addresses import BucketAddress, read_address
from app.core.storage.azure_account import find_azure_account
from app.core.storage.azure_presigner import AzurePresigner
from app.core.storage.bucket_clients import ATTEMPTS, AwsAccess, S3Access
from app.core.storage.google_access import find_google_access
from app.core.storage.s3_presigner import S3Presigner
from app.core.storage.settings import StorageSettings


class Presigner(Protocol):
    """Signs addresses of one bucket's objects; asks the bucket nothing. Thread-safe.

    Attributes:
        expiry: how long an address is good.
        origin: of all addresses, as browsers have it: `https://s3.club.example`.
    """

    expiry: timedelta
    origin: str

    @property
    def has_suffix_ranges(self) -> bool:
        """Whether the bucket understands `Range: bytes=-500`."""

    def download(self, key: str, *, media_type: str, disposition: str) -> str:
        """Sign an address from which an object is loaded, whole or by ranges.

        Args:
            disposition: the header Content-Disposition that the bucket is to send.
        """

    def upload_part(
        self, key: str, upload_id: str, number: int, *, size_bytes: int
    ) -> str:
        """Sign an address to which a part of a multipart upload is sent, by PUT."""


def open_presigner(settings: StorageSettings) -> Presigner | None:
    """Make what signs addresses, if the operator wants any.

    Raises:
        StartFailed: see `make_presigner`.
    """
    return make_presigner(settings) if settings.presigned_downloads else None


def make_presigner(
    settings: StorageSettings, *, access: S3Access | None = None
) -> Presigner:
    """Make what signs addresses in the bucket where videos are kept.

    Args:
        access: to a bucket of S3 or Google; None: found anew.

    Raises:
        StartFailed: there is no bucket, or no key that can sign.
    """
    address = signing_address(settings)
    endpoint, expiry = settings.presigned_endpoint, settings.presigned_expiry
    if address.scheme == "az":
        account = find_azure_account(address)
        return AzurePresigner(address, account, endpoint=endpoint, expiry=expiry)
    return S3Presigner(
        address,
        endpoint=endpoint,
        expiry=expiry,
        access=s3_access(address, settings) if access is None else access,
    )


def s3_access(
    address: BucketAddress, settings: StorageSettings, *, attempts: int = ATTEMPTS
) -> S3Access:
    """Find what a bucket is reached with by the requests of S3.

    Raises:
        StartFailed: it is one of Google's, and there is no HMAC key.
    """
    if address.scheme == "gs":
        return find_google_access(address, settings, attempts=attempts)
    return AwsAccess(address.url, attempts=attempts)


def signing_address(settings: StorageSettings) -> BucketAddress:
    """Tell in which bucket addresses are signed.

    Raises:
        StartFailed: there is none.
    """
    if settings.storage is None:
        raise StartFailed("videos are kept in a folder: nothing can be signed")
    return read_address(settings.storage)
