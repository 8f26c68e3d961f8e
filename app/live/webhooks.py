"""Webhooks of live streams: `event.created` tells events that have become final."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.live.queries import final_after
from app.live.tables import LiveChange, LiveStream
from app.live.wire import change_item
from app.videos.tables import Video
from app.webhooks.service import announce

MESSAGE = "event.created"
MOST = 500  # events in one message


def tell_events(session: Session, video_id: UUID, *, base_url: str) -> UUID | None:
    """Write the messages of what has become final since the ones before.

    The stream's row must be locked by this transaction, as what writes it does.

    Returns:
        A message to announce; None: there is nothing to tell, or nobody is told.
    """
    stream = session.get_one(LiveStream, video_id, populate_existing=True)
    found = session.scalars(
        final_after(video_id, stream.told_changes, limit=MOST)
    ).all()
    if not found:
        return None
    stream.told_changes = found[-1].number
    project = select(Video.project_id).where(Video.id == video_id)
    return announce(
        session,
        MESSAGE,
        project_id=session.scalars(project).one(),
        data=_data(video_id, found, base_url=base_url),
        video_id=video_id,
    )


def _data(
    video_id: UUID, found: Sequence[LiveChange], *, base_url: str
) -> dict[str, object]:
    return {
        "video_id": str(video_id),
        "items": [change_item(one) for one in found],
        "links": {
            "video": f"{base_url}/videos/{video_id}",
            "events": f"{base_url}/videos/{video_id}/events",
            "live": f"{base_url}/live/{video_id}",
        },
    }
