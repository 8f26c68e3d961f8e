"""The rows of an upload: written once, or found again for one that was sent twice."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from app.core.db.commit import OutcomeUnknown, commit_for_sure
from app.core.errors import IdempotencyKeyInUse, NotReady
from app.core.storage.interface import StoredFile
from app.idempotency.fingerprints import fingerprint_of
from app.idempotency.service import HeldKey, check_same
from app.jobs.kinds import JobKind
from app.jobs.service import request
from app.jobs.tables import Job
from app.timelines.tables import Analysis
from app.videos.in_flight import UploadInFlight
from app.videos.queries import video_with_jobs
from app.videos.tables import Video


@dataclass(slots=True)
class UploadFormData:
    """What has been read of the form so far."""

    filename: str | None = None  # None until the file's part began
    fields: dict[str, str] = field(default_factory=dict)
    room_looked_for_at: int = 0  # bytes that had come when the disk was looked at


class Accepted(NamedTuple):
    """What an upload became."""

    video: Video
    job: Job  # its latest
    shown: Analysis | None  # what is shown of it, if it was sent before


def record_upload(
    flight: UploadInFlight,
    upload: UploadFormData,
    stored: StoredFile,
    held: HeldKey,
    now: datetime,
) -> Accepted:
    """Write video and job in one transaction; without them the file goes again.

    Raises:
        UploadBroken: the upload was given up meanwhile.
        NotReady: the database left, and nothing was written.
        OutcomeUnknown: it may have been; the file stays.
    """
    flight.is_settled = True
    video = _row(flight.video_id, upload, stored, now)
    sessions = flight.resources.sessions
    try:
        with sessions() as session:
            flight.close(session)
            session.add(video)
            session.flush()
            priority = int(upload.fields.get("priority", 0))
            job = request(
                session,
                kind=JobKind.SPOT,
                video_id=video.id,
                params={"model": upload.fields.get("model")},
                priority=priority,
                now=now,
            )
            # The media worker looks for it by itself.
            request(
                session,
                kind=JobKind.THUMBNAILS,
                video_id=video.id,
                priority=priority,
                now=now,
            )
            fingerprint = fingerprint_of(stored, upload.filename, upload.fields)
            held.close(session, fingerprint=fingerprint, video_id=video.id)
            if not commit_for_sure(session, sessions=sessions):
                raise NotReady("The database left; nothing was kept. Send it again.")
    except OutcomeUnknown:
        raise
    except BaseException:
        flight.drop()
        raise
    return Accepted(video, job, None)


def find_earlier(
    flight: UploadInFlight,
    upload: UploadFormData,
    stored: StoredFile,
    held: HeldKey,
    now: datetime,  # noqa: ARG001  # like `record_upload`
) -> Accepted:
    """Drop what came and find the video that the same upload made before."""
    flight.drop()
    check_same(held, fingerprint_of(stored, upload.filename, upload.fields))
    with flight.resources.sessions() as session:
        found = session.execute(video_with_jobs(held.earlier_video)).one_or_none()
    if found is None:
        raise IdempotencyKeyInUse(
            "The video of this Idempotency-Key has just been deleted."
        )
    return Accepted(*found)


def _row(
    video_id: UUID, upload: UploadFormData, stored: StoredFile, now: datetime
) -> Video:
    return Video(
        id=video_id,
        title=upload.fields.get("title"),
        filename=upload.filename or None,
        callback_url=upload.fields.get("callback_url"),
        storage_key=stored.key,
        size_bytes=stored.size_bytes,
        sha256=stored.sha256,
        created_at=now,
    )
