"""What waits for one client of a stream, however slowly it reads."""

import asyncio
from collections.abc import Iterable
from uuid import UUID

import pytest

from app.streams import subscription
from app.streams.changes import JobState, Snapshot, Step, Steps, VideoState
from app.streams.subscription import StreamScope, Subscription

PROJECT, OTHER, VIDEO = UUID(int=1), UUID(int=2), UUID(int=3)


def job(number: int, *, progress: float = 0.0, project_id: UUID = PROJECT) -> JobState:
    return JobState(
        id=UUID(int=number),
        video_id=VIDEO,
        project_id=project_id,
        kind="spot",
        status="running",
        stage="spot",
        progress=progress,
        eta_s=None,
        error_code=None,
        error_detail=None,
    )


def found_jobs(jobs: Iterable[JobState]) -> Snapshot:
    return Snapshot(jobs={one.id: one for one in jobs})


def found_steps(revisions: Iterable[int]) -> Snapshot:
    steps = [Step(one, UUID(int=one), "local", []) for one in revisions]
    state = VideoState(steps[-1].revision, "facts", "", "")
    return Snapshot(videos={VIDEO: state}, steps={VIDEO: Steps(0, steps)})


def waiting(of: Subscription) -> list[str]:
    """Read what waits: the name of each event, and its id if it has one."""

    async def first() -> bytes:
        return await anext(aiter(of.messages()))

    blocks = asyncio.run(first()).decode().split("\n\n")[:-1]
    told = [dict(line.split(": ", 1) for line in one.splitlines()) for one in blocks]
    return [f"{one['event']} {one.get('id', '')}".strip() for one in told]


def library() -> Subscription:
    return Subscription(StreamScope(PROJECT), state=None, after=None)


def test_progress_that_was_not_read_is_replaced_by_newer() -> None:
    client = library()

    for percent in range(100):
        client.take(found_jobs([job(1, progress=percent / 100)]))

    assert waiting(client) == ["state", "job"]


def test_a_job_that_has_not_changed_is_not_told_again() -> None:
    client = library()
    client.take(found_jobs([job(1)]))
    waiting(client)

    client.take(found_jobs([job(1), job(2)]))

    assert waiting(client) == ["job"]


def test_jobs_of_other_projects_never_wait() -> None:
    client = library()

    client.take(found_jobs([job(1, project_id=OTHER)]))

    assert waiting(client) == ["state"]


def test_who_reads_too_slowly_is_told_to_read_all_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(subscription, "MAX_WAITING", 5)
    client = library()

    client.take(found_jobs(job(number) for number in range(1, 8)))

    told = waiting(client)
    assert told[:2] == ["state", "reset"]
    assert len(told) <= 5


def test_decisions_that_overflow_are_not_lost_without_a_word(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(subscription, "MAX_WAITING", 5)
    state = VideoState(0, "facts", "", "")
    client = Subscription(StreamScope(PROJECT, VIDEO), state=state, after=None)

    client.take(found_steps(range(1, 4)))
    client.take(found_steps(range(1, 10)))

    told = waiting(client)
    assert told[:2] == ["state 0", "reset 9"]
    assert client.revision == 9
