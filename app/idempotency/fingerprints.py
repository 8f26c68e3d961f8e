"""What tells requests with the same key apart."""

import hashlib
import json
from collections.abc import Mapping
from uuid import UUID

from app.core.storage.interface import StoredFile
from app.jobs.kinds import JobKind


def fingerprint_of(
    stored: StoredFile, filename: str | None, fields: Mapping[str, str]
) -> str:
    """Tell uploads apart: the file's bytes and name, and every field."""
    return _digest([stored.sha256, filename, sorted(fields.items())])


def job_fingerprint(
    video_id: UUID, kind: JobKind, model: str | None, *, priority: int = 0
) -> str:
    """Tell requests for a new job apart, from uploads too.

    What is asked for by default adds no word, so that keys of earlier releases hold.
    """
    words: list[object] = [f"POST /videos/{video_id}/jobs", model]
    if kind is not JobKind.SPOT:
        words.append(kind)
    if priority != 0:
        words.append(priority)
    return _digest(words)


def _digest(words: list[object]) -> str:
    return hashlib.sha256(json.dumps(words).encode()).hexdigest()
