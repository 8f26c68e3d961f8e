"""Which stored files of reports nobody needs any more."""

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.storage.keys import is_report_key, video_of
from app.reports.queries import files_of
from app.videos.lost_objects import ObjectOwner
from app.videos.tables import Video


def _find_lost(session: Session, keys: Collection[str]) -> set[str]:
    """Find those that no report names: of deleted reports, and of lost runs."""
    named = set(session.scalars(files_of(keys)))
    ids = {video_of(key) for key in keys}
    known = set(session.scalars(select(Video.id).where(Video.id.in_(ids))))
    return {key for key in keys if video_of(key) in known and key not in named}


REPORTS = ObjectOwner("reports", is_report_key, _find_lost)
