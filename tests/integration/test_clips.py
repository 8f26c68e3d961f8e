"""Clips over HTTP and as jobs: asked for, rendered, loaded, canceled, deleted, swept.

Postgres, storage, the decoding process and the encoders are real.
"""

import io
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import av
import httpx
import pytest
from sqlalchemy import select

from app.annotations.tables import Annotation, Decision
from app.clips.lost_clips import CLIPS
from app.clips.tables import Clip
from app.core.broker.notifier import MEDIA_QUEUE, JobNotifier
from app.core.db.base import utc_now
from app.core.db.session import Sessions
from app.core.settings import Settings
from app.core.storage.interface import Storage
from app.core.storage.keys import clip_key
from app.jobs.tables import Job, JobStatus
from app.videos.lost_objects import sweep_lost_objects
from app.videos.tables import Video
from app.webhooks.tables import Delivery
from model.data.formats.provenance import read_line, read_provenance
from tests.api_server import RunningApi, running_api
from tests.fakes import MemoryStorage
from tests.integration.rendering import (
    EVENTS,
    ask,
    bounds,
    clip_files,
    media_worker,
    numbers,
    rendered,
    run,
    tagged,
)
from tests.integration.uploaded import upload
from tests.videos import draw_video
from worker.handlers.clips import render_clip
from worker.job_task import HandlerContext, JobTask, Reporter, load_handlers
from worker.outcomes import WorkerContext
from worker.runner import run_job

FPS = 30
FRAMES = 240


@pytest.fixture
def context(
    settings: Settings, sessions: Sessions, storage: Storage, notifier: JobNotifier
) -> WorkerContext:
    return media_worker(settings, sessions, storage, notifier)


@pytest.fixture(scope="session")
def match_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "match.mp4"
    draw_video(path, frames=FRAMES, fps=FPS, b_frames=2, sound=True)
    return path


@pytest.fixture
def api(context: WorkerContext) -> Iterator[RunningApi]:
    with running_api(context.settings) as running:
        yield running


@pytest.fixture
def match(api: RunningApi, context: WorkerContext, match_file: Path) -> str:
    """Upload a video without a model, look at it, and tag events; its address."""
    return tagged(api, context, match_file)


def test_a_reel_holds_exactly_the_frames_about_the_events(
    api: RunningApi, match: str, context: WorkerContext
) -> None:
    clip = rendered(api, match, context, lead_s=0.5, lag_s=0.2)
    answer = api.client.get(f"/clips/{clip['id']}/file")

    assert (clip["status"], clip["progress"], clip["error"]) == ("succeeded", 1.0, None)
    assert bounds(clip) == [(15, 36), (45, 72), (165, 186)]
    assert [[one["type"] for one in cut["events"]] for cut in clip["cuts"]] == [
        ["PASS"],
        ["SHOT", "PASS"],
        ["SHOT"],
    ]
    frames = [n for first, last in bounds(clip) for n in range(first, last + 1)]
    assert numbers(answer.content) == frames
    assert clip["length_s"] == pytest.approx(len(frames) / FPS, abs=1e-4)
    assert clip["cuts"][2]["clip_s"] == pytest.approx((22 + 28) / FPS, abs=1e-4)
    assert answer.headers["content-type"] == "video/mp4"
    assert clip["size_bytes"] == len(answer.content)
    assert clip["file"]["has_sound"] is True


@pytest.mark.costly
def test_a_filter_and_ticked_events_choose_and_the_order_is_theirs(
    api: RunningApi, match: str
) -> None:
    events = api.client.get(f"{match}/events").json()["items"]
    options = {"form": "playlist", "lead_s": 0.1, "lag_s": 0.1}

    shots = ask(api, match, filter={"type": ["SHOT"], "from_s": 3}, **options)
    ticked = ask(api, match, event_ids=[events[3]["id"], events[0]["id"]], **options)
    apart = ask(api, match, form="playlist", lead_s=1, lag_s=1, merge=False)

    assert bounds(shots) == [(177, 183)]
    assert bounds(ticked) == [(27, 33), (177, 183)]
    assert len(apart["cuts"]) == 4


