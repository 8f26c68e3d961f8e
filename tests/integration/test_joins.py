"""One match from several files: uploaded together, or joined later."""

import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

import touchline
from app.core.settings import Settings
from app.core.storage.keys import video_prefix
from app.jobs.tables import JobStatus
from app.projects.quotas import use_of
from app.sources.lost_parts import PARTS
from app.videos.cleanup import clean_up
from app.videos.lost_objects import sweep_lost_objects
from app.videos.parts import checksums_of
from app.videos.tables import Video
from tests.api_server import RunningApi
from tests.integration.rendering import media_worker, numbers, run, tagged
from tests.integration.worker_processes import media_worker as media_worker_process
from tests.integration.worker_processes import wait_until
from tests.videos import draw_video, number_picture
from worker.outcomes import WorkerContext
from worker.sweeper import sweep


@pytest.fixture
def media(api: RunningApi, settings: Settings) -> WorkerContext:
    service = api.service
    return media_worker(
        service.settings, service.sessions, service.storage, service.notifier
    )


@pytest.fixture
def halves(tmp_path: Path) -> list[Path]:
    """Two files of 50 frames a second, whose pictures count on."""
    return [
        _draw(tmp_path / "1_match.mp4", 60, first=0),
        _draw(tmp_path / "2_match.mp4", 40, first=60),
    ]


def _draw(path: Path, frames: int, *, first: int, **options: Any) -> Path:
    def paint(number: int, width: int, height: int) -> Any:
        return number_picture(first + number, width, height)

    draw_video(path, frames=frames, fps=50, b_frames=2, paint=paint, **options)
    return path


def _send(api: RunningApi, paths: Sequence[Path], **data: str) -> Any:
    files = [("file", (path.name, path.read_bytes())) for path in paths]
    data.setdefault("model", "none")
    return api.client.post("/videos", files=files, data=data)


def _single(api: RunningApi, paths: Sequence[Path]) -> list[str]:
    """Upload files as videos of their own, which nobody looks at."""
    return [_send(api, [path]).json()["links"]["self"] for path in paths]


def _join(api: RunningApi, videos: Sequence[str], **wanted: Any) -> Any:
    ids = [video.rpartition("/")[2] for video in videos]
    return api.client.post("/videos", json={"videos": ids, "model": "none", **wanted})


def _work(body: dict[str, Any], media: WorkerContext) -> JobStatus | None:
    return run(UUID(body["job"]["id"]), media)


def _look(api: RunningApi, body: dict[str, Any]) -> dict[str, Any]:
    video: dict[str, Any] = api.client.get(body["links"]["self"]).json()
    return video


def test_files_of_one_form_become_one_video(
    api: RunningApi, media: WorkerContext, halves: list[Path]
) -> None:
    answer = _send(api, halves, parts="halves", title="Cup final")
    body = answer.json()
    ended = _work(body, media)
    video = _look(api, body)

    assert answer.status_code == 202, answer.text
    assert (body["status"], body["stage"], body["job"]["kind"]) == (
        *("queued", "join"),
        "join",
    )
    others = {"url": None, "import": None, "live": None}
    assert body["source"] == {**others, "join": "halves"}
    assert [one["filename"] for one in body["parts"]["files"]] == [
        "1_match.mp4",
        "2_match.mp4",
    ]
    assert body["sha256"] is None
    assert ended is JobStatus.SUCCEEDED
    assert (video["status"], video["job"]["kind"]) == ("queued", "probe")
    assert (video["title"], video["filename"]) == ("Cup final", "1_match.mp4")
    places = [(one["start_s"], one["end_s"]) for one in video["parts"]["files"]]
    assert places == [(0, 1.2), (1.2, 2.0)]
    assert video["parts"]["mode"] == "copied"
    assert [(one["start_s"], one["end_s"]) for one in video["halves"]] == places
    data = api.client.get(video["links"]["file"]).content
    assert numbers(data) == list(range(100))
    assert len(data) == video["size_bytes"]


@pytest.mark.costly
def test_a_joined_video_is_analysed_like_any_other(
    api: RunningApi, media: WorkerContext, halves: list[Path]
) -> None:
    body = _send(api, halves).json()
    _work(body, media)

    ended = _work(_look(api, body), media)

    video = _look(api, body)
    assert ended is JobStatus.SUCCEEDED
    assert (video["status"], video["duration_s"]) == ("succeeded", 2.0)
    assert video["halves"] == []
    assert video["source"]["join"] == "consecutive"


