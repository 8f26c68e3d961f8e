"""What an operator can set about where videos are kept."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ByteSize, Field, field_validator
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

    @field_validator("data_dir", "cache_dir")
    @classmethod
    def _absolute_folder(cls, value: Path | None) -> Path | None:
        return None if value is None else value.expanduser().absolute()
