"""Presigned addresses in a bucket of S3.

botocore signs them; obstore signs as well, but names neither type nor file name of an
answer.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from app.core.errors import StartFailed
from app.core.storage.addresses import BucketAddress, checked_key
from app.core.storage.bucket_clients import AwsAccess
from app.core.storage.interface import StorageRefused


class S3Presigner:
    """Signs addresses of one bucket's objects; asks the bucket nothing. Thread-safe.

    Attributes:
        expiry: how long an address is good; less where the credentials end before.
        origin: of all addresses, as browsers have it: `https://s3.club.example`.
    """

    def __init__(
        self,
        address: BucketAddress,
        *,
        endpoint: str | None,
        expiry: timedelta,
        aws: AwsAccess | None = None,
    ) -> None:
        self._address, self._endpoint = address, endpoint
        self._aws = AwsAccess(address.url) if aws is None else aws
        self.expiry = expiry
        parts = urlsplit(self._sign("get_object", "any", {}))
        self.origin = f"{parts.scheme}://{parts.netloc}"

    def download(self, key: str, *, media_type: str, disposition: str) -> str:
        """Sign an address from which an object is loaded, whole or by ranges.

        Args:
            disposition: the header Content-Disposition that the bucket is to send.
        """
        answer = {
            "ResponseContentType": media_type,
            "ResponseContentDisposition": disposition,
        }
        return self._sign("get_object", key, answer)

    def upload_part(
        self, key: str, upload_id: str, number: int, *, size_bytes: int
    ) -> str:
        """Sign an address to which a part of a multipart upload is sent, by PUT.

        The bucket refuses it with more or less bytes.
        """
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
            client: Any = self._aws.signer(self._endpoint)
            url = client.generate_presigned_url(
                name,
                Params={"Bucket": self._address.bucket, "Key": whole, **asked},
                ExpiresIn=int(self.expiry.total_seconds()),
            )
        except (BotoCoreError, StartFailed) as exc:  # Credentials are gone.
            where = self._address.url
            raise StorageRefused(f"{where}: nothing can be signed: {exc}") from exc
        return str(url)