@pytest.mark.costly
def test_a_copy_tells_which_frames_it_has_in_truth(
    api: RunningApi, match: str, context: WorkerContext
) -> None:
    clip = rendered(
        *(api, match, context), mode="copy", filter={"type": ["SHOT"]}, lead_s=0.1
    )
    data = api.client.get(f"/clips/{clip['id']}/file").content

    assert (clip["mode"], clip["file"]["mode"]) == ("copy", "copy")
    (first, last), (second, end) = bounds(clip)
    assert (first, second) == (48, 168)  # A key frame every 12.
    assert (last, end) == (150, FRAMES - 1)
    assert numbers(data) == [*range(first, last + 1), *range(second, end + 1)]


@pytest.mark.costly
def test_a_zip_has_each_clip_by_a_name_that_sorts(
    api: RunningApi, match: str, context: WorkerContext
) -> None:
    clip = rendered(api, match, context, form="zip", lead_s=0.2, lag_s=0.1)
    answer = api.client.get(f"/clips/{clip['id']}/file")

    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert names == [
            "1-PASS-00h00m01s.mp4",
            "2-SHOT+PASS-00h00m02s.mp4".replace("+", "_"),
            "3-SHOT-00h00m06s.mp4",
        ]
        for name, (first, last) in zip(names, bounds(clip), strict=True):
            assert numbers(archive.read(name)) == list(range(first, last + 1))


@pytest.mark.costly
@pytest.mark.parametrize("mode", ["exact", "smart", "copy"])
def test_a_clip_tells_where_its_events_come_from_if_asked(
    api: RunningApi, match: str, context: WorkerContext, mode: str
) -> None:
    clip = rendered(api, match, context, mode=mode, lead_s=2, lag_s=1, provenance=True)
    plain = rendered(api, match, context, mode=mode, lead_s=2, lag_s=1)
    listed = ask(api, match, form="playlist", provenance=True)

    assert clip["file"]["mode"] == mode
    told = read_line(comment_of(api, clip))
    assert told is not None
    assert told.reviewers == ("local",)
    assert told.history_count == 4
    assert clip["provenance"] == listed["provenance"]
    assert [read_provenance(one) for one in clip["provenance"]] == [told]
    assert (comment_of(api, plain), plain["provenance"]) == ("", [])
    lines = api.client.get(f"/clips/{listed['id']}/file").text.splitlines()
    assert read_line(lines[2].removeprefix("# ")) == told


def comment_of(api: RunningApi, clip: dict[str, Any]) -> str:
    """Read what a reel says of itself."""
    data = api.client.get(f"/clips/{clip['id']}/file").content
    with av.open(io.BytesIO(data)) as container:
        return container.metadata.get("comment", "")


@pytest.mark.costly
def test_a_playlist_is_there_at_once_without_a_job(
    api: RunningApi, match: str, storage: Storage
) -> None:
    clip = ask(api, match, form="playlist", filter={"type": ["SHOT"]}, lead_s=0.5)
    answer = api.client.get(f"/clips/{clip['id']}/file")

    assert (clip["status"], clip["job_id"]) == ("succeeded", None)
    lines = answer.text.splitlines()
    assert lines[0] == "#EXTM3U"
    assert "#EXTVLCOPT:start-time=1.500" in lines
    assert f"{api.service.settings.base_url}{match}/file#t=1.500," in answer.text
    assert clip_files(storage, match) == []


@pytest.mark.costly
def test_a_file_is_served_in_ranges_and_not_before_it_is_there(
    api: RunningApi, match: str, context: WorkerContext
) -> None:
    clip = ask(api, match, lead_s=0.1, lag_s=0.1)
    file = f"/clips/{clip['id']}/file"
    early = api.client.get(file)
    run(UUID(clip["job_id"]), context)
    part = api.client.get(file, headers={"range": "bytes=4-7"})
    beyond = api.client.get(file, headers={"range": "bytes=999999999-"})

    assert clip["links"]["file"] is None
    assert early.status_code == 409
    assert early.json()["type"] == "/problems/clip-not-ready"
    assert (part.status_code, part.content) == (206, b"ftyp")
    assert beyond.status_code == 416


