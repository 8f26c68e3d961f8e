"""Every change of a job's state, from every state it can be in."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.db.base import new_id, utc_now
from app.core.db.session import Sessions
from app.core.errors import JobIsFinished, JobNotFound
from app.core.settings import Settings
from app.jobs import recovery, service
from app.jobs.attempts import STORAGE_FULL, Failure, Held, JobProgress, LeaseLost
from app.jobs.kinds import JobKind
from app.jobs.requests import request
from app.jobs.tables import Job, JobStatus
from app.videos.tables import Video
from app.webhooks.tables import Delivery

TOKEN = UUID(int=1)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
FAR_OFF = datetime(2100, 1, 1, tzinfo=UTC)
LEASE = {"lease_token": TOKEN, "lease_owner": "gpu@here", "lease_expires_at": FAR_OFF}
RUNNING: dict[str, Any] = {"status": "running", "attempt": 1, **LEASE}
ATTEMPTS, INTERRUPTIONS = 3, 3

STATES: dict[str, dict[str, Any]] = {
    "queued": {"status": "queued"},
    "queued, canceled": {"status": "queued", "cancel_requested": True},
    "queued, spent": {"status": "queued", "attempt": ATTEMPTS},
    "running": RUNNING,
    "running, last attempt": {**RUNNING, "attempt": ATTEMPTS},
    "running, cancel asked": {**RUNNING, "cancel_requested": True},
    "running, of another": {**RUNNING, "lease_token": UUID(int=2)},
    "running, expired": {**RUNNING, "lease_expires_at": LONG_AGO},
    "running, expired, cancel asked": {
        **RUNNING,
        "lease_expires_at": LONG_AGO,
        "cancel_requested": True,
    },
    "running, expired, died often": {
        **RUNNING,
        "lease_expires_at": LONG_AGO,
        "attempt": INTERRUPTIONS,
        "interruptions": INTERRUPTIONS - 1,
    },
    "succeeded": {"status": "succeeded"},
    "failed": {"status": "failed"},
    "canceled": {"status": "canceled", "cancel_requested": True},
}
STALLED = Failure("decoder_stalled", "It stalled.", retryable=True)
FULL = Failure(STORAGE_FULL, "There is no room.", retryable=True)
BROKEN = Failure("unreadable_video", "It is broken.", retryable=False)

Change = Callable[[Session, UUID, Settings], object]


def claim(session: Session, job_id: UUID, settings: Settings) -> object:
    return service.claim(
        session, job_id, token=uuid4(), owner="gpu@new", settings=settings
    )


def renew(session: Session, job_id: UUID, settings: Settings) -> object:
    progress = JobProgress("decode", 0.5, 9.0)
    held = Held(job_id, TOKEN)
    return service.renew(session, held, lease=settings.lease, progress=progress)


def release(session: Session, job_id: UUID, settings: Settings) -> object:
    held = Held(job_id, TOKEN)
    return service.release(session, held, settings=settings, counts_as_attempt=False)


def succeed(session: Session, job_id: UUID, settings: Settings) -> object:
    return service.succeed(
        session, Held(job_id, TOKEN), settings=settings, result={"counts": {"PASS": 1}}
    )


def interrupt(session: Session, job_id: UUID, settings: Settings) -> object:
    return service.interrupt(session, Held(job_id, TOKEN), settings=settings)


def fail_for_now(session: Session, job_id: UUID, settings: Settings) -> object:
    return service.fail(session, Held(job_id, TOKEN), STALLED, settings=settings)


def fail_for_room(session: Session, job_id: UUID, settings: Settings) -> object:
    return service.fail(session, Held(job_id, TOKEN), FULL, settings=settings)


def fail_for_good(session: Session, job_id: UUID, settings: Settings) -> object:
    return service.fail(session, Held(job_id, TOKEN), BROKEN, settings=settings)


def refuse(session: Session, job_id: UUID, settings: Settings) -> object:
    held = Held(job_id, TOKEN)  # There is no other worker.
    return service.refuse(session, held, BROKEN, owner="gpu@new", settings=settings)


def cancel(session: Session, job_id: UUID, settings: Settings) -> object:
    return service.cancel(session, job_id, settings=settings)


def requeue_orphaned(session: Session, job_id: UUID, settings: Settings) -> object:
    return recovery.requeue_orphaned(session, settings=settings)


def mark_dead(session: Session, job_id: UUID, settings: Settings) -> object:
    job = session.get_one(Job, job_id)
    video = session.get_one(Video, job.video_id)
    return recovery.mark_dead(session, job, video, settings=settings)


SAME = "as it was"
Q, R, S, F, C = (status.value for status in JobStatus)
LOST, DONE = [LeaseLost] * 3, [JobIsFinished] * 3

# What comes of each change, in the order of STATES (three that wait, seven that run,
# three that have ended): a status, the same row, or an error.
TABLE: dict[Change, Sequence[object]] = {
    claim: [R, SAME, SAME, *[SAME] * 4, R, SAME, SAME, *[SAME] * 3],
    renew: [*LOST, R, R, R, LeaseLost, R, R, R, *LOST],
    release: [*LOST, Q, Q, C, LeaseLost, Q, C, Q, *LOST],
    succeed: [*LOST, S, S, C, LeaseLost, S, C, S, *LOST],
    interrupt: [*LOST, Q, Q, C, LeaseLost, Q, C, Q, *LOST],
    fail_for_now: [*LOST, Q, F, C, LeaseLost, Q, C, Q, *LOST],
    fail_for_room: [*LOST, Q, Q, C, LeaseLost, Q, C, Q, *LOST],
    fail_for_good: [*LOST, F, F, C, LeaseLost, F, C, F, *LOST],
    refuse: [*LOST, F, F, C, LeaseLost, F, C, F, *LOST],
    cancel: [C, C, C, *[R] * 7, *DONE],
    requeue_orphaned: [SAME, C, F, *[SAME] * 4, Q, C, F, *[SAME] * 3],
    mark_dead: [*[F] * 10, *DONE],
}
CASES = [
    pytest.param(change, state, outcome, id=f"{change.__name__} from {state}")
    for change, outcomes in TABLE.items()
    for state, outcome in zip(STATES, outcomes, strict=True)
]


@pytest.fixture
def limited(settings: Settings) -> Settings:
    limits = {"max_attempts": ATTEMPTS, "max_interruptions": INTERRUPTIONS}
    return settings.model_copy(update=limits)


def make_job(
    sessions: Sessions, state: str, kind: JobKind = JobKind.SPOT
) -> tuple[UUID, UUID]:
    video = Video(
        id=new_id(),
        storage_key="key",
        size_bytes=1,
        sha256="x",
        callback_url="http://127.0.0.1:9/hook",
        created_at=utc_now(),
    )
    job = Job(
        id=new_id(),
        video_id=video.id,
        kind=kind,
        created_at=utc_now(),
        **STATES[state],
    )
    with sessions.begin() as session:
        session.add(video)
        session.flush()
        session.add(job)
    return video.id, job.id


def row_of(sessions: Sessions, job_id: UUID) -> dict[str, object]:
    with sessions() as session:
        job = session.get_one(Job, job_id)
        return {column.key: getattr(job, column.key) for column in Job.__table__.c}


def messages(sessions: Sessions) -> list[str]:
    with sessions() as session:
        return list(session.scalars(select(Delivery.type)))


@pytest.mark.parametrize("kind", JobKind)
def test_a_full_disk_is_no_failure_but_of_what_somebody_waits_for(
    kind: JobKind, sessions: Sessions, limited: Settings
) -> None:
    _, job_id = make_job(sessions, "running")
    with sessions.begin() as session:
        job = session.get_one(Job, job_id)
        job.kind, job.params = kind, {"clip_id": str(new_id())}
    tries = []
    for _ in range(2 * ATTEMPTS):
        if row_of(sessions, job_id)["status"] == "queued":
            with sessions.begin() as session:
                service.claim(
                    session, job_id, token=TOKEN, owner="gpu@new", settings=limited
                )
        with sessions.begin() as session:
            service.fail(session, Held(job_id, TOKEN), FULL, settings=limited)
        row = row_of(sessions, job_id)
        tries.append((row["status"], row["error_code"]))
        if row["status"] == "failed":
            break

    waits = kind.spec.waits_for_room
    assert (tries[-1][0] == "queued") == waits
    assert {code for _, code in tries} == {"storage_full"}
    assert len(tries) == 2 * ATTEMPTS if waits else len(tries) <= ATTEMPTS


@pytest.mark.parametrize(("change", "state", "outcome"), CASES)
def test_each_change_from_each_state_gives_the_next_state_or_an_error(
    change: Change, state: str, outcome: object, sessions: Sessions, limited: Settings
) -> None:
    _, job_id = make_job(sessions, state)
    before = row_of(sessions, job_id)

    if isinstance(outcome, type) and issubclass(outcome, Exception):
        with pytest.raises(outcome), sessions.begin() as session:
            change(session, job_id, limited)
    else:
        with sessions.begin() as session:
            change(session, job_id, limited)

    after = row_of(sessions, job_id)
    if outcome not in set(JobStatus):
        assert after == before
        assert messages(sessions) == []
        return
    assert after["status"] == outcome
    has_ended = JobStatus(str(outcome)).is_final
    assert (after["finished_at"] is not None) == has_ended
    assert (after["lease_owner"] is not None) == (outcome == "running")
    ends = {"succeeded": "completed", "failed": "failed", "canceled": "canceled"}
    expected = [f"video.{ends[str(outcome)]}"] if has_ended else []
    assert messages(sessions) == expected


def test_the_table_names_every_public_function_that_changes_a_state() -> None:
    public = {
        name
        for name, value in vars(service).items()
        if callable(value)
        and getattr(value, "__module__", "") == service.__name__
        and not name.startswith("_")
    }
    driven = {change.__name__.partition("_for_")[0] for change in TABLE}

    assert public - driven == {"has_saved", "keep_stage_seconds"}


def test_a_new_job_waits_in_the_queue(sessions: Sessions) -> None:
    video_id, parent_id = make_job(sessions, "succeeded")

    with sessions.begin() as session:
        job_id = request(
            session,
            kind=JobKind.THUMBNAILS,
            video_id=video_id,
            params={"stills": 5},
            priority=2,
            parent_id=parent_id,
        ).id

    row = row_of(sessions, job_id)
    assert (row["status"], row["kind"], row["priority"]) == ("queued", "thumbnails", 2)
    assert row["params"] == {"stills": 5}
    with sessions() as session:
        asked_at, of_parent = (
            session.get_one(Job, one).created_at for one in (job_id, parent_id)
        )
    assert asked_at > of_parent
    assert (row["video_id"], row["parent_id"]) == (video_id, parent_id)


@pytest.mark.parametrize("change", [succeed, fail_for_good, release])
def test_the_end_of_a_job_that_does_not_speak_for_the_video_is_told_to_nobody(
    change: Change, sessions: Sessions, limited: Settings
) -> None:
    _, job_id = make_job(sessions, "running", JobKind.THUMBNAILS)

    with sessions.begin() as session:
        change(session, job_id, limited)

    assert messages(sessions) == []


def test_a_job_without_a_video_is_claimed_renewed_and_ended_like_any(
    sessions: Sessions, limited: Settings
) -> None:
    with sessions.begin() as session:
        job = request(session, kind=JobKind.THUMBNAILS, video_id=None)
        claimed = service.claim(
            session, job.id, token=TOKEN, owner="media@here", settings=limited
        )
    assert claimed is not None
    with sessions.begin() as session:
        assert not service.renew(session, claimed.held, lease=limited.lease)
        service.succeed(session, claimed.held, settings=limited, result={})

    assert row_of(sessions, job.id)["status"] == "succeeded"
    with sessions() as session:
        assert service.has_saved(session, claimed.held)
        assert service.has_saved(session, Held(job.id, uuid4())) is False
        assert service.has_saved(session, Held(uuid4(), TOKEN)) is None


def test_an_orphan_without_a_video_goes_back_into_the_queue(
    sessions: Sessions, limited: Settings
) -> None:
    with sessions.begin() as session:
        job = request(session, kind=JobKind.THUMBNAILS, video_id=None)
        for name, value in STATES["running, expired"].items():
            setattr(job, name, value)
    with sessions.begin() as session:
        back = recovery.requeue_orphaned(session, settings=limited)

    assert back.requeued == [(job.id, JobKind.THUMBNAILS)]
    assert row_of(sessions, job.id)["interruptions"] == 1


def test_an_orphan_of_a_kind_that_only_another_release_knows_is_left_to_it(
    sessions: Sessions, limited: Settings
) -> None:
    _, known = make_job(sessions, "running, expired")
    _, unknown = make_job(sessions, "running, expired")
    with sessions.begin() as session:
        session.get_one(Job, unknown).kind = "highlights"
    with sessions.begin() as session:
        back = recovery.requeue_orphaned(session, settings=limited)

    assert back.requeued == [(known, JobKind.SPOT)]
    assert row_of(sessions, unknown)["status"] == "running"


def test_what_is_saved_with_a_success_is_written_with_it_or_not_at_all(
    sessions: Sessions, limited: Settings
) -> None:
    video_id, job_id = make_job(sessions, "running")

    def save(session: Session) -> None:
        session.get_one(Video, video_id).title = "written"
        raise RuntimeError("the disk is full")

    with pytest.raises(RuntimeError), sessions.begin() as session:
        service.succeed(
            session, Held(job_id, TOKEN), settings=limited, result={}, save=save
        )

    assert row_of(sessions, job_id)["status"] == "running"
    with sessions() as session:
        assert session.get_one(Video, video_id).title is None


def test_a_job_that_is_not_there_cannot_be_canceled(
    sessions: Sessions, limited: Settings
) -> None:
    with pytest.raises(JobNotFound), sessions.begin() as session:
        service.cancel(session, uuid4(), settings=limited)
