"""What an operator can set about where videos are kept."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ByteSize,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)
from pydantic_settings import NoDecode

from app.core.durations import Duration
from app.core.storage.addresses import read_address


class StorageSettings(BaseModel):
    """The part of the settings that a storage is opened with."""

    data_dir: Path = Path("data")  # videos, scores, embedded Postgres, broker, keys
    # Where videos are kept: s3://bucket/prefix, gs://... or az://...; None: data_dir.
    storage: str | None = None
    storage_retry: Duration = timedelta(minutes=2)  # a bucket may answer 503 so long
    cache_dir: Path | None = None  # files of a bucket; None: `cache` in data_dir
    cache_size: ByteSize = Field(default=ByteSize(50 * 2**30), ge=0)
    # Buckets, or folders in them, of which videos may be named by their address.
    buckets: Annotated[tuple[str, ...], NoDecode] = ()
    # Objects of them that become videos are read where they are, or copied first.
    bucket_sources: Literal["link", "copy"] = "link"
    # Clients load files from the bucket, and send them to it, by presigned addresses.
    presigned_downloads: bool = False
    presigned_uploads: bool = False
    presigned_expiry: Duration = Field(  # S3 and Google sign for a week at most
        default=timedelta(hours=1), ge=timedelta(seconds=1), le=timedelta(days=7)
    )
    # Where clients see the bucket's server; None: where the service itself does.
    presigned_endpoint: str | None = None
    # Of a service account that may use the bucket; sign presigned addresses for gs://.
    google_hmac_access_id: str | None = None
    google_hmac_secret: SecretStr | None = None

    @field_validator("storage")
    @classmethod
    def _bucket(cls, value: str | None) -> str | None:
        return None if value is None else read_address(value).url

    @field_validator("buckets", mode="before")
    @classmethod
    def _read_buckets(cls, value: Any) -> Any:
        """Read `s3://archive/2024, gs://club`."""
        parts = value.split(",") if isinstance(value, str) else value
        return tuple(read_address(part).url for part in parts if part.strip())

    @field_validator("presigned_endpoint")
    @classmethod
    def _endpoint(cls, value: str | None) -> str | None:
        """Refuse a path: it is signed, and no proxy may take it off."""
        if value is None:
            return None
        parts = urlsplit(value)
        is_plain = parts.path in ("", "/") and not (parts.query or parts.fragment)
        if parts.scheme not in ("http", "https") or not parts.hostname or not is_plain:
            raise ValueError(
                f"{value!r} is no endpoint of a bucket: write it like "
                "https://s3.club.example or http://10.0.0.5:9000, without a path"
            )
        return value.rstrip("/")

    @model_validator(mode="after")
    def _can_sign(self) -> Self:
        """Refuse presigned addresses where videos are kept in no bucket."""
        wanted = {
            "TOUCHLINE_PRESIGNED_DOWNLOADS": self.presigned_downloads,
            "TOUCHLINE_PRESIGNED_UPLOADS": self.presigned_uploads,
        }
        named = next((name for name, is_on in wanted.items() if is_on), None)
        if named is not None and self.storage is None:
            raise ValueError(
                f"{named} needs a bucket, but videos are kept in the data directory: "
                f"set TOUCHLINE_STORAGE=s3://bucket/prefix, or take {named} away"
            )
        return self

    @field_validator("data_dir", "cache_dir")
    @classmethod
    def _absolute_folder(cls, value: Path | None) -> Path | None:
        return None if value is None else value.expanduser().absolute()
