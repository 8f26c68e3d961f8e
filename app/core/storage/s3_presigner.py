"""Presigned addresses in a bucket of S3, or of Google, whose XML API takes the same.

botocore signs them; obstore signs as well, but names neither type nor file name of an
answer.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from app.core.errors import StartFailed
from app.core.storage.addresses import BucketAddress, checked_key
from app.core.storage.bucket_clients import S3Access
from app.core.storage.interface import StorageRefused


class S3Presigner:
    """A `Presigner`; addresses end earlier where the credentials do."""

    has_suffix_ranges = True

    def __init__(
        self,
        address: BucketAddress,
        *,
        endpoint: str | None,
        expiry: timedelta,
        access: S3Access,
    ) -> None:
        self._address, self._endpoint, self._access = address, endpoint, access
        self.expiry = expiry
        parts = urlsplit(self._sign("get_object", "any", {}))
        self.origin = f"{parts.scheme}://{parts.netloc}"

    def download(self, key: str, *, media_type: str, disposition: str) -> str:
        answer = {
            "ResponseContentType": media_type,
            "ResponseContentDisposition": disposition,
        }
        return self._sign("get_object", key, answer)

    def upload_part(
        self, key: str, upload_id: str, number: int, *, size_bytes: int
    ) -> str:
        """Sign the size as well: the bucket refuses other bytes than so many."""
        part = {
            "UploadId": upload_id,
            "PartNumber": number,
            "ContentLength": size_bytes,
        }
        return self._sign("upload_part", key, part)

    def _sign(self, name: str, key: str, asked: Mapping[str, object]) -> str:
        from botocore.exceptions import BotoCoreError

        path = checked_key(key)
        whole = f"{self._address.path}/{path}" if self._address.path else path
        try:
            client: Any = self._access.signer(self._endpoint)
            url = client.generate_presigned_url(
                name,
                Params={"Bucket": self._address.bucket, "Key": whole, **asked},
                ExpiresIn=int(self.expiry.total_seconds()),
            )
        except (BotoCoreError, StartFailed) as exc:  # Credentials are gone.
            where = self._address.url
            raise StorageRefused(f"{where}: nothing can be signed: {exc}") from exc
        return str(url)
