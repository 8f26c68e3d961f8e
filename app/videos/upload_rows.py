"""The rows of an upload: written once, or found again for one that was sent twice."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy.orm import Session

from app.core.db.commit import OutcomeUnknown, commit_for_sure
from app.core.db.project_sessions import project_of
from app.core.errors import IdempotencyKeyInUse, NotReady
from app.idempotency.fingerprints import fingerprint_of, parts_fingerprint
from app.idempotency.service import HeldKey, check_same
from app.jobs.kinds import NO_MODEL, JobKind
from app.jobs.requests import request
from app.jobs.tables import Job
from app.projects.quotas import take_queue, take_stored
from app.timelines.tables import Analysis
from app.videos.facts_schemas import NewFacts
from app.videos.first_jobs import first_jobs
from app.videos.in_flight import UploadInFlight
from app.videos.parts import UploadedPart, join_params, kept_bytes, uploaded_parts
from app.videos.queries import same_file, video_with_jobs
from app.videos.tables import Video

FACT_FIELDS = ("title", "date", "competition")  # of a form; as in `NewFacts`


@dataclass(slots=True)
class UploadFormData:
    """What has been read of the form so far."""

    filename: str | None = None  # None until the file's part began
    fields: dict[str, str] = field(default_factory=dict)
    is_sent_again: bool = False  # a request of before made its video
    coming_bytes: int = 0  # of the file, as far as headers tell
    room_looked_for_at: int = 0  # bytes that had come when the disk was looked at

    @property
    def facts(self) -> dict[str, Any]:
        """Title and match facts, by the column of a video."""
        said = {name: self.fields[name] for name in FACT_FIELDS if name in self.fields}
        return NewFacts.model_validate(said).changes()


class Accepted(NamedTuple):
    """What an upload became."""

    video: Video
    job: Job  # its latest
    shown: Analysis | None  # what is shown of it, if it was sent before


def record_upload(
    flight: UploadInFlight,
    upload: UploadFormData,
    stored: Sequence[UploadedPart],
    held: HeldKey,
    now: datetime,
    also: Callable[[Session, UUID], None] = lambda _session, _video_id: None,
    *,
    has_room: bool = False,
) -> Accepted:
    """Write video and job in one transaction; without them the files go again.

    Args:
        stored: the file; several are to be joined to one.
        also: writes further rows in that transaction.
        has_room: room in the project's quota was kept for it before.

    Raises:
        InvalidRequest: a file was sent twice.
        StoredQuotaReached, QueueQuotaReached: the project may not have one more.
        UploadBroken: the upload was given up meanwhile.
        NotReady: the database left, and nothing was written.
        OutcomeUnknown: it may have been; the file stays.
    """
    flight.is_settled = True
    sessions = flight.resources.sessions
    size_bytes = sum(part.stored.size_bytes for part in stored)
    try:
        video = _row(flight.video_id, upload, stored, now)
        with sessions() as session:
            flight.close(session)
            if not has_room:
                take_stored(session, project_of(session), size_bytes)
            if upload.fields.get("model") != NO_MODEL:
                take_queue(session, project_of(session))
            if video.sha256 is not None:
                video.duplicate_of = session.scalar(
                    same_file(project_of(session), video.sha256, size_bytes)
                )
            session.add(video)
            session.flush()
            queue = queue_first_jobs if video.parts is None else queue_join
            job = queue(session, video, upload.fields)
            fingerprint = _fingerprint(stored, upload)
            held.close(session, fingerprint=fingerprint, video_id=video.id)
            also(session, video.id)
            if not commit_for_sure(session, sessions=sessions):
                raise NotReady("The database left; nothing was kept. Send it again.")
    except OutcomeUnknown:
        raise
    except BaseException:
        flight.drop()
        raise
    return Accepted(video, job, None)


def queue_first_jobs(session: Session, video: Video, fields: Mapping[str, str]) -> Job:
    """Queue what is done with a new video; gives the job that speaks for it.

    Only its workers need be notified: others look for theirs by themselves.
    """
    made = [
        request(
            session,
            kind=one.kind,
            video_id=video.id,
            params=one.params,
            priority=int(fields.get("priority", 0)),
            job_id=one.id,
        )
        for one in first_jobs(fields.get("model"))
    ]
    return made[0]


def queue_join(session: Session, video: Video, fields: Mapping[str, str]) -> Job:
    """Queue the job that makes one file of a new video's parts."""
    return request(
        session,
        kind=JobKind.JOIN,
        video_id=video.id,
        params=join_params(fields),
        priority=int(fields.get("priority", 0)),
    )


def find_earlier(
    flight: UploadInFlight,
    upload: UploadFormData,
    stored: Sequence[UploadedPart],
    held: HeldKey,
    now: datetime,  # noqa: ARG001  # like `record_upload`
) -> Accepted:
    """Drop what came and find the video that the same upload made before."""
    flight.drop()
    check_same(held, _fingerprint(stored, upload))
    with flight.resources.sessions() as session:
        found = session.execute(video_with_jobs(held.earlier_video)).one_or_none()
    if found is None:
        raise IdempotencyKeyInUse(
            "The video of this Idempotency-Key has just been deleted."
        )
    return Accepted(*found)


def _fingerprint(stored: Sequence[UploadedPart], upload: UploadFormData) -> str:
    if len(stored) == 1:
        return fingerprint_of(stored[0].stored, upload.filename, upload.fields)
    files = [(part.stored.sha256, part.filename) for part in stored]
    return parts_fingerprint(files, upload.fields)


def _row(
    video_id: UUID,
    upload: UploadFormData,
    stored: Sequence[UploadedPart],
    now: datetime,
) -> Video:
    video = Video(
        id=video_id,
        **upload.facts,
        filename=upload.filename or None,
        callback_url=upload.fields.get("callback_url"),
        created_at=now,
    )
    if len(stored) > 1:
        parts = uploaded_parts(stored, upload.fields.get("parts"))
        video.parts, video.parts_bytes = parts, kept_bytes(parts)
        video.source = {"join": parts["kind"]}
        return video
    file = stored[0].stored
    video.storage_key = file.key
    video.size_bytes, video.sha256 = file.size_bytes, file.sha256
    return video
