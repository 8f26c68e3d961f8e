"""What tells requests with the same key apart."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from uuid import UUID

from app.core.storage.interface import StoredFile
from app.jobs.kinds import JobKind


def fingerprint_of(
    stored: StoredFile, filename: str | None, fields: Mapping[str, str]
) -> str:
    """Tell uploads apart: the file's bytes and name, and every field."""
    return _digest([stored.sha256, filename, sorted(fields.items())])


def parts_fingerprint(
    files: Sequence[tuple[str, str]], fields: Mapping[str, str]
) -> str:
    """Tell uploads of several files apart: by bytes and names, and every field."""
    return _digest([list(files), sorted(fields.items())])


def source_fingerprint(source: Mapping[str, str], fields: Mapping[str, str]) -> str:
    """Tell requests apart for videos whose bytes come from elsewhere."""
    words: list[object] = ["POST /videos", sorted(source.items())]
    return _digest([*words, sorted(fields.items())])


def announced_fingerprint(
    filename: str | None, size_bytes: int, fields: Mapping[str, str]
) -> str:
    """Tell uploads apart that are announced before their bytes come."""
    words: list[object] = ["POST /presigned-uploads", filename, size_bytes]
    return _digest([*words, sorted(fields.items())])


def job_fingerprint(
    video_id: UUID,
    kind: JobKind,
    model: str | None,
    *,
    priority: int = 0,
    encode: bool | None = None,
) -> str:
    """Tell requests for a new job apart, from uploads too.

    What is asked for by default adds no word, so that keys of earlier releases hold.
    """
    words: list[object] = [f"POST /videos/{video_id}/jobs", model]
    if kind is not JobKind.SPOT:
        words.append(kind)
    if priority != 0:
        words.append(priority)
    if encode is not None:
        words.append(["encode", encode])
    return _digest(words)


def edit_fingerprint(address: str, author: str, body: object) -> str:
    """Tell corrections apart: what is asked, by whom, and what was sent as JSON."""
    return _digest([address, author, body])


def _digest(words: list[object]) -> str:
    return hashlib.sha256(json.dumps(words).encode()).hexdigest()
