"""What the sweep finds after workers, brokers and processes died."""

import errno
import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import Update, func, select, text
from sqlalchemy.exc import ProgrammingError

from app.core.broker.notifier import (
    BACKGROUND_QUEUE,
    GPU_QUEUE,
    JobNotifier,
    make_celery,
)
from app.core.db.session import Sessions
from app.core.process_identity import ProcessIdentity
from app.core.settings import Settings
from app.core.storage.interface import ObjectInfo, Storage
from app.core.storage.local import LocalStorage
from app.health.queries import save_heartbeat
from app.health.tables import WorkerHeartbeat
from app.jobs.claiming import claim_job
from app.jobs.kinds import JobKind
from app.jobs.recovery import requeue_orphaned
from app.jobs.tables import Job, JobStatus
from app.videos.queries import add_pending_deletion
from app.videos.tables import PendingDeletion, Video
from tests.integration.uploaded import Uploaded, upload
from worker.sweeper import ONE_SWEEP, SweepResult, sweep

HOOK = "http://127.0.0.1:9/hook"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
FAR_OFF = datetime(2100, 1, 1, tzinfo=UTC)
PATIENCE_S = 60.0


@pytest.fixture
def job(tmp_path: Path, sessions: Sessions, storage: Storage) -> Uploaded:
    (tmp_path / "video").write_bytes(b"bytes")
    return upload(
        tmp_path / "video", sessions=sessions, storage=storage, callback_url=HOOK
    )


@pytest.fixture
def held(job: Uploaded) -> Uploaded:
    """A job whose worker died long ago, in its first attempt."""
    job.set(
        status=JobStatus.RUNNING,
        attempt=1,
        progress=0.5,
        stage="spot",
        lease_token=uuid4(),
        lease_owner="gpu@dead",
        lease_expires_at=LONG_AGO,
    )
    return job


@pytest.fixture
def do_sweep(
    settings: Settings, sessions: Sessions, storage: Storage, notifier: JobNotifier
) -> "Sweep":
    return Sweep(settings, sessions, storage, notifier)


class Sweep:
    """Sweeps with the test's parts."""

    def __init__(
        self,
        settings: Settings,
        sessions: Sessions,
        storage: Storage,
        notifier: JobNotifier,
    ) -> None:
        self.settings = settings
        self.sessions = sessions
        self.storage = storage
        self.notifier = notifier

    def __call__(self, *, look_for_lost_objects: bool = False) -> SweepResult | None:
        return sweep(
            settings=self.settings,
            sessions=self.sessions,
            storage=self.storage,
            notifier=self.notifier,
            look_for_lost_objects=look_for_lost_objects,
        )


def claim(job: Uploaded, settings: Settings) -> Update:
    return claim_job(
        job.job_id,
        token=uuid4(),
        owner="gpu@new",
        lease=settings.lease,
        max_attempts=settings.max_attempts,
        max_interruptions=settings.max_interruptions,
    )


def test_a_queued_job_whose_message_was_lost_is_told_of_again(
    job: Uploaded, do_sweep: Sweep, notifier: JobNotifier
) -> None:
    assert do_sweep() == SweepResult(notified=1)
    assert notifier.waiting(GPU_QUEUE) == 1


def test_messages_do_not_pile_up_while_nobody_takes_them(
    job: Uploaded, do_sweep: Sweep, notifier: JobNotifier
) -> None:
    for _ in range(3):
        do_sweep()

    assert notifier.waiting(GPU_QUEUE) == 1


def test_a_job_whose_worker_died_goes_back_into_the_queue(
    held: Uploaded, do_sweep: Sweep
) -> None:
    assert do_sweep() == SweepResult(requeued=1, notified=1)

    row = held.job()
    assert (row.status, row.attempt) == ("queued", 1)
    assert (row.lease_token, row.progress, row.stage) == (None, 0.0, None)


def test_a_job_whose_lease_still_holds_is_left_alone(
    held: Uploaded, do_sweep: Sweep
) -> None:
    held.set(lease_expires_at=FAR_OFF)

    assert do_sweep() == SweepResult()
    assert held.job().status == "running"


def test_a_job_that_kills_every_worker_is_given_up_and_the_video_is_not_blamed(
    held: Uploaded, do_sweep: Sweep, notifier: JobNotifier
) -> None:
    held.set(attempt=10, interruptions=9)

    found = do_sweep()

    row = held.job()
    assert found == SweepResult(marked_dead=1, deliveries=1)
    assert (row.status, row.error_code) == ("failed", "worker_died")
    assert row.error_retryable is True
    assert "10 times" in str(row.error_detail)
    assert "not of the video" in str(row.error_detail)
    assert row.finished_at is not None
    (delivery,) = held.deliveries()
    body = json.loads(delivery.body)
    assert body["type"] == "video.failed"
    assert body["data"]["error"]["code"] == "worker_died"
    assert notifier.waiting(BACKGROUND_QUEUE) == 1


