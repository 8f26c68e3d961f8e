"""The sample match of the package: a video that is added to a library by one request.

Two minutes of a rendered match, cut by `scripts/sample_match.py`; see docs/library.md.
"""

import hashlib
from datetime import datetime
from functools import cache
from pathlib import Path
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core.db.base import new_id
from app.core.db.commit import OutcomeUnknown
from app.core.errors import NotReady, StorageFull
from app.core.resources import Resources
from app.core.storage.keys import source_key
from app.idempotency.service import HeldKey
from app.videos.facts import change_facts
from app.videos.facts_schemas import Half, NewFacts, Team
from app.videos.in_flight import UploadInFlight, begin_upload
from app.videos.parts import UploadedPart
from app.videos.queries import video_with_bytes
from app.videos.upload_rows import Accepted, UploadFormData, record_upload

FILE = Path(__file__).with_name("sample") / "match.mp4"
FILENAME = "sample-match.mp4"
FACTS = NewFacts(
    title="Sample match",
    competition="Rendered matches",
    teams=[
        Team(name="Green", colour="#2fae57", side="left"),
        Team(name="Black and white", colour="#e8e8e8", side="right"),
    ],
    halves=[Half(start_s=2.3, end_s=120.0, clock_start_s=0.0)],
)
_ONE_AT_A_TIME = 7164015  # an advisory lock's number


def add_sample(*, resources: Resources, now: datetime) -> tuple[Accepted, bool]:
    """Add the sample match and queue its analysis, as an upload would.

    Returns:
        The video, and whether it is new: one with the same bytes is not added again.

    Raises:
        StorageFull: there is no room for it.
        NotReady: the database left.
    """
    with resources.sessions.begin() as session:
        # Whoever asks at the same time waits here, then finds the video.
        session.execute(select(func.pg_advisory_xact_lock(_ONE_AT_A_TIME)))
        found = session.execute(video_with_bytes(_sha256())).first()
        if found is not None:
            return Accepted(*found), False
        return _store(resources, now), True


@cache
def _sha256() -> str:
    return hashlib.sha256(FILE.read_bytes()).hexdigest()


def _store(resources: Resources, now: datetime) -> Accepted:
    """Store the file, then its rows; without them the file goes again."""
    content = FILE.read_bytes()
    _ensure_free_space(resources, len(content))
    video_id = new_id()
    begin_upload(video_id, resources.sessions)
    flight = UploadInFlight(video_id, resources, is_stored=True)
    try:
        stored = resources.storage.put(source_key(video_id), content)
    except BaseException:
        flight.drop()
        raise
    upload = UploadFormData(filename=FILENAME)
    no_key = HeldKey(resources, None)
    try:
        parts = [UploadedPart(FILENAME, stored)]
        return record_upload(flight, upload, parts, no_key, now, also=_add_facts)
    except OutcomeUnknown as exc:
        raise NotReady(
            "The database left while the sample match was being recorded. Ask again."
        ) from exc


def _add_facts(session: Session, video_id: UUID) -> None:
    change_facts(session, video_id, FACTS.changes())


def _ensure_free_space(resources: Resources, size_bytes: int) -> None:
    free = resources.storage.free_bytes() - resources.settings.min_free_space
    if free < size_bytes:
        raise StorageFull(
            "The server's disk has no room for the sample match. Delete videos that "
            "are no longer needed, or try again later.",
            free_bytes=max(0, free),
        )