def test_uploaded_parts_go_once_they_are_joined(
    api: RunningApi, media: WorkerContext, halves: list[Path]
) -> None:
    service = api.service
    body = _send(api, halves).json()
    prefix = video_prefix(UUID(body["id"]))
    before = {one.key for one in service.storage.list(prefix)}

    _work(body, media)
    clean_up(
        sessions=service.sessions,
        storage=service.storage,
        upload_idle=service.settings.upload_idle,
    )

    assert before == {f"{prefix}/source", f"{prefix}/parts/2"}
    (kept,) = service.storage.list(prefix)
    assert kept.key.startswith(f"{prefix}/fetched/")


@pytest.mark.costly
def test_videos_joined_later_stay_and_their_decisions_come_in_by_offset(
    api: RunningApi, media: WorkerContext, halves: list[Path]
) -> None:
    videos = [
        tagged(api, media, halves[0], [("PASS", 30)]),
        tagged(api, media, halves[1], [("SHOT", 10)]),
    ]
    body = _join(api, videos, parts="halves", title="Cup final").json()
    _work(body, media)
    video = _look(api, body)
    _work(video, media)

    assert [one["video_id"] for one in video["parts"]["files"]] == [
        one.rpartition("/")[2] for one in videos
    ]
    with api.service.sessions() as session:
        row = session.get_one(Video, UUID(body["id"]))
    assert checksums_of(row.parts) == tuple(
        api.client.get(one).json()["sha256"] for one in videos
    )  # by which a data set knows that all are of one match
    assert numbers(api.client.get(video["links"]["file"]).content) == [*range(100)]
    for address, part in zip(videos, video["parts"]["files"], strict=True):
        told = api.client.get(f"{address}/events", params={"format": "csv"})
        taken = api.client.post(
            f"/videos/{body['id']}/events:import",
            params={"offset_s": part["offset_s"]},
            content=told.content,
            headers={"content-type": "application/octet-stream"},
        )
        assert taken.status_code == 200, taken.text

        assert api.client.get(f"{address}/file").status_code == 200
        assert len(api.client.get(f"{address}/events").json()["items"]) == 1
    events = api.client.get(video["links"]["events"]).json()["items"]
    assert [(one["type"], one["frame"]) for one in events] == [
        ("PASS", 30),
        ("SHOT", 70),
    ]


def test_originals_go_if_that_is_asked_for(
    api: RunningApi, media: WorkerContext, halves: list[Path]
) -> None:
    videos = _single(api, halves)

    body = _join(api, videos, keep_originals=False).json()
    before = [api.client.get(one).status_code for one in videos]
    _work(body, media)

    assert before == [200, 200]
    assert [api.client.get(one).status_code for one in videos] == [404, 404]
    assert numbers(api.client.get(f"{body['links']['file']}").content) == [*range(100)]


@pytest.mark.costly
def test_the_same_files_joined_again_are_a_duplicate(
    api: RunningApi, media: WorkerContext, halves: list[Path]
) -> None:
    first = _send(api, halves).json()
    _work(first, media)

    second = _send(api, halves).json()
    _work(second, media)

    assert _look(api, second)["duplicate_of"] == first["id"]


def test_an_upload_of_several_files_may_be_sent_again(
    api: RunningApi, halves: list[Path]
) -> None:
    def send(paths: Sequence[Path]) -> Any:
        files = [("file", (path.name, path.read_bytes())) for path in paths]
        key = {"idempotency-key": "once"}
        return api.client.post("/videos", files=files, headers=key)

    first, again, other = send(halves), send(halves), send(halves[::-1])

    assert first.status_code == again.status_code == 202
    assert first.json()["id"] == again.json()["id"]
    assert other.json()["type"] == "/problems/idempotency-key-reused"
    assert len(api.client.get("/videos").json()["items"]) == 1


def test_a_request_to_join_may_be_sent_again(
    api: RunningApi, halves: list[Path]
) -> None:
    ids = [video.rpartition("/")[2] for video in _single(api, halves)]
    key = {"idempotency-key": "join-once"}

    first, again, other = (
        api.client.post("/videos", json={"videos": one}, headers=key)
        for one in (ids, ids, ids[::-1])
    )

    assert first.json()["id"] == again.json()["id"]
    assert other.json()["type"] == "/problems/idempotency-key-reused"


def test_a_request_that_is_sent_again_finds_its_video_when_the_parts_are_gone(
    api: RunningApi, media: WorkerContext, halves: list[Path]
) -> None:
    ids = [video.rpartition("/")[2] for video in _single(api, halves)]
    wanted = {"videos": ids, "model": "none", "keep_originals": False}
    key = {"idempotency-key": "join-and-drop"}

    first = api.client.post("/videos", json=wanted, headers=key).json()
    _work(first, media)
    again = api.client.post("/videos", json=wanted, headers=key)

    assert api.client.get(f"/videos/{ids[0]}").status_code == 404
    assert (again.status_code, again.json()["id"]) == (202, first["id"])


