"""What runs left of a clip of several matches goes, whichever match is deleted."""

from uuid import UUID

import pytest

from app.clips.clip_options import ClipOptions
from app.clips.lost_clips import forget_clips
from app.clips.tables import Clip, ClippedEvent, StoredCut
from app.core.db.base import new_id, utc_now
from app.core.db.session import Sessions
from app.core.settings import Settings
from app.core.storage.interface import Storage
from app.core.storage.keys import match_clip_key, source_key
from app.videos.cleanup import clean_up
from app.videos.tables import Video


@pytest.mark.parametrize("order", ["time", "score"])
def test_a_file_of_a_run_that_died_goes_with_the_first_match_in_every_order(
    sessions: Sessions, settings: Settings, storage: Storage, order: str
) -> None:
    first, second, clip_id = new_id(), new_id(), new_id()
    shown = [first, second] if order == "time" else [second, first]
    with sessions.begin() as session:
        session.add(
            Video(id=second, storage_key=source_key(second), created_at=utc_now())
        )
        session.flush()
        session.add(
            Clip(
                **{"id": clip_id, "form": "reel", "mode": "exact"},
                options=ClipOptions(1.0, 1.0, merge=True, order="score").stored(),
                events=[_event(first), _event(second)],
                cuts=[_cut(one) for one in shown],
                created_at=utc_now(),
            )
        )
    storage.put(match_clip_key(first, clip_id, new_id(), ".mp4"), b"of a run that died")

    forget_clips(sessions, settings=settings)
    clean_up(sessions=sessions, storage=storage)

    assert list(storage.list("clips")) == []


def _event(video_id: UUID) -> ClippedEvent:
    return {
        "id": f"of {video_id}",
        "type": "PASS",
        "time_ms": 500,
        "frame": 5,
        "score": 0.5,
        "team": None,
        "video_id": str(video_id),
    }


def _cut(video_id: UUID) -> StoredCut:
    return {
        "first": 0,
        "until": 9,
        "start_s": 0.0,
        "end_s": 1.0,
        "events": [f"of {video_id}"],
        "video_id": str(video_id),
    }
