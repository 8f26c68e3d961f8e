"""Clients of a bucket: obstore's for its objects, and what credentials they use.

Credentials, endpoint and region come from where each cloud's own tools take them (the
`AWS_*`, `GOOGLE_*` and `AZURE_*` variables, files, roles of the machine); those of AWS
are read again each minute, so that new ones are used without a restart.
"""

import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

import structlog

from app.core.errors import StartFailed
from app.core.storage.addresses import BucketAddress

if TYPE_CHECKING:
    from obstore.store import (
        AzureStore,
        GCSStore,
        S3Config,
        S3Credential,
        S3Store,
    )

    Bucket = S3Store | GCSStore | AzureStore

READ_AGAIN = timedelta(seconds=60)
CONNECT_TIMEOUT_S = 5
SILENCE_S = 30  # of an answer that has begun
REQUEST_TIMEOUT_S = 600  # of all of a request: a part goes up, a large copy is made
CONNECTIONS = 32
ATTEMPTS = 12  # of botocore's requests: a minute or two
MOST_ATTEMPTS = 100
LONGEST_PAUSE_S = 20.0  # botocore's, between two of them
NOT_INSTALLED = (
    "{} is configured, but what reads buckets is not installed: "
    "pip install 'touchline[cloud]'"
)
NO_CREDENTIALS = (
    "no credentials for {}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
    "AWS_SHARED_CREDENTIALS_FILE, or give the machine a role"
)

log = structlog.get_logger(__name__)


class S3Access(Protocol):
    """What a bucket is reached with that takes the requests of S3. Thread-safe."""

    def client(self) -> Any:
        """Give botocore's client, for what obstore does not offer."""

    def signer(self, endpoint: str | None) -> Any:
        """Give botocore's client that signs addresses for others, and asks nothing.

        Args:
            endpoint: where those others see the server; None: where we do.
        """


@dataclass(slots=True)
class AwsAccess:
    """Credentials, region and endpoint as AWS's own tools find them.

    Thread-safe. Credentials that renew themselves are kept; others, of a file or the
    environment, are read again each minute.

    Attributes:
        attempts: of each request of botocore's clients.
    """

    where: str
    attempts: int = ATTEMPTS
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _session: Any = None
    _client: Any = None
    _signers: dict[str | None, Any] = field(default_factory=dict)
    _read_at_s: float = 0.0

    def client(self) -> Any:
        with self._lock:
            session = self._fresh_session()
            if self._client is None:
                self._client = make_s3_client(session, attempts=self.attempts)
            return self._client

    def signer(self, endpoint: str | None) -> Any:
        with self._lock:
            session = self._fresh_session()
            if endpoint not in self._signers:
                self._signers[endpoint] = make_s3_client(
                    session, endpoint, style="virtual"
                )
            return self._signers[endpoint]

    def __call__(self) -> "S3Credential":
        """Give credentials as obstore wants them."""
        with self._lock:
            credentials = self._fresh_session().get_credentials()
            frozen = credentials.get_frozen_credentials()
        return {
            "access_key_id": frozen.access_key,
            "secret_access_key": frozen.secret_key,
            "token": frozen.token,
            "expires_at": datetime.now(UTC) + READ_AGAIN,
        }

    def _fresh_session(self) -> Any:
        from botocore.credentials import RefreshableCredentials

        now_s = time.monotonic()
        age_s = now_s - self._read_at_s
        if self._session is not None:
            renews = isinstance(self._session.get_credentials(), RefreshableCredentials)
            if renews or age_s < READ_AGAIN.total_seconds():
                return self._session
        self._read_at_s = now_s
        try:
            self._session = _find_session(self.where)
        except StartFailed as exc:
            if self._session is None:
                raise
            # Their file may be half written now; the bucket says whether they are good.
            log.warning("bucket_credentials_not_read", error=str(exc))
            return self._session
        self._client = None
        self._signers.clear()
        return self._session


def _find_session(where: str) -> Any:
    """Find credentials as AWS's own tools do.

    Raises:
        StartFailed: there are none, or what holds them cannot be read.
    """
    from botocore.exceptions import BotoCoreError
    from botocore.session import Session

    session = Session()
    try:
        found = session.get_credentials()
    except BotoCoreError as exc:
        raise StartFailed(f"no credentials for {where}: {exc}") from exc
    if found is None:
        raise StartFailed(NO_CREDENTIALS.format(where))
    return session