def test_one_file_is_a_video_as_before(api: RunningApi, halves: list[Path]) -> None:
    body = _send(api, halves[:1]).json()

    assert body["parts"] is None
    assert body["source"] is None
    assert body["job"]["kind"] == "probe"
    assert api.client.get(body["links"]["file"]).content == halves[0].read_bytes()


def _refused(answer: Any, words: str) -> None:
    assert answer.status_code == 422, answer.text
    assert words in answer.json()["detail"]


def test_what_cannot_be_joined_is_refused_and_nothing_is_kept(
    api: RunningApi, halves: list[Path], tmp_path: Path
) -> None:
    twice = [halves[0], tmp_path / "copy.mp4"]
    twice[1].write_bytes(halves[0].read_bytes())
    many = [tmp_path / f"{number}.mp4" for number in range(21)]
    empty = tmp_path / "empty.mp4"
    empty.touch()
    for number, path in enumerate(many):
        path.write_bytes(bytes([number]))

    _refused(_send(api, twice), "'1_match.mp4' and 'copy.mp4' hold the same bytes")
    _refused(_send(api, many), "more than 20 files")
    _refused(_send(api, halves, parts="thirds"), "'parts' must be one of halves, cons")
    _refused(_send(api, halves, encode="perhaps"), "'encode' must be one of true, fal")
    _refused(_send(api, halves[:1], parts="halves"), "repeat 'file', or leave 'parts'")
    answer = _send(api, [halves[0], empty, halves[1]])
    assert answer.json()["type"] == "/problems/empty-upload"
    assert "'empty.mp4' is empty" in answer.json()["detail"]

    assert api.client.get("/videos").json()["items"] == []
    assert list(api.service.storage.list("videos")) == []


def test_videos_that_cannot_be_joined_are_refused(
    api: RunningApi, halves: list[Path]
) -> None:
    (video,) = _single(api, halves[:1])
    unknown = "/videos/01980c1e-7a54-7c3e-9d1f-2f6f3a8b1c55"
    waiting = _send(api, halves).json()["links"]["self"]

    assert _join(api, [video]).status_code == 422
    assert _join(api, [video] * 2).status_code == 422
    assert _join(api, [video, unknown]).status_code == 404
    assert _join(api, [video, waiting]).json()["type"] == "/problems/video-not-stored"
    both = {"videos": [unknown[8:], video[8:]], "import": "a.mp4"}
    assert api.client.post("/videos", json=both).status_code == 422


def test_a_part_that_is_no_video_is_named(
    api: RunningApi, media: WorkerContext, halves: list[Path], tmp_path: Path
) -> None:
    notes = tmp_path / "notes.mp4"
    notes.write_text("what the coach said " * 100)
    body = _send(api, [halves[0], notes]).json()

    _work(body, media)

    error = _look(api, body)["error"]
    assert error["code"] == "unreadable_video"
    assert error["detail"].startswith("Part 2 (notes.mp4): The file is not a video")


@pytest.mark.costly
def test_parts_that_differ_are_encoded_if_that_is_asked_for(
    api: RunningApi, media: WorkerContext, halves: list[Path], tmp_path: Path
) -> None:
    large = _draw(tmp_path / "large.mp4", 40, first=60, size=(192, 96))
    body = _send(api, [halves[0], large], encode="false").json()

    _work(body, media)
    error = _look(api, body)["error"]
    jobs = f"{body['links']['self']}/jobs"
    wanted = {"kind": "join", "encode": True}
    again = api.client.post(jobs, json=wanted)
    run(UUID(again.json()["id"]), media)
    video = _look(api, body)

    assert error["code"] == "parts_differ"
    assert "Part 2 (large.mp4) are 192x96" in error["detail"]
    assert video["parts"]["mode"] == "encoded"
    assert "192x96" in video["parts"]["warnings"]["encoded"]
    data = api.client.get(video["links"]["file"]).content
    assert numbers(data)[60:] == [*range(60, 100)]
    assert (
        api.client.get(jobs, params={"kind": "join"}).json()["items"][0]["warnings"]
        == (video["parts"]["warnings"])
    )


def test_hours_that_would_be_encoded_are_refused_before_they_wait(
    api: RunningApi, halves: list[Path]
) -> None:
    videos = _single(api, halves)
    with api.service.sessions.begin() as session:
        for address, width in zip(videos, (1920, 1280), strict=True):
            video = session.get_one(Video, UUID(address[8:]))
            video.duration_s, video.width = 2700.0, width

    _refused(_join(api, videos), "Ask for it with 'encode': true.")
    assert _join(api, videos, encode=True).status_code == 202


