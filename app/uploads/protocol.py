"""The headers of tus 1.0.0, read and written; knows no database and no file.

Source: https://tus.io/protocols/resumable-upload, version 1.0.0.
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from app.core.errors import RULE, InvalidRequest

VERSION = "1.0.0"
EXTENSIONS = (
    *("creation", "creation-with-upload", "termination", "checksum", "expiration"),
)
CHECKSUMS = ("sha1", "sha256")
CONTENT_TYPE = "application/offset+octet-stream"
MAX_METADATA_CHARS = 16 * 1024
# What a browser's page of another site may send and read, where it may call at all.
METHODS = ("POST", "GET", "HEAD", "PATCH", "DELETE", "OPTIONS")
TAKEN_HEADERS = (
    *("Authorization", "Content-Type", "Tus-Resumable", "Upload-Length"),
    *("Upload-Offset", "Upload-Metadata", "Upload-Checksum", "X-Request-Id"),
    *("X-HTTP-Method-Override", "X-Requested-With"),
)
GIVEN_HEADERS = (
    *("Location", "Touchline-Video", "Tus-Resumable", "Tus-Version", "Tus-Max-Size"),
    *("Tus-Extension", "Tus-Checksum-Algorithm", "Upload-Offset", "Upload-Length"),
    *("Upload-Metadata", "Upload-Expires", "X-Request-Id"),
)


@dataclass(frozen=True, slots=True)
class Checksum:
    """What a client says its chunk's checksum is."""

    algorithm: str
    digest: bytes

    def start(self) -> Any:
        """Begin to compute the checksum of what comes."""
        return hashlib.new(self.algorithm, usedforsecurity=False)


def read_metadata(header: str | None) -> Mapping[str, str]:
    """Read `Upload-Metadata`: keys, each with a value in Base64 or none.

    Raises:
        InvalidRequest: it is not written so, or is too long.
    """
    if not header or not header.strip():
        return {}
    if len(header) > MAX_METADATA_CHARS:
        raise InvalidRequest(
            f"Upload-Metadata is longer than {MAX_METADATA_CHARS} characters."
        )
    found: dict[str, str] = {}
    for pair in header.split(","):
        key, _, value = pair.strip().partition(" ")
        if not key or key in found:
            raise InvalidRequest(
                "Upload-Metadata must hold unique keys, none empty.", kind=RULE
            )
        found[key] = _read_value(key, value.strip())
    return found


def read_size(name: str, header: str | None) -> int:
    """Read a header that holds a number of bytes.

    Raises:
        InvalidRequest: it is missing or no whole number.
    """
    if header is None or not header.isdecimal() or len(header) > 18:
        raise InvalidRequest(f"{name} must be a whole number of bytes, 0 or more.")
    return int(header)


def read_checksum(header: str | None) -> Checksum | None:
    """Read `Upload-Checksum`: an algorithm and a digest in Base64.

    Raises:
        InvalidRequest: it is not written so, or we do not know the algorithm.
    """
    if header is None:
        return None
    algorithm, _, text = header.strip().partition(" ")
    if algorithm not in CHECKSUMS:
        raise InvalidRequest(
            f"Upload-Checksum names {algorithm[:32]!r}; this service knows "
            f"{' and '.join(CHECKSUMS)}.",
            kind=RULE,
        )
    try:
        digest = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError) as exc:
        raise InvalidRequest(
            "Upload-Checksum's digest is not Base64.", kind=RULE
        ) from exc
    checksum = Checksum(algorithm, digest)
    if len(digest) != checksum.start().digest_size:
        raise InvalidRequest(
            f"Upload-Checksum's digest is not of {algorithm}.", kind=RULE
        )
    return checksum


def http_date(moment: datetime) -> str:
    """Write a moment as HTTP does."""
    return format_datetime(moment.astimezone(UTC), usegmt=True)


def _read_value(key: str, text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, ValueError) as exc:
        raise InvalidRequest(
            f"Upload-Metadata: the value of {key[:64]!r} is not UTF-8 in Base64.",
            kind=RULE,
        ) from exc