def test_deaths_of_workers_do_not_use_up_the_attempts_of_a_job(
    held: Uploaded, do_sweep: Sweep, settings: Settings
) -> None:
    for deaths in range(1, 6):  # Each with a claim of its own.
        do_sweep()
        row = held.job()
        assert (row.status, row.interruptions) == ("queued", deaths)
        assert (row.error_code, row.attempt - row.interruptions) == (None, 0)
        held.set(
            status=JobStatus.RUNNING,
            attempt=row.attempt + 1,
            lease_token=uuid4(),
            lease_owner="gpu@dead",
            lease_expires_at=LONG_AGO,
        )


def test_a_job_taken_over_from_a_silent_worker_counts_its_death_once(
    held: Uploaded, sessions: Sessions, settings: Settings
) -> None:
    held.set(attempt=3)

    with sessions.begin() as session:
        claimed = session.execute(claim(held, settings).returning(Job.attempt)).all()
    with sessions.begin() as session:
        again = session.execute(claim(held, settings).returning(Job.attempt)).all()

    assert (len(claimed), again) == (1, [])
    assert (held.job().attempt, held.job().interruptions) == (4, 1)


def test_a_job_that_failed_by_itself_as_often_as_allowed_is_not_claimed(
    job: Uploaded, sessions: Sessions, settings: Settings
) -> None:
    job.set(attempt=5, interruptions=2)

    with sessions.begin() as session:
        assert session.execute(claim(job, settings).returning(Job.id)).all() == []


def test_a_canceled_job_whose_worker_died_ends_canceled(
    held: Uploaded, do_sweep: Sweep
) -> None:
    held.set(cancel_requested=True)

    do_sweep()

    assert held.job().status == "canceled"
    assert [one.type for one in held.deliveries()] == ["video.canceled"]


def test_a_waiting_job_with_a_pending_cancel_ends_canceled(
    job: Uploaded, do_sweep: Sweep
) -> None:
    job.set(cancel_requested=True)

    assert do_sweep() == SweepResult(deliveries=1)
    assert job.job().status == "canceled"
    assert job.job().finished_at is not None
    assert [one.type for one in job.deliveries()] == ["video.canceled"]


def test_a_waiting_job_tried_too_often_is_given_up_with_its_last_error(
    job: Uploaded, do_sweep: Sweep
) -> None:
    job.set(attempt=3, error_code="decoder_crashed", error_detail="It died.")

    assert do_sweep() == SweepResult(marked_dead=1, deliveries=1)

    row = job.job()
    assert (row.status, row.error_code) == ("failed", "too_many_attempts")
    assert row.error_detail == "The job failed 3 times. It died."


def test_a_sweep_leaves_a_job_alone_whose_video_is_being_deleted(
    held: Uploaded, do_sweep: Sweep, sessions: Sessions
) -> None:
    held.set(attempt=10, interruptions=9)
    with sessions.begin() as deletion:
        deletion.get_one(Video, held.video_id, with_for_update=True)

        assert do_sweep() == SweepResult()

    assert do_sweep() == SweepResult(marked_dead=1, deliveries=1)


def test_a_job_of_a_dead_process_of_this_machine_is_taken_back_at_once(
    held: Uploaded, settings: Settings, sessions: Sessions
) -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        owner = ProcessIdentity.of(process.pid)
        held.set(lease_expires_at=FAR_OFF, lease_owner=str(owner))
        with sessions.begin() as session:
            while_it_lives = requeue_orphaned(session, settings=settings)
        process.kill()
    with sessions.begin() as session:
        after_its_death = requeue_orphaned(session, settings=settings)

    assert while_it_lives.requeued == []
    assert after_its_death.requeued == [(held.job_id, JobKind.SPOT)]
    assert (held.job().status, held.job().interruptions) == ("queued", 1)


def test_a_job_of_a_process_that_nothing_is_known_of_waits_for_its_lease(
    held: Uploaded, settings: Settings, sessions: Sessions
) -> None:
    gone = replace(ProcessIdentity.current(), started="1")
    for owner in ("gpu@here", str(replace(gone, machine="elsewhere/4026531836"))):
        held.set(lease_expires_at=FAR_OFF, lease_owner=owner)
        with sessions.begin() as session:
            assert requeue_orphaned(session, settings=settings).requeued == []