def attempts_within(retry_for: timedelta) -> int:
    """Tell how many attempts of botocore's take about so long.

    It waits for up to 1, 2, 4 ... 20 s between two of them, half of that on average.
    """
    left_s, attempts = retry_for.total_seconds(), 1
    while left_s > 0 and attempts < MOST_ATTEMPTS:
        left_s -= min(2.0 ** (attempts - 1), LONGEST_PAUSE_S) / 2
        attempts += 1
    return attempts


def open_bucket(
    address: BucketAddress, *, retry_for: timedelta, aws: AwsAccess | None = None
) -> "Bucket":
    """Open a client for the objects of a bucket, or of a folder in it.

    Args:
        retry_for: how long a request is tried that is answered with 5xx or not at all.
        aws: credentials for `s3://`; None: found anew.

    Raises:
        StartFailed: obstore is not installed, or nothing says how to get in.
    """
    try:
        from obstore.exceptions import BaseError
        from obstore.store import AzureStore, GCSStore
    except ImportError as exc:
        raise StartFailed(NOT_INSTALLED.format(address.url)) from exc
    prefix = address.path or None
    options: dict[str, Any] = {
        "retry_config": {
            "max_retries": 1000,  # The time decides.
            "retry_timeout": retry_for,
            "backoff": {
                "init_backoff": timedelta(seconds=0.2),
                "max_backoff": timedelta(seconds=5),
            },
        },
        "client_options": {
            "connect_timeout": timedelta(seconds=CONNECT_TIMEOUT_S),
            "read_timeout": timedelta(seconds=SILENCE_S),
            "timeout": timedelta(seconds=REQUEST_TIMEOUT_S),
        },
    }
    try:
        if address.scheme == "gs":
            return GCSStore(address.bucket, prefix=prefix, **options)
        if address.scheme == "az":
            return AzureStore(address.bucket, prefix=prefix, **options)
        return _open_s3(address, options, aws or AwsAccess(address.url))
    except BaseError as exc:
        words = " ".join(str(exc).split())
        raise StartFailed(f"{address.url} cannot be opened: {words}") from exc


def _open_s3(
    address: BucketAddress, options: dict[str, Any], aws: AwsAccess
) -> "S3Store":
    from obstore.store import S3Store

    client = aws.client()
    endpoint = client.meta.endpoint_url
    config: S3Config = {"region": _region(client)}
    if not _is_amazon(endpoint):
        config["endpoint"] = endpoint
        config["virtual_hosted_style_request"] = False
        options["client_options"]["allow_http"] = endpoint.startswith("http://")
    return S3Store(
        address.bucket,
        prefix=address.path or None,
        config=config,
        credential_provider=aws,
        **options,
    )


def make_s3_client(
    session: Any,
    endpoint: str | None = None,
    *,
    region: str | None = None,
    style: str | None = None,
    attempts: int = ATTEMPTS,
) -> Any:
    """Make botocore's client.

    Args:
        endpoint: None: the one that the environment names, else Amazon's.
        style: how buckets are addressed at Amazon; None: botocore decides, and names
            a bucket's old host of no region in what it signs.
        region: of a server that is not Amazon's; None: the one that is configured.

    Raises:
        StartFailed: the endpoint or what is configured makes no client.
    """
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    config = {
        "connect_timeout": CONNECT_TIMEOUT_S,
        "read_timeout": REQUEST_TIMEOUT_S,
        "retries": {"mode": "standard", "total_max_attempts": attempts},
        "max_pool_connections": CONNECTIONS,
        "signature_version": "s3v4",
        "request_checksum_calculation": "when_required",
        "response_checksum_validation": "when_required",
    }
    if style is not None:
        config["s3"] = {"addressing_style": style}
    try:
        client = session.create_client(
            "s3", endpoint_url=endpoint, config=Config(**config)
        )
        if _is_amazon(client.meta.endpoint_url):
            return client
        # Servers of one's own are reached by one name, not by one a bucket.
        config["s3"] = {"addressing_style": "path"}
        return session.create_client(
            "s3",
            endpoint_url=client.meta.endpoint_url,
            region_name=region or _region(client),
            config=Config(**config),
        )
    except (BotoCoreError, ValueError) as exc:
        raise StartFailed(f"no client for S3 can be made: {exc}") from exc


def _region(client: Any) -> str:
    region = str(client.meta.region_name or "")
    return "us-east-1" if region in ("", "aws-global") else region


def _is_amazon(endpoint: str) -> bool:
    return (urlsplit(endpoint).hostname or "").endswith(".amazonaws.com")