def test_a_video_that_is_deleted_meanwhile_is_told_by_name(
    api: RunningApi, media: WorkerContext, halves: list[Path]
) -> None:
    videos = _single(api, halves)
    body = _join(api, videos).json()
    api.client.delete(videos[1])

    _work(body, media)

    error = _look(api, body)["error"]
    assert error["code"] == "source_missing"
    assert "part 2 (2_match.mp4)" in error["detail"]


def test_parts_count_in_the_quota_until_they_are_joined(
    api: RunningApi, media: WorkerContext, halves: list[Path]
) -> None:
    def used() -> int:
        with api.service.sessions() as session:
            project_id = session.get_one(Video, UUID(body["id"])).project_id
            return use_of(session, project_id).stored_bytes

    body = _send(api, halves).json()
    waiting = used()
    _work(body, media)

    assert waiting == sum(path.stat().st_size for path in halves)
    assert used() == _look(api, body)["size_bytes"]


def test_parts_that_no_row_names_are_swept(
    api: RunningApi,
    media: WorkerContext,
    halves: list[Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from datetime import timedelta

    service = api.service
    body = _send(api, halves).json()
    stray = f"{video_prefix(UUID(body['id']))}/parts/7"
    service.storage.put(stray, b"left behind")
    monkeypatch.setattr("app.videos.lost_objects.STRAY_AFTER", timedelta(0))

    sweep_lost_objects([PARTS], sessions=service.sessions, storage=service.storage)

    assert not service.storage.exists(stray)
    assert service.storage.exists(f"{video_prefix(UUID(body['id']))}/parts/2")


def test_the_python_client_uploads_parts_one_by_one(
    api: RunningApi, media: WorkerContext, halves: list[Path]
) -> None:
    with touchline.Client(api.url) as client:
        asked = client.upload_parts(
            halves, parts="halves", title="Cup final", model="none"
        )
        before = {one.id for one in client.videos()}
        run(UUID(asked.job.id), media)
        video = client.video(asked)
        after = [one.id for one in client.videos()]

    assert asked.job.kind == "join"
    assert len(before) == 3
    assert after == [asked.id]
    assert video.parts is not None
    assert [one.start_s for one in video.parts.files] == [0.0, 1.2]
    assert [one.start_s for one in video.halves] == [0.0, 1.2]


@pytest.mark.nightly
def test_a_killed_worker_costs_a_retry_and_leaves_nothing(
    api: RunningApi, halves: list[Path], tmp_path: Path
) -> None:
    service = api.service
    body = _send(api, halves).json()
    address = body["job"]["links"]["self"]
    first_log, second_log = tmp_path / "first.log", tmp_path / "second.log"

    def is_running() -> bool:
        return bool(api.client.get(address).json()["status"] == "running")

    def is_swept_and_done() -> bool:
        sweep(
            settings=service.settings,
            sessions=service.sessions,
            storage=service.storage,
            notifier=service.notifier,
        )
        return api.client.get(address).json()["status"] not in ("queued", "running")

    with media_worker_process("media-first@here", service.settings, first_log) as first:
        wait_until(is_running, "the job runs", first_log)
        os.killpg(first.pid, signal.SIGKILL)
        first.wait(60)
    died = api.client.get(address).json()
    with media_worker_process("media-second@here", service.settings, second_log):
        wait_until(is_swept_and_done, "the job has ended", second_log)

    ended, video = api.client.get(address).json(), _look(api, body)
    assert (died["status"], died["attempt"]) == ("running", 1)
    assert (ended["status"], ended["attempt"]) == ("succeeded", 2)
    assert numbers(api.client.get(video["links"]["file"]).content) == [*range(100)]
    kept = [one.key for one in service.storage.list(video_prefix(UUID(body["id"])))]
    assert len([key for key in kept if "/fetched/" in key]) == 1


def test_a_job_that_was_canceled_may_be_asked_for_again(
    api: RunningApi, media: WorkerContext, halves: list[Path]
) -> None:
    body = _send(api, halves).json()
    prefix = video_prefix(UUID(body["id"]))
    before = {one.key for one in api.service.storage.list(prefix)}
    job = body["job"]["links"]["self"]

    asked = api.client.post(f"{job}/cancel")
    again = api.client.post(f"{body['links']['self']}/jobs", json={"kind": "join"})
    run(UUID(again.json()["id"]), media)

    assert asked.json()["status"] == "canceled"
    assert before == {f"{prefix}/source", f"{prefix}/parts/2"}
    assert again.status_code == 202, again.text
    assert _look(api, body)["parts"]["mode"] == "copied"
