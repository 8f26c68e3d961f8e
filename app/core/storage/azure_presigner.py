"""Presigned addresses in a container of Azure's: shared access signatures of one blob.

A signature says neither how many bytes may be sent nor as which block, so whoever has
the address of a part may write all of the blob that takes the blocks, until the address
ends: nothing reads that blob but `azure_multipart`, which copies what it has checked.
"""

from base64 import b64encode
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlsplit

from app.core.storage.addresses import BucketAddress, checked_key
from app.core.storage.azure_account import AzureAccount
from app.core.storage.azure_multipart import block_id, blocks_path

UNQUOTED = "~/"  # of a blob's name


class AzurePresigner:
    """A `Presigner` with the key of a storage account."""

    has_suffix_ranges = False

    def __init__(
        self,
        address: BucketAddress,
        account: AzureAccount,
        *,
        endpoint: str | None,
        expiry: timedelta,
    ) -> None:
        self._address, self._account = address, account
        self.expiry = expiry
        own = urlsplit(account.url)
        self.origin = endpoint or f"{own.scheme}://{own.netloc}"
        self._root = f"{self.origin}{own.path}/{address.bucket}"

    def download(self, key: str, *, media_type: str, disposition: str) -> str:
        return self._sign(key, "r", media_type=media_type, disposition=disposition)

    def upload_part(
        self,
        key: str,
        upload_id: str,
        number: int,
        *,
        size_bytes: int,  # noqa: ARG002  # completing the upload looks at it
    ) -> str:
        signed = self._sign(blocks_path(checked_key(key), upload_id), "w")
        block = b64encode(block_id(upload_id, number).encode()).decode()
        return f"{signed}&comp=block&blockid={quote(block, safe='')}"

    def _sign(
        self,
        key: str,
        permission: str,
        *,
        media_type: str | None = None,
        disposition: str | None = None,
    ) -> str:
        from azure.storage.blob import generate_blob_sas

        path = checked_key(key)
        name = f"{self._address.path}/{path}" if self._address.path else path
        # No start: a clock that is behind ours would refuse it for a while.
        signature = generate_blob_sas(
            self._account.name,
            self._address.bucket,
            name,
            account_key=self._account.key,
            permission=permission,
            expiry=datetime.now(UTC) + self.expiry,
            content_type=media_type,
            content_disposition=disposition,
            protocol="https" if self.origin.startswith("https:") else "https,http",
        )
        return f"{self._root}/{quote(name, safe=UNQUOTED)}?{signature}"
