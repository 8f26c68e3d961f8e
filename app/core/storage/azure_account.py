"""The account of Azure's that videos are kept in, and the key that signs for it.

obstore takes the `AZURE_*` variables by itself and tells none of them, so those that
signing needs are read here as well. An identity, or a shared access signature that
somebody else made, reads and writes objects through obstore; it signs nothing here.
"""

import binascii
import errno
import os
from base64 import b64decode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from app.core.errors import StartFailed
from app.core.storage.addresses import BucketAddress
from app.core.storage.bucket_clients import CONNECT_TIMEOUT_S, NOT_INSTALLED
from app.core.storage.interface import (
    ObjectChanged,
    StorageUnavailable,
)
from app.core.storage.object_errors import NO_BUCKET, refused, shortened

if TYPE_CHECKING:
    from azure.storage.blob import ContainerClient

NAME = "AZURE_STORAGE_ACCOUNT_NAME"
KEYS = (
    "AZURE_STORAGE_ACCOUNT_KEY",
    "AZURE_STORAGE_ACCESS_KEY",
    "AZURE_STORAGE_MASTER_KEY",
)
ENDPOINTS = ("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT")
EMULATOR = "AZURE_STORAGE_USE_EMULATOR"
TRUE = ("1", "true", "on", "yes", "y")
EMULATOR_URL = "http://127.0.0.1:10000"
EMULATOR_NAME = "devstoreaccount1"
READ_TIMEOUT_S = 60
RETRIES = 3  # after a few seconds each
NO_KEY = (
    "{}: presigned addresses are signed with the key of the storage account, and "
    "AZURE_STORAGE_ACCOUNT_NAME or AZURE_STORAGE_ACCOUNT_KEY is not set. An identity "
    "or a shared access signature cannot sign them. Set both, or take "
    "TOUCHLINE_PRESIGNED_DOWNLOADS and TOUCHLINE_PRESIGNED_UPLOADS away"
)


@dataclass(frozen=True, slots=True)
class AzureAccount:
    """A storage account with its key.

    Attributes:
        url: of its blobs, without a slash at the end.
    """

    name: str
    key: str = field(repr=False)
    url: str

    def container(self, name: str) -> "ContainerClient":
        """Give Microsoft's client of a container; connections open at first use."""
        from azure.core.credentials import AzureNamedKeyCredential
        from azure.storage.blob import ContainerClient, ExponentialRetry

        return ContainerClient(
            self.url,
            name,
            credential=AzureNamedKeyCredential(self.name, self.key),
            retry_policy=ExponentialRetry(
                initial_backoff=1, increment_base=2, retry_total=RETRIES
            ),
            connection_timeout=CONNECT_TIMEOUT_S,
            read_timeout=READ_TIMEOUT_S,
        )


def find_azure_account(
    address: BucketAddress, environment: Mapping[str, str] = os.environ
) -> AzureAccount:
    """Find the account, its key and its endpoint where obstore takes them.

    Raises:
        StartFailed: one of them is missing, the key is none, or what speaks with Azure
            is not installed.
    """
    try:
        import azure.storage.blob  # noqa: F401  # only whether it is there
    except ImportError as exc:
        raise StartFailed(NOT_INSTALLED.format(address.url)) from exc
    is_emulator = environment.get(EMULATOR, "").lower() in TRUE
    name = environment.get(NAME) or (EMULATOR_NAME if is_emulator else "")
    key = _first(KEYS, environment)
    if not name or not key:
        raise StartFailed(NO_KEY.format(address.url))
    try:
        b64decode(key, validate=True)
    except binascii.Error as exc:
        raise StartFailed(
            f"{address.url}: AZURE_STORAGE_ACCOUNT_KEY is no key of a storage account: "
            "it is not base64"
        ) from exc
    if is_emulator:
        server = environment.get("AZURITE_BLOB_STORAGE_URL", EMULATOR_URL)
        url = f"{server.rstrip('/')}/{name}"
    else:
        named = _first(ENDPOINTS, environment)
        url = named.rstrip("/") or f"https://{name}.blob.core.windows.net"
    return AzureAccount(name, key, url)


@contextmanager
def azure_errors(path: str, where: str) -> Iterator[None]:
    """Translate what Microsoft's client raises.

    Raises:
        FileNotFoundError: nothing has that path, or what has it takes no blocks.
        ObjectChanged: the object, or a block of it, is another one by now, or
            somebody has a lease of it.
        StorageRefused: the key is wrong, or may not do this.
        StorageUnavailable: Azure cannot be reached, or answers with errors.
    """
    from azure.core.exceptions import AzureError, HttpResponseError

    try:
        yield
    except HttpResponseError as exc:
        told = getattr(exc, "error_code", None)  # an enum's member, or a word
        code = str(getattr(told, "value", told))
        if code in NO_BUCKET:
            raise StorageUnavailable(f"{where} is not there: make the bucket") from exc
        if exc.status_code == 404 or code == "InvalidBlobType":
            raise FileNotFoundError(errno.ENOENT, "no such object", path) from exc
        if exc.status_code == 412 or code in ("InvalidBlockList", "InvalidBlobOrBlock"):
            raise ObjectChanged(path) from exc
        if exc.status_code in (401, 403):
            raise refused(exc, where) from exc
        raise StorageUnavailable(f"{where} answers: {shortened(exc)}") from exc
    except AzureError as exc:
        raise StorageUnavailable(f"{where} does not answer: {shortened(exc)}") from exc


def _first(names: tuple[str, ...], environment: Mapping[str, str]) -> str:
    return next((found for one in names if (found := environment.get(one))), "")
