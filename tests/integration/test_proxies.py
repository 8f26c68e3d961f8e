"""Proxies as jobs: asked for when a file does not play, made, shown, deleted, swept.

Postgres, storage, the decoding process and the encoders are real.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import av
import psutil
import pytest
from sqlalchemy import select

from app.clips.lost_proxies import PROXIES
from app.clips.proxies import ask_for_proxy, show_proxy
from app.core.broker.notifier import JobNotifier
from app.core.db.session import Sessions
from app.core.settings import Settings
from app.core.storage.interface import Storage
from app.core.storage.keys import proxy_key, video_prefix
from app.core.storage.local import LocalStorage
from app.jobs.kinds import JobKind
from app.jobs.requests import request
from app.jobs.service import cancel
from app.jobs.tables import Job, JobStatus
from app.videos.frame_times import load_frame_times
from app.videos.lost_objects import sweep_lost_objects
from app.videos.tables import Video
from model.spotting.predictor import Predictor, load_predictor
from tests.api_server import RunningApi, running_api
from tests.fakes import MemoryStorage
from tests.integration.uploaded import Uploaded, upload
from tests.videos import draw_video
from worker.handlers.proxy import make_proxy
from worker.handlers.spot import spot
from worker.job_task import HandlerContext, JobResult, JobTask, Reporter
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
        settings=settings.model_copy(update={"min_free_space": 0}),
        sessions=sessions,
        storage=storage,
        predictors=Shelf(),
        notifier=notifier,
        node="media@test",
        leaving=threading.Event(),
    )


@pytest.fixture
def mkv(tmp_path: Path) -> Path:
    path = tmp_path / "match.mkv"
    draw_video(path, codec="libx265", times_ms=UNEVEN_MS, b_frames=2, sound=True)
    return path


@pytest.fixture
def long_mkv(tmp_path: Path) -> Path:
    path = tmp_path / "long.mkv"
    draw_video(path, frames=3000, fps=100, size=(64, 48))
    return path


def ask(video: Uploaded) -> UUID:
    with video.sessions.begin() as session:
        job = request(session, kind=JobKind.PROXY, video_id=video.video_id)
    return job.id


def proxy_jobs(video: Uploaded) -> list[Job]:
    with video.sessions() as session:
        wanted = (Job.video_id == video.video_id, Job.kind == JobKind.PROXY)
        return list(session.scalars(select(Job).where(*wanted).order_by(Job.id)))


def job_of(sessions: Sessions, job_id: UUID) -> Job:
    with sessions() as session:
        return session.get_one(Job, job_id)


def run(job_id: UUID, context: WorkerContext) -> JobStatus | None:
    handlers = {JobKind.PROXY: make_proxy, JobKind.SPOT: spot}
    return run_job(job_id, context=context, handlers=handlers)


def files(video: Uploaded, storage: Storage) -> list[str]:
    """List what is stored of a video beside its own file."""
    source = video.video().storage_key
    found = storage.list(video_prefix(video.video_id))
    return sorted(one.key for one in found if one.key != source)


def frame_times(path: Path) -> list[float]:
    with av.open(str(path)) as container:
        return [
            float(frame.pts * frame.time_base)
            for frame in container.decode(video=0)
            if frame.pts is not None and frame.time_base is not None
        ]


def test_a_run_leaves_a_proxy_with_the_frames_at_their_times(
    mkv: Path, context: WorkerContext, sessions: Sessions, storage: Storage
) -> None:
    video = upload(mkv, sessions=sessions, storage=storage)
    job_id = ask(video)

    status = run(job_id, context)

    assert status is JobStatus.SUCCEEDED
    job, row = job_of(sessions, job_id), video.video()
    assert str(job.lease_token) in str(row.proxy_key)
    assert job.result is not None
    assert (job.result["frames"], job.result["has_sound"]) == (12, True)
    times = load_frame_times(row, storage)
    assert times is not None
    with storage.local_copy(str(row.proxy_key)) as path:
        assert frame_times(path) == pytest.approx(times.times_s.tolist(), abs=2e-6)
        assert job.result["size_bytes"] == path.stat().st_size
    assert files(video, storage) == sorted(
        [str(row.proxy_key), str(row.frame_times_key)]
    )
    assert list(context.settings.data_dir.glob("tmp*")) == []


@pytest.mark.costly
@pytest.mark.parametrize(
    ("name", "options", "filename", "wanted"),
    [
        ("a.mp4", {}, "a.mp4", "original"),
        ("a.mkv", {}, "a.mkv", "pending"),
        ("a.webm", {"codec": "libvpx-vp9"}, "a.webm", "original"),
        ("a.webm", {"codec": "libvpx-vp9"}, "a.mkv", "pending"),
        ("a.ts", {}, "a.ts", "pending"),
        ("a.mp4", {"codec": "libx265"}, "a.mp4", "pending"),
        ("a.mp4", {"pix_fmt": "yuv420p10le"}, "a.mp4", "pending"),
        ("a.mov", {"codec": "prores_ks", "pix_fmt": "yuv422p10le"}, "a", "pending"),
        ("a.mov", {}, "A.MOV", "original"),
    ],
)
def test_what_does_not_play_gets_a_proxy_without_being_asked(
    tmp_path: Path,
    context: WorkerContext,
    sessions: Sessions,
    storage: Storage,
    name: str,
    options: dict[str, Any],
    filename: str,
    wanted: str,
) -> None:
    draw_video(tmp_path / name, frames=12, **options)
    video = upload(tmp_path / name, sessions=sessions, storage=storage)
    with sessions.begin() as session:
        session.get_one(Video, video.video_id).filename = filename
    with running_api(context.settings) as api:
        first = shown(api, video)
        run(video.job_id, context)
        between = shown(api, video)
        jobs = proxy_jobs(video)
        for job in jobs:
            assert run(job.id, context) is JobStatus.SUCCEEDED
        last = shown(api, video)
        answer = api.client.get(str(last["links"]["playable"]))

    own = f"/videos/{video.video_id}/file"
    assert (first["playable"], first["links"]["playable"]) == ("pending", None)
    assert between["playable"] == wanted
    assert len(jobs) == (wanted == "pending")
    if wanted == "original":
        assert last["links"]["playable"] == own
        kind = "video/webm" if name.endswith("webm") else "video/mp4"
        assert answer.headers["content-type"] == kind
    else:
        assert between["links"]["playable"] is None
        assert (last["playable"], last["links"]["playable"]) == (
            "proxy",
            f"{own}?proxy=true",
        )
        assert answer.headers["content-type"] == "video/mp4"
        assert answer.content[4:8] == b"ftyp"


def shown(api: RunningApi, video: Uploaded) -> dict[str, Any]:
    one: dict[str, Any] = api.client.get(f"/videos/{video.video_id}").json()
    listed = api.client.get("/videos").json()["items"]
    assert one in listed
    return one


@pytest.mark.costly
def test_a_proxy_is_served_by_ranges_beside_the_file_as_it_was_uploaded(
    mkv: Path, context: WorkerContext, sessions: Sessions, storage: Storage
) -> None:
    video = upload(mkv, sessions=sessions, storage=storage)
    with sessions.begin() as session:
        session.get_one(Video, video.video_id).filename = "final.mkv"
    address = f"/videos/{video.video_id}/file"
    with running_api(context.settings) as api:
        none_yet = api.client.get(address, params={"proxy": True})
        run(ask(video), context)
        whole = api.client.get(address, params={"proxy": True})
        part = api.client.get(
            address, params={"proxy": True}, headers={"range": "bytes=4-7"}
        )
        original = api.client.get(address)
        head = api.client.head(address, params={"proxy": True})

    assert none_yet.status_code == 404
    assert none_yet.json()["type"] == "/problems/no-proxy"
    assert (part.status_code, part.content) == (206, b"ftyp")
    assert head.headers["content-length"] == str(len(whole.content))
    assert 'filename="final.mp4"' in whole.headers["content-disposition"]
    assert original.content == mkv.read_bytes()
    assert original.headers["etag"] != whole.headers["etag"]


@pytest.mark.costly
def test_asked_for_twice_it_is_made_once_and_again_when_it_was_made(
    mkv: Path, context: WorkerContext, sessions: Sessions, storage: Storage
) -> None:
    video = upload(mkv, sessions=sessions, storage=storage)
    address = f"/videos/{video.video_id}"
    with running_api(context.settings) as api:
        first = api.client.post(f"{address}/proxy")
        second = api.client.post(f"{address}/proxy")
        run(UUID(first.json()["id"]), context)
        before = video.video().proxy_key
        third = api.client.post(f"{address}/proxy")
        between = shown(api, video)
        run(UUID(third.json()["id"]), context)
        unknown = api.client.post(f"/videos/{uuid4()}/proxy")
        listed = api.client.get(f"{address}/jobs", params={"kind": "proxy"}).json()

    assert first.status_code == second.status_code == third.status_code == 202
    assert first.json()["id"] == second.json()["id"] != third.json()["id"]
    assert first.headers["location"] == f"/jobs/{first.json()['id']}"
    assert between["playable"] == "proxy"  # The earlier one until the new one is there.
    assert before != video.video().proxy_key
    assert unknown.status_code == 404
    assert len(listed["items"]) == 2


@pytest.mark.costly
def test_a_proxy_that_failed_is_not_asked_for_again_by_itself(
    mkv: Path, context: WorkerContext, sessions: Sessions, storage: Storage
) -> None:
    video = upload(mkv, sessions=sessions, storage=storage)
    run(video.job_id, context)
    (job,) = proxy_jobs(video)
    with sessions.begin() as session:
        cancel(session, job.id, settings=context.settings)
    facts = video.video().facts
    assert facts is not None

    with sessions.begin() as session:
        is_asked = ask_for_proxy(session, video.video_id, facts)
    with running_api(context.settings) as api:
        after = shown(api, video)

    assert not is_asked
    assert (after["playable"], after["status"]) == ("none", "succeeded")


def test_a_video_that_is_gone_gets_no_job(sessions: Sessions) -> None:
    with sessions.begin() as session:
        assert not ask_for_proxy(session, uuid4(), {"codec": "hevc"})


def test_a_file_that_is_no_video_is_not_pending_for_ever(
    tmp_path: Path, context: WorkerContext, sessions: Sessions, storage: Storage
) -> None:
    (tmp_path / "text.mp4").write_text("Dear referee, please find attached...")
    video = upload(tmp_path / "text.mp4", sessions=sessions, storage=storage)

    run(video.job_id, context)

    with running_api(context.settings) as api:
        assert shown(api, video)["playable"] == "none"
    assert proxy_jobs(video) == []


def in_the_middle(act: Callable[[], None]) -> Callable[..., JobResult]:
    """Make proxies with the real handler, and act at the first progress."""

    def handle(task: JobTask, context: HandlerContext, reporter: Reporter) -> JobResult:
        class Acting:
            has_acted = False

            def progress(
                self, stage: str, done: float, eta_s: float | None = None
            ) -> None:
                if stage == "encode" and done > 0 and not self.has_acted:
                    self.has_acted = True
                    act()
                reporter.progress(stage, done, eta_s)

            def touch(self) -> None:
                reporter.touch()

        return make_proxy(task, context, Acting())

    return handle


def run_acting(
    job_id: UUID, context: WorkerContext, act: Callable[[], None]
) -> JobStatus | None:
    handlers = {JobKind.PROXY: in_the_middle(act)}
    return run_job(job_id, context=context, handlers=handlers)


def wait_for(context: WorkerContext, holds: Callable[[], bool]) -> None:
    for _ in range(300):
        if holds():
            return
        threading.Event().wait(0.1)
    pytest.fail("it never happened")


@pytest.mark.costly
def test_a_cancel_in_the_middle_leaves_nothing(
    long_mkv: Path, context: WorkerContext, sessions: Sessions, storage: Storage
) -> None:
    video = upload(long_mkv, sessions=sessions, storage=storage)
    job_id = ask(video)

    def stop() -> None:
        with sessions.begin() as session:
            cancel(session, job_id, settings=context.settings)
        threading.Event().wait(3 * context.settings.heartbeat.total_seconds())

    status = run_acting(job_id, context, stop)

    assert status is JobStatus.CANCELED
    assert files(video, storage) == []
    assert video.video().proxy_key is None


@pytest.mark.costly
def test_a_killed_encoder_is_tried_again_and_ends_well(
    long_mkv: Path, context: WorkerContext, sessions: Sessions, storage: Storage
) -> None:
    video = upload(long_mkv, sessions=sessions, storage=storage)
    job_id = ask(video)

    def kill() -> None:
        for child in psutil.Process().children():
            with suppress(psutil.NoSuchProcess):
                if "model.video.child" in child.cmdline():
                    child.kill()

    first = run_acting(job_id, context, kill)
    left = files(video, storage)
    second = run(job_id, context)

    assert (first, left) == (JobStatus.QUEUED, [])
    assert job_of(sessions, job_id).attempt == 2
    assert second is JobStatus.SUCCEEDED
    assert len(files(video, storage)) == 2


@pytest.mark.costly
def test_a_video_deleted_meanwhile_keeps_no_proxy(
    long_mkv: Path, context: WorkerContext, sessions: Sessions, storage: Storage
) -> None:
    video = upload(long_mkv, sessions=sessions, storage=storage)
    job_id = ask(video)

    def delete() -> None:
        with sessions.begin() as session:
            session.delete(session.get_one(Video, video.video_id))
        storage.delete_prefix(video_prefix(video.video_id))

    status = run_acting(job_id, context, delete)

    assert status is None
    assert list(storage.list(video_prefix(video.video_id))) == []


@pytest.mark.costly
def test_a_proxy_goes_with_its_video(
    mkv: Path, context: WorkerContext, sessions: Sessions, storage: Storage
) -> None:
    video = upload(mkv, sessions=sessions, storage=storage)
    run(ask(video), context)
    key = str(video.video().proxy_key)
    assert storage.exists(key)

    with running_api(context.settings) as api:
        api.client.delete(f"/videos/{video.video_id}")

    assert not storage.exists(key)


@pytest.mark.parametrize("room", [10_000, 0])
def test_a_disk_without_room_fails_the_job_for_now_and_keeps_nothing(
    mkv: Path,
    context: WorkerContext,
    sessions: Sessions,
    settings: Settings,
    room: int,
) -> None:
    class Filling(LocalStorage):
        """A disk that has room while the proxy is made, and none when it is stored."""

        free = room

        def free_bytes(self) -> int:
            self.free -= 6_000
            return max(0, self.free)

    storage = Filling(settings.data_dir)
    video = upload(mkv, sessions=sessions, storage=storage)
    job_id = ask(video)
    demanding = context.settings.model_copy(update={"min_free_space": 1})

    status = run(job_id, replace(context, storage=storage, settings=demanding))

    assert status is JobStatus.QUEUED
    assert job_of(sessions, job_id).error_code == "storage_full"
    assert files(video, storage) == []


@pytest.mark.costly
def test_a_proxy_is_made_of_a_video_that_never_was_a_file(
    mkv: Path, context: WorkerContext, sessions: Sessions
) -> None:
    storage = MemoryStorage()
    video = upload(mkv, sessions=sessions, storage=storage)

    status = run(ask(video), replace(context, storage=storage))

    assert status is JobStatus.SUCCEEDED
    assert storage.get(str(video.video().proxy_key))[4:8] == b"ftyp"


def test_only_old_proxies_that_their_video_does_not_name_are_swept(
    tmp_path: Path, sessions: Sessions
) -> None:
    storage = MemoryStorage()
    (tmp_path / "video").write_bytes(b"bytes")
    video = upload(tmp_path / "video", sessions=sessions, storage=storage)
    named, lost, young = (proxy_key(video.video_id, uuid4()) for _ in range(3))
    for key in (named, lost, young):
        storage.put(key, b"proxy")
        if key != young:
            storage.age(key, timedelta(days=1))
    with sessions.begin() as session:
        session.execute(show_proxy(video.video_id, named))

    removed = sweep_lost_objects([PROXIES], sessions=sessions, storage=storage)

    assert removed == 1
    assert [storage.exists(key) for key in (named, lost, young)] == [True, False, True]
