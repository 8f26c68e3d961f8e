"""Uploads that nobody goes on with: whole ones become videos, old ones go."""

from dataclasses import replace
from functools import partial

import anyio
import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from app.core.db.base import utc_now
from app.core.db.project_sessions import sessions_of
from app.core.errors import RequestProblem
from app.core.principal import Principal
from app.core.resources import Resources
from app.core.storage.keys import upload_key, upload_prefix
from app.uploads.completion import complete_upload
from app.uploads.queries import delete_upload, expired_uploads, unfinished_uploads
from app.uploads.tables import ResumableUpload
from app.videos.queries import add_pending_deletion

BATCH = 200  # forgotten at once; the next sweep goes on
LOOKED_AT = 10_000  # unfinished uploads

log = structlog.get_logger(__name__)


def forget_expired(sessions: sessionmaker[Session]) -> int:
    """Forget uploads past their expiry; what came of them is deleted by a sweep.

    Returns:
        How many were forgotten.
    """
    with sessions.begin() as session:
        expired = session.scalars(expired_uploads(limit=BATCH)).all()
        for upload_id in expired:
            session.execute(delete_upload(upload_id))
            session.execute(add_pending_deletion(upload_prefix(upload_id)))
    return len(expired)


def complete_whole_uploads(resources: Resources) -> int:
    """Make the videos of uploads that are whole, but whose process died before that.

    One that is being completed by another process is left to it.

    Returns:
        How many were completed.
    """
    with resources.sessions() as session:
        found = session.scalars(unfinished_uploads(limit=LOOKED_AT)).all()
    return sum(_complete(one, resources) for one in found if _is_whole(one, resources))


def _is_whole(upload: ResumableUpload, resources: Resources) -> bool:
    if upload.unchecked_from is not None:
        return False
    try:
        stored = resources.storage.stat(upload_key(upload.id))
    except FileNotFoundError:
        return False
    return stored.size_bytes == upload.size_bytes


def _complete(upload: ResumableUpload, resources: Resources) -> bool:
    owner = Principal.parse(upload.created_by, project_id=upload.project_id)
    own = replace(resources, sessions=sessions_of(resources.sessions, owner))
    complete = partial(
        complete_upload, upload.id, resources=own, now=utc_now(), wait_s=0.0
    )
    try:
        anyio.run(complete)
    except (RequestProblem, SQLAlchemyError, OSError) as exc:
        log.info("upload_not_completed", upload=str(upload.id), reason=str(exc))
        return False
    except Exception:  # It is in no other's way.
        log.exception("upload_stuck", upload=str(upload.id))
        return False
    return True
