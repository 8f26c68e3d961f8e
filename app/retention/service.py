"""Rules are saved here, and what is due to go, goes."""

from dataclasses import asdict, dataclass
from uuid import UUID

import structlog
from sqlalchemy import Select
from sqlalchemy.orm import Session

from app.core.db.base import utc_now
from app.core.db.session import Sessions
from app.core.storage.keys import video_prefix
from app.retention.queries import (
    all_rules,
    clips_of,
    older_videos,
    reports_of,
    save_rules,
    segments_of,
    videos_beyond,
)
from app.retention.tables import RetentionRules
from app.videos.parts import without_files
from app.videos.queries import add_pending_deletion
from app.videos.service import delete_row
from app.videos.tables import Video

# What shows the match. Score curves and the times of frames stay with the events.
FOOTAGE = (
    *("source", "parts", "fetched", "live", "proxy", "thumbnails", "clips", "reports"),
)
BATCH = 20  # videos of a project and rule in one round; the next goes on

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Rules:
    """How long a project keeps what; None: for ever.

    Attributes:
        file_days: after so many days a video's footage goes, and its events stay.
        video_days: after so many days all of a video goes.
        stored_bytes: above that, the footage of the oldest videos goes.
    """

    file_days: int | None = None
    video_days: int | None = None
    stored_bytes: int | None = None


def rules_of(session: Session, project_id: UUID) -> Rules:
    """Read a project's rules."""
    row = session.get(RetentionRules, project_id)
    if row is None:
        return Rules()
    return Rules(row.file_days, row.video_days, row.stored_bytes)


def set_rules(session: Session, project_id: UUID, rules: Rules, *, author: str) -> None:
    """Save a project's rules, in place of all it had."""
    session.execute(save_rules(project_id, asdict(rules), author))


def apply_rules(sessions: Sessions) -> int:
    """Let go what is due in all projects, some videos a round; tell how many."""
    with sessions() as session:
        found = session.scalars(all_rules()).all()
    return sum(_apply(sessions, rules) for rules in found)


def drop_footage(session: Session, video: Video) -> None:
    """Let the file of a video go with all that shows it; its events stay."""
    video.storage_key = video.proxy_key = video.thumbnails = None
    video.parts, video.parts_bytes = without_files(video.parts), None
    video.dropped_at = utc_now()
    session.execute(segments_of(video.id))
    session.execute(clips_of(video.id))
    session.execute(reports_of(video.id))
    for name in FOOTAGE:
        session.execute(add_pending_deletion(f"{video_prefix(video.id)}/{name}"))


def _apply(sessions: Sessions, rules: RetentionRules) -> int:
    project_id, count = rules.project_id, 0
    if rules.video_days is not None:
        due = older_videos(
            project_id, days=rules.video_days, limit=BATCH, with_file=False
        )
        count += _each(sessions, due, delete=True)
    if rules.file_days is not None:
        due = older_videos(
            project_id, days=rules.file_days, limit=BATCH, with_file=True
        )
        count += _each(sessions, due)
    if rules.stored_bytes is not None:
        due = videos_beyond(project_id, stored_bytes=rules.stored_bytes, limit=BATCH)
        count += _each(sessions, due)
    return count


def _each(sessions: Sessions, due: Select[Video], *, delete: bool = False) -> int:
    with sessions.begin() as session:
        videos = session.scalars(due).all()
        for video in videos:
            log.info("retention", video=str(video.id), deletes=delete)
            if delete:
                delete_row(session, video.id)
            else:
                drop_footage(session, video)
    return len(videos)
