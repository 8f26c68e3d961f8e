"""Uploaded files that no video is to be joined of: those that came and were joined."""

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.storage.keys import is_joined_part_key, video_of
from app.videos.lost_objects import ObjectOwner
from app.videos.tables import Video


def _find_lost(session: Session, keys: Collection[str]) -> set[str]:
    videos = {video_of(key) for key in keys}
    rows = session.execute(
        select(Video.id, Video.parts).where(Video.id.in_(videos))
    ).all()
    needed = {
        row.id: {file["storage_key"] for file in row.parts["files"]}
        if row.parts
        else set()
        for row in rows
    }
    return {key for key in keys if key not in needed.get(video_of(key), {key})}


PARTS = ObjectOwner("parts", is_joined_part_key, _find_lost)