def test_only_one_sweep_runs_at_a_time(
    job: Uploaded, do_sweep: Sweep, sessions: Sessions
) -> None:
    with sessions.begin() as other:
        other.execute(select(func.pg_advisory_xact_lock(ONE_SWEEP)))

        assert do_sweep() is None

    assert do_sweep() == SweepResult(notified=1)


def test_the_lock_of_a_sweep_covers_its_whole_round(
    job: Uploaded, do_sweep: Sweep, notifier: JobNotifier
) -> None:
    seen: list[SweepResult | None] = []

    class Other(JobNotifier):
        """Sweeps in the middle of the round, when the first transaction is over."""

        def waiting(self, queue: str) -> int | None:
            do_sweep.notifier = notifier
            seen.append(do_sweep())
            return super().waiting(queue)

    do_sweep.notifier = Other(make_celery(do_sweep.settings))

    assert do_sweep() == SweepResult(notified=1)
    assert seen == [None]


def test_a_round_that_hangs_does_not_keep_others_from_sweeping_for_ever(
    job: Uploaded,
    do_sweep: Sweep,
    notifier: JobNotifier,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[SweepResult | None] = []
    monkeypatch.setattr("worker.sweeper.LONGEST_ROUND", timedelta(milliseconds=200))

    class Hanging(JobNotifier):
        """Answers once another process could sweep."""

        def waiting(self, queue: str) -> int | None:
            do_sweep.notifier = notifier
            deadline = time.monotonic() + PATIENCE_S
            while not any(seen) and time.monotonic() < deadline:
                seen.append(do_sweep())
            return super().waiting(queue)

    do_sweep.notifier = Hanging(make_celery(do_sweep.settings))
    do_sweep()

    assert seen[-1] == SweepResult(notified=1)


@pytest.mark.costly
def test_a_broker_that_is_down_does_not_stop_the_sweep(
    held: Uploaded, do_sweep: Sweep, settings: Settings
) -> None:
    nowhere = settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"})
    do_sweep.notifier = JobNotifier(make_celery(nowhere))

    assert do_sweep() == SweepResult(requeued=1)


def test_beats_of_workers_long_gone_are_forgotten(
    do_sweep: Sweep, sessions: Sessions
) -> None:
    with sessions.begin() as session:
        session.execute(save_heartbeat(name="gpu@old", kind="gpu", info={}))
        session.execute(save_heartbeat(name="gpu@new", kind="gpu", info={}))
        old = session.get_one(WorkerHeartbeat, "gpu@old")
        old.seen_at -= timedelta(hours=2)

    do_sweep()

    with sessions() as session:
        assert list(session.scalars(select(WorkerHeartbeat.name))) == ["gpu@new"]


def test_a_step_that_fails_keeps_no_other_from_its_turn(
    held: Uploaded, do_sweep: Sweep, notifier: JobNotifier
) -> None:
    with do_sweep.sessions.begin() as session:
        session.execute(text("alter table retention_rules rename to elsewhere"))
        session.execute(text("alter table clips rename to clips_elsewhere"))
        session.execute(add_pending_deletion("videos/of-a-deleted-one"))

    with pytest.raises(ProgrammingError, match="retention_rules"):
        do_sweep()

    assert held.job().status == JobStatus.QUEUED
    assert notifier.waiting(GPU_QUEUE) == 1
    with do_sweep.sessions() as session:
        deletion = session.get_one(PendingDeletion, "videos/of-a-deleted-one")
        assert deletion.deleted_at is not None


def test_what_is_deleted_goes_though_unfinished_files_cannot_be_removed(
    do_sweep: Sweep, sessions: Sessions, tmp_path: Path
) -> None:
    class Refusing(LocalStorage):
        def remove_unfinished(self) -> int:
            raise PermissionError(errno.EACCES, "not yours")

    do_sweep.storage = Refusing(tmp_path / "data")
    do_sweep.storage.put("videos/deleted/source", b"bytes")
    with sessions.begin() as session:
        session.execute(add_pending_deletion("videos/deleted"))

    assert do_sweep() == SweepResult(orphans=1)
    assert list(do_sweep.storage.list("videos")) == []


def test_waiting_jobs_are_told_of_before_all_objects_are_listed(
    job: Uploaded, do_sweep: Sweep, notifier: JobNotifier, tmp_path: Path
) -> None:
    told: list[int | None] = []

    class Slow(LocalStorage):
        def list(self, prefix: str) -> Iterator[ObjectInfo]:
            told.append(notifier.waiting(GPU_QUEUE))
            return super().list(prefix)

    do_sweep.storage = Slow(tmp_path / "data")

    do_sweep(look_for_lost_objects=True)

    assert set(told) == {1}
