"""The settings tree, read once from `TOUCHLINE_*` by an entry, then passed on.

What belongs to the weights (frame size, clip length, labels, thresholds) travels in
the checkpoint and never stands here.
"""

import re
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AliasChoices,
    ByteSize,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.core.broker.redis_urls import SentinelUrl, is_sentinel
from app.core.durations import Duration
from app.core.errors import StartFailed
from app.core.job_settings import JobSettings
from app.core.storage.settings import StorageSettings

Network = IPv4Network | IPv6Network

LOOPBACK_NAMES = frozenset({"localhost"})
ORIGIN = re.compile(r"https?://([\w.-]+|\[[0-9a-fA-F:.]+\])(:\d{1,5})?", re.ASCII)
HEADER_NAME = re.compile(r"[A-Za-z0-9-]{1,100}")
HEADERS_OF_CLIENTS = frozenset({"authorization", "cookie", "host", "origin", "from"})
BEATS_IN_LEASE = 3  # a lease outlasts two heartbeats that come late


class Settings(StorageSettings, JobSettings, BaseSettings):
    """Everything an operator can set; see the README's table."""

    model_config = SettingsConfigDict(
        env_prefix="TOUCHLINE_",
        env_ignore_empty=True,
        frozen=True,
        extra="ignore",
    )

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    api_processes: int = Field(default=1, ge=1, le=64)  # that share the port
    database_url: str | None = None  # None: the embedded Postgres in data_dir
    database_read_url: str | None = None  # a replica of it, for large reads
    # A read waits so long for the replica to have what the primary has.
    database_read_lag: Duration = timedelta(seconds=0.1)
    redis_url: str | None = None  # None: a filesystem broker in data_dir
    redis_password: SecretStr | None = None  # where the URL has none
    redis_sentinel_password: SecretStr | None = None  # of the Sentinels themselves
    redis_ca: Path | None = None  # whom TLS trusts; None: whom the system trusts
    redis_cert: Path | None = None  # who we are, where Redis asks; with redis_key
    redis_key: Path | None = None
    webhook_secret: SecretStr | None = None  # None: made at first start in data_dir
    webhook_allow_nets: Annotated[tuple[Network, ...], NoDecode] = ()
    webhook_timeout: Duration = timedelta(seconds=15)  # an answer's headers by then
    api_key: SecretStr | None = None  # this or require_key, if host is not loopback
    require_key: bool = False  # nobody comes in without a key, not even this machine
    # People whom a proxy has signed in: the header that names them, and what proves
    # that the proxy sent it. Both or neither.
    proxy_user_header: str | None = None
    proxy_secret: SecretStr | None = Field(default=None, min_length=32)
    rate_limit: int | None = Field(default=None, ge=1)  # requests a minute, of a key
    model: str | None = None  # name or path of the default checkpoint
    engine: Literal[
        "auto",
        "openvino",
        "torch-cuda",
        "torch-cpu",
        "onnxruntime",
        "onnxruntime-cuda",
        "tensorrt",
    ] = "auto"
    precision: Literal["auto", "float32", "float16", "int8"] = "auto"
    # A graphics card's decoder; where there is none, the processor decodes.
    hardware_decoding: Literal[
        "off", "auto", "cuda", "vaapi", "qsv", "videotoolbox"
    ] = "off"
    gpu_budget: ByteSize = ByteSize(6 * 2**30)  # of a card's memory, for the network
    max_upload_size: ByteSize = ByteSize(20 * 2**30)
    min_free_space: ByteSize = ByteSize(512 * 2**20)  # uploads leave the disk this much
    upload_idle: Duration = timedelta(seconds=60)  # an upload may be silent so long
    upload_min_rate: ByteSize = ByteSize(1024)  # bytes a second, over upload_idle
    upload_expiry: Duration = timedelta(days=3)  # a resumable one is kept so long
    download_timeout: Duration = timedelta(hours=6)  # of a video by its address
    import_dir: Path | None = None  # None: no videos are taken from a folder
    request_timeout: Duration = timedelta(seconds=30)  # headers; bodies but uploads
    max_connections: int = Field(default=1000, ge=1)  # of one API process
    max_streams: int = Field(default=200, ge=0)  # of changes, of one API process
    max_duration: Duration = timedelta(hours=4)
    live_streams: int = Field(default=2, ge=0, le=64)  # of one live worker
    live_host: str = "127.0.0.1"  # where a live worker listens: RTMP, and the API
    live_ports: str = Field(default="1935-1954", pattern=r"^\d{1,5}-\d{1,5}$")  # RTMP
    # How encoders reach that worker; None: live_host, or the machine's name.
    live_public_host: str | None = None
    # MediaMTX beside the service: where it is read, and where SRT is sent to.
    live_relay: str | None = Field(default=None, pattern=r"^rtsps?://[^\s{}]+$")
    live_srt: str | None = Field(default=None, pattern=r"^srt://\S*\{key\}\S*$")
    match_tolerance: Duration = timedelta(seconds=0.5)  # a spot takes a decision within
    # Where clients see the service, with a path if a proxy serves it under one.
    public_url: str | None = None  # None: http://host:port
    # Pages of other origins that may call the API; `*`: all, with a key alone.
    cors_origins: Annotated[tuple[str, ...], NoDecode] = ()
    metrics_open: bool = False  # /metrics asks nobody for a key
    log_format: str = Field(default="console", pattern="^(console|json)$")
    otel: bool | None = None  # traces; None: where OTEL_* name an endpoint for them
    # Of OpenTelemetry's own variables those that switch it on and off.
    otel_endpoint: str | None = Field(
        default=None,
        validation_alias=AliasChoices(
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"
        ),
    )
    otel_exporter: str = Field(default="otlp", validation_alias="OTEL_TRACES_EXPORTER")
    otel_disabled: str = Field(default="", validation_alias="OTEL_SDK_DISABLED")
    otel_protocol: str = Field(
        default="http/protobuf",
        validation_alias=AliasChoices(
            "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"
        ),
    )

    @field_validator("webhook_allow_nets", mode="before")
    @classmethod
    def _read_networks(cls, value: Any) -> Any:
        """Read `10.0.0.0/8, 127.0.0.1` as networks; bits past the prefix are cut."""
        if isinstance(value, str):
            parts = (part.strip() for part in value.split(","))
            return tuple(_read_network(part) for part in parts if part)
        return value

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _read_origins(cls, value: Any) -> Any:
        """Read `https://a.example, http://localhost:5173`; or `*`."""
        parts = value.split(",") if isinstance(value, str) else value
        return tuple(_read_origin(part.strip()) for part in parts if part.strip())

    @field_validator("redis_url")
    @classmethod
    def _broker_url(cls, value: str | None) -> str | None:
        if value is not None and is_sentinel(value):
            SentinelUrl.parse(value)
        return value

    @field_validator("public_url")
    @classmethod
    def _public_address(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        is_base = parts.scheme in ("http", "https") and parts.hostname
        path = parts.path.rstrip("/")
        if not is_base or parts.query or parts.fragment or not _is_plain_path(path):
            raise ValueError(
                f"{value!r} is no base of links: write it like https://club.example "
                "or https://club.example/touchline"
            )
        return value.rstrip("/")

    @field_validator("import_dir")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return None if value is None else value.expanduser().absolute()

    @field_validator("proxy_user_header")
    @classmethod
    def _header_name(cls, value: str | None) -> str | None:
        """Refuse what is no header, or one that browsers and clients send."""
        if value is None:
            return None
        if not HEADER_NAME.fullmatch(value) or value.lower() in HEADERS_OF_CLIENTS:
            raise ValueError(
                f"{value!r} cannot name people: give a header that your proxy alone "
                "sets, such as X-Auth-Request-Email"
            )
        return value.lower()

    @model_validator(mode="after")
    def _proxy_is_known(self) -> "Settings":
        """Refuse a header without what proves it, or where all come in anyhow."""
        if (self.proxy_user_header is None) != (self.proxy_secret is None):
            raise ValueError(
                "TOUCHLINE_PROXY_USER_HEADER and TOUCHLINE_PROXY_SECRET go together: "
                "set both, or neither"
            )
        is_asked = self.require_key or self.api_key is not None
        if self.proxy_user_header is not None and not is_asked:
            raise ValueError(
                "TOUCHLINE_PROXY_USER_HEADER lets people in whom the proxy names, but "
                "nobody is asked for a key: set TOUCHLINE_REQUIRE_KEY=true"
            )
        return self

    @model_validator(mode="after")
    def _beats_within_lease(self) -> "Settings":
        """Refuse a lease that runs out when a heartbeat or two come late."""
        if self.lease < self.heartbeat * BEATS_IN_LEASE:
            least_s = (self.heartbeat * BEATS_IN_LEASE).total_seconds()
            raise ValueError(
                f"TOUCHLINE_LEASE={self.lease.total_seconds():g}s is too short: set it "
                f"to {least_s:g}s or more, {BEATS_IN_LEASE} times TOUCHLINE_HEARTBEAT="
                f"{self.heartbeat.total_seconds():g}s, or set that lower"
            )
        return self

    def require_key_if_exposed(self) -> None:
        """Refuse to listen beyond this machine without keys; for what listens.

        Raises:
            StartFailed: the host is not loopback, and no key is set.
        """
        if not self.is_loopback and self.api_key is None and not self.require_key:
            raise StartFailed(
                f"TOUCHLINE_HOST={self.host} is open to other machines: "
                "set TOUCHLINE_API_KEY or TOUCHLINE_REQUIRE_KEY=true, "
                "or bind to 127.0.0.1"
            )

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the API."""
        return is_loopback(self.host)

    @property
    def is_traced(self) -> bool:
        """Whether spans are recorded and sent to a collector."""
        if self.otel is not None:
            return self.otel
        is_off = self.otel_disabled.lower() == "true" or self.otel_exporter != "otlp"
        return self.otel_endpoint is not None and not is_off

    @property
    def local_url(self) -> str:
        """Where this machine reaches the API, without a slash at the end."""
        host = self.host
        try:
            address = ip_address(host)
        except ValueError:
            return f"http://{host}:{self.port}"
        if address.is_unspecified:  # Listens everywhere, but is nobody's address.
            address = ip_address("127.0.0.1" if address.version == 4 else "::1")
        host = f"[{address}]" if address.version == 6 else str(address)
        return f"http://{host}:{self.port}"

    @property
    def base_url(self) -> str:
        """Where clients see the service, without a slash at the end."""
        return self.public_url or self.local_url

    @property
    def public_prefix(self) -> str:
        """The path under which a proxy serves the service, `/touchline`; or nothing."""
        return urlsplit(self.public_url or "").path


def is_loopback(host: str) -> bool:
    """Whether a name or an address means this machine, whoever resolves it."""
    if host in LOOPBACK_NAMES:
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _is_plain_path(path: str) -> bool:
    """Whether a path is empty or one that needs no quoting and no resolving."""
    return re.fullmatch(r"(/(?!\.{1,2}(/|$))[A-Za-z0-9._~-]+)*", path) is not None


def _read_origin(text: str) -> str:
    if text != "*" and ORIGIN.fullmatch(text) is None:
        raise ValueError(
            f"{text!r} is no origin: write it like https://club.example or "
            "http://localhost:5173, without a path, with commas between; or *"
        )
    return text.lower()


def _read_network(text: str) -> Network:
    try:
        return ip_network(text, strict=False)
    except ValueError as exc:
        raise ValueError(
            f"{text!r} is no network: write it like 10.0.0.0/8, with commas between"
        ) from exc
