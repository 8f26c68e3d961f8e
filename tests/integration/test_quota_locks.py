"""Who looks at a quota locks videos first: two requests never wait for each other."""

import threading
import time
from collections.abc import Callable
from uuid import UUID

import pytest
from sqlalchemy import select, text

from app.batches.feeding import advance_batches
from app.batches.items import BatchSourceItem
from app.batches.service import BatchRequest, create_batch
from app.batches.tables import Batch, BatchStatus
from app.core.db.base import new_id, utc_now
from app.core.db.session import Sessions
from app.core.principal import DEFAULT_PROJECT_ID
from app.core.settings import Settings
from app.core.storage.keys import source_key
from app.jobs.bulk import AnalysisRequest, BulkResult, analyse_many
from app.jobs.kinds import JobKind
from app.jobs.requests import request
from app.projects.quotas import take_queue
from app.projects.tables import Project
from app.videos.queries import lock_video
from app.videos.tables import Video

WAITS = text(
    "select count(*) from pg_stat_activity "
    "where datname = current_database() and wait_event_type = 'Lock'"
)
Ask = Callable[[Sessions, Settings, list[UUID]], object]


def ask_for_many(sessions: Sessions, _: Settings, videos: list[UUID]) -> BulkResult:
    wanted = AnalysisRequest("tiny", None, None, 0)
    return analyse_many(videos, wanted, sessions=sessions)


def feed_a_batch(sessions: Sessions, settings: Settings, videos: list[UUID]) -> object:
    wanted = BatchRequest({}, model="tiny", weights={}, priority=-5)
    with sessions.begin() as session:
        named = [BatchSourceItem("video", str(one)) for one in videos]
        create_batch(session, wanted, named)
    return advance_batches(sessions, settings=settings)


@pytest.mark.parametrize("ask", [ask_for_many, feed_a_batch])
def test_many_videos_and_one_that_is_asked_for_meanwhile(
    sessions: Sessions, settings: Settings, ask: Ask
) -> None:
    videos = _stored_videos(sessions, 3)
    failed: list[Exception] = []

    def many() -> None:
        try:
            ask(sessions, settings, videos)
        except Exception as exc:  # noqa: BLE001  # told below
            failed.append(exc)

    other = threading.Thread(target=many)
    with sessions.begin() as session:
        session.execute(lock_video(videos[1]))
        other.start()
        _until_somebody_waits(sessions)
        take_queue(session, DEFAULT_PROJECT_ID)
    other.join()

    assert not failed


def test_a_batch_that_is_canceled_and_videos_that_are_asked_for_meanwhile(
    sessions: Sessions, settings: Settings
) -> None:
    first, last = sorted(_stored_videos(sessions, 2))
    feed_a_batch(sessions, settings, [last, first])
    with sessions.begin() as session:
        session.scalars(select(Batch)).one().status = BatchStatus.CANCELING
    failed: list[Exception] = []

    def cancel() -> None:
        try:
            advance_batches(sessions, settings=settings)
        except Exception as exc:  # noqa: BLE001  # told below
            failed.append(exc)

    other = threading.Thread(target=cancel)
    with sessions.begin() as session:  # holds both, as requests do: see `lock_videos`
        session.execute(lock_video(first))
        other.start()
        _until_somebody_waits(sessions)
        session.execute(lock_video(last))
    other.join()

    assert not failed
    with sessions() as session:
        assert session.scalars(select(Batch)).one().status == BatchStatus.CANCELED


def test_an_analysis_that_is_asked_for_twice_at_once_is_queued_once(
    sessions: Sessions, settings: Settings
) -> None:
    (video,) = _stored_videos(sessions, 1)
    skipped: list[str] = []

    def again() -> None:
        found = ask_for_many(sessions, settings, [video])
        skipped.extend(why for _, why, _ in found.skipped)

    other = threading.Thread(target=again)
    with sessions.begin() as session:
        session.execute(lock_video(video))
        other.start()
        _until_somebody_waits(sessions)
        params = {"model": "tiny"}
        request(session, kind=JobKind.SPOT, video_id=video, params=params)
    other.join()

    assert skipped == ["waits"]


def _stored_videos(sessions: Sessions, count: int) -> list[UUID]:
    ids = [new_id() for _ in range(count)]
    with sessions.begin() as session:
        session.get_one(Project, DEFAULT_PROJECT_ID).max_queued_hours = 100.0
        for one in ids:
            session.add(
                Video(id=one, storage_key=source_key(one), created_at=utc_now())
            )
    return ids


def _until_somebody_waits(sessions: Sessions) -> None:
    for _ in range(500):
        with sessions() as session:
            if session.scalar(WAITS):
                return
        time.sleep(0.01)
    pytest.fail("nobody waits for a lock")