@pytest.mark.costly
def test_frames_are_exact_though_their_times_were_not_known_when_it_was_asked_for(
    api: RunningApi, context: WorkerContext, sessions: Sessions, tmp_path: Path
) -> None:
    times_ms = [n * 20 + (n >= 40) * 500 for n in range(FRAMES)]
    draw_video(tmp_path / "uneven.mkv", times_ms=times_ms, b_frames=2)
    match = tagged(api, context, tmp_path / "uneven.mkv")
    video_id = UUID(match.rpartition("/")[2])
    with sessions.begin() as session:
        session.get_one(Video, video_id).frame_times_key = None

    clip = rendered(
        api, match, context, filter={"type": ["PASS"]}, lead_s=0.1, lag_s=0.1
    )

    assert bounds(clip) == [(25, 35), (61, 71)]
    data = api.client.get(f"/clips/{clip['id']}/file").content
    assert numbers(data) == [*range(25, 36), *range(61, 72)]
    with sessions() as session:
        assert session.get_one(Video, video_id).frame_times_key is not None


@pytest.mark.costly
@pytest.mark.parametrize(
    ("wanted", "status", "kind", "words"),
    [
        ({"lead_s": 0, "lag_s": 0}, 422, "cannot-cut", "no length"),
        ({"filter": {"from_s": 7.9}}, 422, "cannot-cut", "No event"),
        ({"filter": {"type": ["GOLE"]}}, 422, "unknown-type", "GOLE"),
        ({"event_ids": [str(uuid4())]}, 404, "event-not-found", "no event"),
        ({"event_ids": []}, 422, "invalid-request", ""),
        ({"lead_s": -1}, 422, "invalid-request", ""),
        ({"form": "gif"}, 422, "invalid-request", ""),
        ({"filter": {}, "event_ids": [str(uuid4())]}, 422, "invalid-request", ""),
        ({"filter": {"kind": ["PASS"]}}, 422, "invalid-request", ""),
    ],
)
def test_what_cannot_be_cut_is_said_at_once(
    api: RunningApi,
    match: str,
    wanted: dict[str, Any],
    status: int,
    kind: str,
    words: str,
) -> None:
    answer = api.client.post(f"{match}/clips", json=wanted)

    assert answer.status_code == status
    assert answer.json()["type"] == f"/problems/{kind}"
    assert words in answer.json()["detail"]
    assert api.client.get(f"{match}/clips").json()["items"] == []


@pytest.mark.costly
@pytest.mark.parametrize("is_known", [True, False])
def test_events_beyond_the_end_are_named(
    api: RunningApi,
    match: str,
    context: WorkerContext,
    sessions: Sessions,
    is_known: bool,
) -> None:
    """At once, or by the job where it must decode the video first."""
    event = api.client.get(f"{match}/events").json()["items"][3]
    # The rows say what the API would refuse: the file was another, longer one.
    with sessions.begin() as session:
        video = session.get_one(Video, UUID(match.rpartition("/")[2]))
        decision = session.get_one(Decision, (video.id, UUID(event["id"])))
        decision.frame, decision.time_ms = 300, 10_000
        video.revision += 1
        decision.revision = video.revision
        session.add(
            Annotation(
                video_id=video.id,
                revision=video.revision,
                step_id=uuid4(),
                event_id=decision.event_id,
                author="local",
                action="edit",
                created_at=utc_now(),
            )
        )
        if not is_known:
            video.frame_times_key = None

    answer = api.client.post(f"{match}/clips", json={})

    if is_known:
        assert answer.status_code == 422
        assert answer.json()["type"] == "/problems/cannot-cut"
        detail = answer.json()["detail"]
    else:
        assert answer.status_code == 202
        clip = answer.json()
        assert run(UUID(clip["job_id"]), context) is JobStatus.FAILED
        error = api.client.get(f"/clips/{clip['id']}").json()["error"]
        assert error["code"] == "bad_cut"
        detail = error["detail"]
    assert event["id"] in detail
    assert "ends at 8.000 s (frame 239)" in detail


