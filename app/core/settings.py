"""The settings tree, read once from `TOUCHLINE_*` by an entry, then passed on.

What belongs to the weights (frame size, clip length, labels, thresholds) travels in
the checkpoint and never stands here.
"""

import re
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    ByteSize,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.core.errors import StartFailed

Network = IPv4Network | IPv6Network

LOOPBACK_NAMES = frozenset({"localhost"})
PLAIN_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|min|h)?")  # else ISO 8601: PT90S
BEATS_IN_LEASE = 3  # a lease outlasts two heartbeats that come late
UNIT_S = {None: 1, "s": 1, "min": 60, "h": 3600}


def _read_duration(value: Any) -> Any:
    """Read `90`, `90 s`, `5 min` or `4 h`; anything else is left to Pydantic."""
    found = PLAIN_DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        return value
    number, unit = found.groups()
    return timedelta(seconds=float(number) * UNIT_S[unit])


Duration = Annotated[timedelta, BeforeValidator(_read_duration), Field(gt=timedelta(0))]


class Settings(BaseSettings):
    """Everything an operator can set; see the README's table."""

    model_config = SettingsConfigDict(
        env_prefix="TOUCHLINE_",
        env_ignore_empty=True,
        frozen=True,
        extra="ignore",
    )

    data_dir: Path = Path("data")  # videos, scores, embedded Postgres, broker, keys
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    api_processes: int = Field(default=1, ge=1, le=64)  # that share the port
    database_url: str | None = None  # None: the embedded Postgres in data_dir
    redis_url: str | None = None  # None: a filesystem broker in data_dir
    webhook_secret: SecretStr | None = None  # None: made at first start in data_dir
    webhook_allow_nets: Annotated[tuple[Network, ...], NoDecode] = ()
    webhook_timeout: Duration = timedelta(seconds=15)  # an answer's headers by then
    api_key: SecretStr | None = None  # required when host is not loopback
    model: str | None = None  # name or path of the default checkpoint
    engine: Literal["auto", "openvino", "torch-cuda", "torch-cpu"] = "auto"
    precision: Literal["auto", "float32", "float16", "int8"] = "auto"
    gpu_budget: ByteSize = ByteSize(6 * 2**30)  # of a card's memory, for the network
    max_upload_size: ByteSize = ByteSize(20 * 2**30)
    min_free_space: ByteSize = ByteSize(512 * 2**20)  # uploads leave the disk this much
    upload_idle: Duration = timedelta(seconds=60)  # an upload may be silent so long
    upload_min_rate: ByteSize = ByteSize(1024)  # bytes a second, over upload_idle
    request_timeout: Duration = timedelta(seconds=30)  # headers; bodies but uploads
    max_connections: int = Field(default=1000, ge=1)  # of one API process
    max_duration: Duration = timedelta(hours=4)
    max_attempts: int = Field(default=3, ge=1)  # failed runs before a job is given up
    max_interruptions: int = Field(default=10, ge=1)  # runs whose worker died, likewise
    lease: Duration = timedelta(seconds=60)
    heartbeat: Duration = timedelta(seconds=10)
    sweep_every: Duration = timedelta(seconds=15)
    stall: Duration = timedelta(minutes=10)  # a run without progress: worker replaced
    hang_limit: Duration = timedelta(seconds=60)  # API or Postgres silent: replaced
    public_url: str | None = None  # base of links in webhooks; None: http://host:port
    log_format: str = Field(default="console", pattern="^(console|json)$")

    @field_validator("webhook_allow_nets", mode="before")
    @classmethod
    def _read_networks(cls, value: Any) -> Any:
        """Read `10.0.0.0/8, 127.0.0.1` as networks; bits past the prefix are cut."""
        if isinstance(value, str):
            parts = (part.strip() for part in value.split(","))
            return tuple(_read_network(part) for part in parts if part)
        return value

    @field_validator("data_dir")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

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
        """Refuse to listen beyond this machine without a key; for what listens.

        Raises:
            StartFailed: the host is not loopback, and no key is set.
        """
        if not self.is_loopback and self.api_key is None:
            raise StartFailed(
                f"TOUCHLINE_HOST={self.host} is open to other machines: "
                "set TOUCHLINE_API_KEY, or bind to 127.0.0.1"
            )

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the API."""
        return is_loopback(self.host)

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
        """Where links in webhooks start, without a slash at the end."""
        return (self.public_url or self.local_url).rstrip("/")


def is_loopback(host: str) -> bool:
    """Whether a name or an address means this machine, whoever resolves it."""
    if host in LOOPBACK_NAMES:
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _read_network(text: str) -> Network:
    try:
        return ip_network(text, strict=False)
    except ValueError as exc:
        raise ValueError(
            f"{text!r} is no network: write it like 10.0.0.0/8, with commas between"
        ) from exc
