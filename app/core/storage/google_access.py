"""Access to a bucket of Google's by the requests and signatures of S3.

Its XML API takes them from whoever has an HMAC key of a service account. Objects go
through obstore, with the `GOOGLE_*` variables; what is signed for clients, and their
uploads in parts, go this way.

Source: https://docs.cloud.google.com/storage/docs/aws-simple-migration (keys and
signatures), /storage/docs/multipart-uploads, /storage/docs/xml-api/get-bucket-uploads.
"""

import threading
from dataclasses import dataclass, field
from typing import Any

from app.core.errors import StartFailed
from app.core.storage.addresses import BucketAddress
from app.core.storage.bucket_clients import ATTEMPTS, make_s3_client
from app.core.storage.settings import StorageSettings

ENDPOINT = "https://storage.googleapis.com"
REGION = "auto"  # signatures have one; Google takes any
NO_KEY = (
    "{}: presigned addresses are signed with an HMAC key, and there is none: set "
    "TOUCHLINE_GOOGLE_HMAC_ACCESS_ID and TOUCHLINE_GOOGLE_HMAC_SECRET to what `gcloud "
    "storage hmac create SERVICE_ACCOUNT` prints, or take "
    "TOUCHLINE_PRESIGNED_DOWNLOADS and TOUCHLINE_PRESIGNED_UPLOADS away"
)


@dataclass(slots=True)
class GoogleAccess:
    """An `S3Access` with one HMAC key, which is good until somebody takes it back.

    Attributes:
        attempts: of each request.
    """

    access_id: str
    secret: str = field(repr=False)
    endpoint: str = ENDPOINT
    attempts: int = ATTEMPTS
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _clients: dict[str, Any] = field(default_factory=dict)

    def client(self) -> Any:
        return self.signer(None)

    def signer(self, endpoint: str | None) -> Any:
        from botocore.session import Session

        at = endpoint or self.endpoint
        with self._lock:
            if at not in self._clients:
                session = Session()
                session.set_credentials(self.access_id, self.secret)
                self._clients[at] = make_s3_client(
                    session, at, region=REGION, attempts=self.attempts
                )
            return self._clients[at]


def find_google_access(
    address: BucketAddress, settings: StorageSettings, *, attempts: int = ATTEMPTS
) -> GoogleAccess:
    """Find the key in the settings.

    Raises:
        StartFailed: there is none.
    """
    access_id, secret = settings.google_hmac_access_id, settings.google_hmac_secret
    if not access_id or secret is None:
        raise StartFailed(NO_KEY.format(address.url))
    return GoogleAccess(access_id, secret.get_secret_value(), attempts=attempts)