def test_a_video_nobody_looked_at_yet_and_one_that_is_gone_have_no_clips(
    api: RunningApi, context: WorkerContext, match_file: Path
) -> None:
    new = upload(match_file, sessions=context.sessions, storage=context.storage)

    early = api.client.post(f"/videos/{new.video_id}/clips", json={})
    gone = api.client.post(f"/videos/{uuid4()}/clips", json={})
    unknown = [
        api.client.get(f"/clips/{uuid4()}"),
        api.client.get("/clips/nothing/file"),
        api.client.delete(f"/clips/{uuid4()}"),
        api.client.get(f"/videos/{uuid4()}/clips"),
    ]
    job = api.client.post(f"/videos/{new.video_id}/jobs", json={"kind": "clips"})

    assert early.status_code == 409
    assert [gone.status_code, *[one.status_code for one in unknown]] == [404] * 5
    assert job.status_code == 422
    assert f"/videos/{new.video_id}/clips" in job.json()["detail"]


@pytest.mark.costly
def test_the_same_key_makes_one_clip(api: RunningApi, match: str) -> None:
    headers = {"idempotency-key": str(uuid4())}
    first = api.client.post(f"{match}/clips", json={}, headers=headers)
    again = api.client.post(f"{match}/clips", json={}, headers=headers)
    other = api.client.post(f"{match}/clips", json={"lag_s": 9}, headers=headers)

    assert first.json() == again.json()
    assert other.status_code == 422
    assert len(api.client.get(f"{match}/clips").json()["items"]) == 1


@pytest.mark.costly
def test_a_clip_asked_for_again_is_told_though_its_event_is_gone(
    api: RunningApi, match: str
) -> None:
    events = api.client.get(f"{match}/events").json()["items"]
    (latest,) = (one["id"] for one in events if one["frame"] == EVENTS[-1][1])
    asked = {"event_ids": [latest], "form": "playlist"}
    key = {"idempotency-key": str(uuid4())}

    first = api.client.post(f"{match}/clips", json=asked, headers=key)
    api.client.post(f"{match}/events/undo").raise_for_status()
    again = api.client.post(f"{match}/clips", json=asked, headers=key)
    other = api.client.post(f"{match}/clips", json=asked)

    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json() == first.json()
    assert other.status_code == 404


@pytest.mark.costly
def test_clips_are_listed_in_pages_the_newest_first(
    api: RunningApi, match: str
) -> None:
    made = [ask(api, match, form="playlist")["id"] for _ in range(3)]

    first = api.client.get(f"{match}/clips", params={"limit": 2}).json()
    cursor = first["next_cursor"]
    second = api.client.get(f"{match}/clips", params={"limit": 2, "cursor": cursor})

    assert [one["id"] for one in first["items"]] == made[:0:-1]
    assert [one["id"] for one in second.json()["items"]] == made[:1]


@pytest.mark.costly
def test_the_webhook_is_told_of_the_clip(
    api: RunningApi, match: str, context: WorkerContext, sessions: Sessions
) -> None:
    with sessions.begin() as session:
        video = session.get_one(Video, UUID(match.rpartition("/")[2]))
        video.callback_url = "https://example.org/hook"

    done = rendered(api, match, context, lead_s=0.1, lag_s=0.1)
    canceled = ask(api, match)
    api.client.post(f"/jobs/{canceled['job_id']}/cancel")

    with sessions() as session:
        told = session.scalars(select(Delivery).order_by(Delivery.id)).all()
    assert [one.type for one in told] == ["clip.completed", "clip.canceled"]
    body = httpx.Response(200, text=told[0].body).json()
    assert body["data"]["clip_id"] == done["id"]
    assert body["data"]["links"]["file"].endswith(f"/clips/{done['id']}/file")
    assert api.client.get(f"/clips/{canceled['id']}").json()["status"] == "canceled"


@pytest.mark.costly
def test_a_deleted_clip_takes_its_file_along_and_cancels_its_job(
    api: RunningApi, match: str, context: WorkerContext, storage: Storage
) -> None:
    done = rendered(api, match, context, lead_s=0.1, lag_s=0.1)
    waiting = ask(api, match)
    assert len(clip_files(storage, match)) == 1

    answers = [api.client.delete(f"/clips/{one['id']}") for one in (done, waiting)]

    assert [one.status_code for one in answers] == [204, 204]
    assert clip_files(storage, match) == []
    assert api.client.get(f"/clips/{done['id']}").status_code == 404
    assert run(UUID(waiting["job_id"]), context) is None
    job = api.client.get(f"/jobs/{waiting['job_id']}").json()
    assert job["status"] == "canceled"


