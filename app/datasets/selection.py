"""Which videos a data set is made of."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.annotations.tables import ReviewedStretch
from app.datasets.problems import ExportFailed
from app.videos.tables import Video


def reviewed_videos(project_id: UUID) -> Select[UUID]:
    """List the videos of a project of which something is reviewed, the oldest first."""
    return (
        select(Video.id)
        .where(
            Video.project_id == project_id,
            Video.id.in_(select(ReviewedStretch.video_id)),
        )
        .order_by(Video.id)
    )


def choose_videos(
    session: Session, project_id: UUID, wanted: Sequence[str]
) -> list[UUID]:
    """Choose the videos that are named, or all of which something is reviewed.

    Raises:
        ExportFailed: what is named is no video of the project, or there is none.
    """
    if not wanted:
        found = list(session.scalars(reviewed_videos(project_id)))
        if not found:
            raise ExportFailed(
                "no video of the project is reviewed yet: mark the stretches in which "
                "every event has been looked at (V in the review)"
            )
        return found
    ids = dict.fromkeys(map(_id_of, wanted))
    known = set(
        session.scalars(
            select(Video.id).where(Video.project_id == project_id, Video.id.in_(ids))
        )
    )
    missing = [str(one) for one in ids if one not in known]
    if missing:
        raise ExportFailed(f"the project has no video {', '.join(missing)}")
    return list(ids)


def _id_of(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as exc:
        raise ExportFailed(f"{text!r} is no id of a video") from exc
