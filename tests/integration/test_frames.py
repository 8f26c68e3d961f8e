"""When each frame of a video is shown: stored by its jobs, told over HTTP.

Postgres, storage, decoding and the network are real.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest

from app.core.broker.notifier import JobNotifier
from app.core.db.session import Sessions
from app.core.errors import StorageFull
from app.core.settings import Settings
from app.core.storage.interface import Storage, StoredFile
from app.core.storage.keys import frame_times_key, is_frame_times_key, video_prefix
from app.core.storage.local import LocalStorage
from app.jobs.kinds import JobKind
from app.jobs.tables import JobStatus
from app.videos.frame_times import (
    fallback_from_facts,
    load_frame_times,
    show_frame_times,
)
from app.videos.lost_frame_times import FRAME_TIMES
from app.videos.lost_objects import sweep_lost_objects
from app.videos.tables import Video
from model.data.formats.base import ReadOptions
from model.data.formats.reading import read_events
from model.spotting.predictor import Predictor, load_predictor
from model.video.frame_times import FrameTimes
from tests.api_server import RunningApi, running_api
from tests.fakes import MemoryStorage
from tests.integration.uploaded import Uploaded, upload
from tests.videos import draw_video
from worker.handlers.frame_times import make_frame_times
from worker.handlers.spot import spot
from worker.job_task import JobTask
from worker.outcomes import WorkerContext
from worker.runner import run_job

UNEVEN_MS = [0, 33, 50, 70, 400, 433, 441, 500, 520, 533, 1600, 1633]


@pytest.fixture(scope="module")
def predictor(checkpoint: Path) -> Predictor:
    return load_predictor(checkpoint, engine="openvino")


@pytest.fixture
def context(
    settings: Settings,
    sessions: Sessions,
    storage: Storage,
    notifier: JobNotifier,
    predictor: Predictor,
) -> WorkerContext:
    class Shelf:
        def get(self, name: str | None) -> Predictor:
            return predictor

    return WorkerContext(
        settings=settings,
        sessions=sessions,
        storage=storage,
        predictors=Shelf(),
        notifier=notifier,
        node="gpu@test",
        leaving=threading.Event(),
    )


class Told:
    """A reporter that remembers what it was told."""

    def __init__(self) -> None:
        self.stages: list[tuple[str, float]] = []

    def progress(self, stage: str, done: float, eta_s: float | None = None) -> None:
        self.stages.append((stage, done))

    def touch(self) -> None:
        pass


def draw(path: Path, times_ms: Sequence[int] | None = UNEVEN_MS) -> Path:
    draw_video(path, times_ms=times_ms, frames=90, b_frames=2)
    return path


def run(job: Uploaded, context: WorkerContext) -> JobStatus | None:
    return run_job(job.job_id, context=context, handlers={JobKind.SPOT: spot})


def ask(
    api: RunningApi, job: Uploaded, query: str = "", etag: str = ""
) -> Mapping[str, object]:
    answer = api.client.get(
        f"/videos/{job.video_id}/frames{query}", headers={"if-none-match": etag}
    )
    return {"status": answer.status_code} | (answer.json() if answer.content else {})


def test_a_run_leaves_the_time_of_every_frame_by_the_index_of_its_events(
    tmp_path: Path, context: WorkerContext, sessions: Sessions, storage: Storage
) -> None:
    video = draw(tmp_path / "match.mp4")
    job = upload(video, sessions=sessions, storage=storage)

    status = run(job, context)

    assert status is JobStatus.SUCCEEDED
    times = load_frame_times(job.video(), storage)
    assert times is not None
    assert times.times_s.tolist() == pytest.approx([ms / 1000 for ms in UNEVEN_MS])
    assert str(job.job().lease_token) in str(job.video().frame_times_key)
    events = job.events()
    assert events
    for event in events:
        assert round(times.time_of(event.frame) * 1000) == event.time_ms
        assert times.frame_at(event.time_ms / 1000) == event.frame


@pytest.mark.costly
def test_files_of_events_follow_the_times_of_frames(
    tmp_path: Path, context: WorkerContext, sessions: Sessions, storage: Storage
) -> None:
    video = draw(tmp_path / "match.mp4")
    job = upload(video, sessions=sessions, storage=storage)
    run(job, context)
    times = load_frame_times(job.video(), storage)
    assert times is not None

    with running_api(context.settings) as api:
        path = f"/videos/{job.video_id}/events"
        instances = api.client.get(f"{path}.sportscode.xml")
        labels = api.client.get(f"{path}.soccernet-labels.json")
        cuts = api.client.get(f"{path}.edl")

    expected = [(event.label, event.frame) for event in job.events()]
    for answer in (instances, labels):
        read = read_events(answer.content, options=ReadOptions(times))
        found = [(event.label, event.frame) for event in read.events]
        assert sorted(found) == sorted(expected)
    assert cuts.status_code == 422
    assert "constant rate" in cuts.json()["detail"]


@pytest.mark.costly
def test_times_of_a_varying_rate_are_told_and_cut(
    tmp_path: Path, context: WorkerContext, sessions: Sessions, storage: Storage
) -> None:
    video = draw(tmp_path / "match.mp4")
    job = upload(video, sessions=sessions, storage=storage)
    run(job, context)

    with running_api(context.settings) as api:
        whole = ask(api, job)
        part = ask(api, job, "?from=3&to=5")
        past = ask(api, job, "?from=12")
        bad = ask(api, job, "?from=-1")
        etag = api.client.get(f"/videos/{job.video_id}/frames").headers["etag"]
        again = ask(api, job, etag=etag)
        lost = api.client.get(f"/videos/{uuid4()}/frames")

    assert whole["times_s"] == [ms / 1000 for ms in UNEVEN_MS]
    assert (whole["count"], whole["first"], whole["start_s"]) == (12, 0, 0.0)
    assert (whole["is_constant"], whole["is_exact"]) == (False, True)
    assert whole["duration_s"] == pytest.approx(1.666, abs=0.001)
    assert (part["times_s"], part["first"]) == ([0.07, 0.4, 0.433], 3)
    assert (past["times_s"], past["first"]) == ([], 12)
    assert bad["status"] == 422
    assert again == {"status": 304}
    assert lost.status_code == 404


@pytest.mark.costly
def test_times_of_a_constant_rate_are_told_only_if_asked_for(
    tmp_path: Path, context: WorkerContext, sessions: Sessions, storage: Storage
) -> None:
    video = draw(tmp_path / "match.mp4", times_ms=None)
    job = upload(video, sessions=sessions, storage=storage)
    run(job, context)

    with running_api(context.settings) as api:
        whole, first = ask(api, job), ask(api, job, "?to=1")

    assert (whole["count"], whole["fps"], whole["times_s"]) == (90, 30.0, None)
    assert (whole["is_constant"], whole["is_exact"]) == (True, True)
    assert first["times_s"] == [0.0, 0.033333]


@pytest.mark.costly
def test_a_video_that_was_not_decoded_yet_is_told_from_its_header(
    tmp_path: Path, context: WorkerContext, sessions: Sessions, storage: Storage
) -> None:
    video = draw(tmp_path / "match.mp4", times_ms=None)
    job = upload(video, sessions=sessions, storage=storage)
    with running_api(context.settings) as api:
        unknown = ask(api, job)
        run(job, context)
        with sessions.begin() as session:  # As an earlier release leaves a video.
            session.get_one(Video, job.video_id).frame_times_key = None
        supposed = ask(api, job)

    assert unknown["status"] == 409
    assert unknown["type"] == "/problems/frames-unknown"
    fallback = fallback_from_facts(job.video())
    assert fallback is not None
    assert (len(fallback), fallback.fps) == (90, 30.0)
    assert (supposed["count"], supposed["fps"], supposed["is_exact"]) == (90, 30, False)


@pytest.mark.costly
def test_an_object_that_is_lost_or_damaged_is_no_reason_to_fail(
    tmp_path: Path, context: WorkerContext, sessions: Sessions, storage: Storage
) -> None:
    video = draw(tmp_path / "match.mp4", times_ms=None)
    job = upload(video, sessions=sessions, storage=storage)
    run(job, context)
    damaged = frame_times_key(job.video_id, uuid4())
    storage.put(damaged, b"not what a worker wrote")
    answers = []

    with running_api(context.settings) as api:
        for key in (damaged, frame_times_key(job.video_id, uuid4())):
            with sessions.begin() as session:
                session.execute(show_frame_times(job.video_id, key))
            answers.append(ask(api, job))

    for answer in answers:
        assert (answer["count"], answer["fps"]) == (90, 30.0)
        assert (answer["is_constant"], answer["is_exact"]) == (True, False)


@pytest.mark.costly
def test_the_times_go_with_their_video(
    tmp_path: Path, context: WorkerContext, sessions: Sessions, storage: Storage
) -> None:
    video = draw(tmp_path / "match.mp4")
    job = upload(video, sessions=sessions, storage=storage)
    run(job, context)
    key = str(job.video().frame_times_key)
    assert storage.exists(key)

    with running_api(context.settings) as api:
        api.client.delete(f"/videos/{job.video_id}")

    assert not storage.exists(key)


@pytest.mark.costly
def test_a_run_without_room_for_the_times_leaves_no_file(
    tmp_path: Path, context: WorkerContext, sessions: Sessions, settings: Settings
) -> None:
    class Small(LocalStorage):
        def put(self, key: str, data: bytes) -> StoredFile:
            if is_frame_times_key(key):
                raise StorageFull("The disk is full.")
            return super().put(key, data)

    small = Small(settings.data_dir)
    video = draw(tmp_path / "match.mp4")
    job = upload(video, sessions=sessions, storage=small)

    status = run(job, replace(context, storage=small))

    assert status is JobStatus.QUEUED
    left = [found.key for found in small.list(video_prefix(job.video_id))]
    assert left == [job.video().storage_key]


def test_only_old_times_that_their_video_does_not_name_are_swept(
    tmp_path: Path, sessions: Sessions
) -> None:
    storage = MemoryStorage()
    (tmp_path / "video").write_bytes(b"bytes")
    job = upload(tmp_path / "video", sessions=sessions, storage=storage)
    shown, lost, young = (frame_times_key(job.video_id, uuid4()) for _ in range(3))
    of_nobody = frame_times_key(uuid4(), uuid4())
    for key in (shown, lost, young, of_nobody):
        storage.put(key, b"times")
        if key != young:
            storage.age(key, timedelta(days=1))
    with sessions.begin() as session:
        session.execute(show_frame_times(job.video_id, shown))

    removed = sweep_lost_objects([FRAME_TIMES], sessions=sessions, storage=storage)

    assert removed == 1
    kept = [storage.exists(key) for key in (shown, lost, young, of_nobody)]
    assert kept == [True, False, True, True]


def test_frames_are_timed_without_a_network_too(
    tmp_path: Path, context: WorkerContext, sessions: Sessions, storage: Storage
) -> None:
    video = draw(tmp_path / "match.mp4")
    job = upload(video, sessions=sessions, storage=storage)
    task = JobTask(
        job_id=job.job_id,
        kind=JobKind.SPOT,
        video_id=job.video_id,
        source_key=job.video().storage_key,
        params={},
        attempt=1,
        token=uuid4(),
    )
    told = Told()

    stored, timed = make_frame_times(task, context.for_handlers, told, duration_s=1.666)
    with sessions.begin() as session:
        stored.save(session)

    times = load_frame_times(job.video(), storage)
    assert times is not None
    assert times.times_s.tolist() == pytest.approx([ms / 1000 for ms in UNEVEN_MS])
    assert timed.tally.frames == 12
    assert [stage for stage, _ in told.stages] == ["decode", "decode"]
    assert told.stages[-1][1] == pytest.approx(0.98, abs=0.01)


def test_many_videos_do_not_fill_the_memory(tmp_path: Path, sessions: Sessions) -> None:
    class Noting(MemoryStorage):
        def get(self, key: str) -> bytes:
            reads.append(key)
            return super().get(key)

    reads: list[str] = []
    storage = Noting()
    (tmp_path / "video").write_bytes(b"bytes")
    video = upload(tmp_path / "video", sessions=sessions, storage=storage).video()
    keys = [frame_times_key(video.id, uuid4()) for _ in range(20)]
    times = FrameTimes(np.array([0.0, 0.04]), 0.08)

    for key in keys:
        storage.put(key, times.to_bytes())
        video.frame_times_key = key
        assert load_frame_times(video, storage) is load_frame_times(video, storage)
    video.frame_times_key = keys[0]
    load_frame_times(video, storage)

    assert reads == [*keys, keys[0]]  # The first had to make room.
