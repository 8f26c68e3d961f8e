"""Uploads in parts, whatever the cloud."""

from dataclasses import dataclass

MOST_PARTS = 10_000


@dataclass(frozen=True, slots=True)
class BucketPart:
    """A part that the bucket has of an upload; numbers from 1."""

    number: int
    size_bytes: int
    e_tag: str  # with its quotes