@pytest.mark.costly
@pytest.mark.parametrize("what", ["clip", "video", "job"])
def test_what_is_deleted_or_canceled_while_it_is_rendered_leaves_no_file(
    api: RunningApi, match: str, context: WorkerContext, storage: Storage, what: str
) -> None:
    clip = ask(api, match, lead_s=0.1, lag_s=0.1)

    def render_and_lose(task: JobTask, own: HandlerContext, reporter: Reporter) -> Any:
        result = render_clip(task, own, reporter)
        if what == "job":
            api.client.post(f"/jobs/{clip['job_id']}/cancel")
        else:
            address = match if what == "video" else f"/clips/{clip['id']}"
            assert api.client.delete(address).status_code == 204
        return result

    handlers = {**load_handlers(MEDIA_QUEUE)}
    kind = next(one for one in handlers if one == "clips")
    handlers[kind] = render_and_lose
    status = run_job(UUID(clip["job_id"]), context=context, handlers=handlers)

    assert status is not JobStatus.SUCCEEDED
    assert clip_files(storage, match) == []


@pytest.mark.costly
def test_a_source_that_is_gone_and_a_full_disk_are_said_so(
    api: RunningApi,
    match: str,
    context: WorkerContext,
    settings: Settings,
    storage: Storage,
) -> None:
    full, gone = ask(api, match), ask(api, match)
    needs_more = settings.model_copy(
        update={"min_free_space": 2**60, "max_attempts": 1}
    )
    run(UUID(full["job_id"]), replace(context, settings=needs_more))
    storage.delete(f"videos/{match.rpartition('/')[2]}/source")
    with context.sessions() as session:
        video = session.get_one(Video, UUID(match.rpartition("/")[2]))
    storage.delete(str(video.storage_key))
    run(UUID(gone["job_id"]), context)

    errors = [
        api.client.get(f"/clips/{one['id']}").json()["error"] for one in (full, gone)
    ]
    assert [one["code"] for one in errors] == ["storage_full", "source_missing"]
    assert clip_files(storage, match) == []


@pytest.mark.costly
def test_only_old_files_that_no_clip_names_are_swept(
    api: RunningApi, match: str, context: WorkerContext, sessions: Sessions
) -> None:
    clip = ask(api, match)
    video_id, clip_id = UUID(match.rpartition("/")[2]), UUID(clip["id"])
    storage = MemoryStorage()
    shown, lost, young, strange = (
        clip_key(owner, clip_id, uuid4(), ".mp4")
        for owner in (video_id, video_id, video_id, uuid4())
    )
    for key in (shown, lost, young, strange):
        storage.put(key, b"film")
        if key != young:
            storage.age(key, timedelta(days=1))
    with sessions.begin() as session:
        session.get_one(Clip, clip_id).file_key = shown

    assert sweep_lost_objects([CLIPS], sessions=sessions, storage=storage) == 1

    assert [storage.exists(key) for key in (shown, lost, young, strange)] == [
        *(True, False, True, True)
    ]


@pytest.mark.nightly
def test_hundreds_of_clips_at_once_are_rendered_in_one_job(
    api: RunningApi, match: str, context: WorkerContext, sessions: Sessions
) -> None:
    changes = [{"type": "PASS", "frame": n % FRAMES} for n in range(500)]
    made = api.client.post(f"{match}/events:batch", json={"changes": changes})
    assert made.status_code == 200, made.text

    clip = rendered(
        api, match, context, form="zip", merge=False, lead_s=0.04, lag_s=0.0
    )

    assert len(clip["cuts"]) == 504
    with sessions() as session:
        assert len(session.scalars(select(Job).where(Job.kind == "clips")).all()) == 1
    data = api.client.get(f"/clips/{clip['id']}/file").content
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert len(set(archive.namelist())) == 504
