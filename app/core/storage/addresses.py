"""Addresses of buckets: `s3://bucket/prefix`, `gs://bucket/prefix`, `az://container`."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

SCHEMES = ("s3", "gs", "az")
BUCKET_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,221}")
SHAPE = (
    "write it like s3://bucket/prefix, gs://bucket/prefix or az://container/prefix; "
    "the prefix may be left out"
)


@dataclass(frozen=True, slots=True)
class BucketAddress:
    """A bucket, and the folder in it.

    Attributes:
        scheme: one of `SCHEMES`.
        path: below the bucket, without slashes at its ends; empty: all of it.
    """

    scheme: str
    bucket: str
    path: str = ""

    @property
    def url(self) -> str:
        """The address as people write it."""
        tail = f"/{self.path}" if self.path else ""
        return f"{self.scheme}://{self.bucket}{tail}"

    def holds(self, other: "BucketAddress") -> bool:
        """Whether another address is this one or lies under it."""
        if (self.scheme, self.bucket) != (other.scheme, other.bucket):
            return False
        return not self.path or f"{other.path}/".startswith(f"{self.path}/")


def is_bucket_url(text: str) -> bool:
    """Whether a text begins as the address of a bucket does."""
    return text.partition("://")[0].lower() in SCHEMES and "://" in text


def read_address(text: str) -> BucketAddress:
    """Read the address of a bucket, or of a folder or an object in it.

    What follows the bucket is taken as it is: nothing in it is percent-encoded.

    Raises:
        ValueError: it is none; the message says how to write one.
    """
    scheme, _, rest = text.strip().partition("://")
    bucket, _, path = rest.partition("/")
    if scheme.lower() not in SCHEMES or BUCKET_NAME.fullmatch(bucket) is None:
        raise ValueError(f"{text!r} is no address of a bucket: {SHAPE}")
    path = path.strip("/")
    if path:
        refuse_odd_key(path)
    return BucketAddress(scheme.lower(), bucket, path)


def refuse_odd_key(key: str) -> None:
    """Refuse a key that no client of a bucket can name safely.

    Raises:
        ValueError: it has an empty part, `.` or `..`, or a control character.
    """
    parts = key.split("/")
    if not all(parts) or {".", ".."} & set(parts):
        raise ValueError(
            f"the key {key!r} has a part that is empty, '.' or '..', which cannot be "
            "read: copy the object to another key"
        )
    if any(ord(sign) < 32 or ord(sign) == 127 for sign in key):
        raise ValueError(
            f"the key {key!r} holds a control character, which cannot be read: copy "
            "the object to another key"
        )


def checked_key(key: str) -> str:
    """Give a key of ours as it is written in a bucket.

    Raises:
        ValueError: it is none.
    """
    path = PurePosixPath(key)
    if not path.parts or ".." in path.parts or path.is_absolute():
        raise ValueError(f"not a storage key: {key!r}")
    return path.as_posix()
