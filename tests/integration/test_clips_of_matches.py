"""Clips of several matches, smart cuts and captions, over HTTP and as jobs."""

import io
import os
import subprocess
import time
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import av
import numpy as np
import pytest
from sqlalchemy import select

from app.clips.clip_options import Match, options_of
from app.clips.clipping import add_clip
from app.clips.lost_clips import CLIPS, forget_clips
from app.clips.searched_events import take_hits
from app.clips.tables import Clip
from app.core.broker.notifier import MEDIA_QUEUE, JobNotifier
from app.core.db.session import Sessions
from app.core.settings import Settings
from app.core.storage.interface import Storage
from app.core.storage.keys import match_clip_key
from app.jobs.tables import Job, JobStatus
from app.retention.service import drop_footage
from app.search.hits import Hit, Position
from app.search.tables import SearchedEvent
from app.videos.cleanup import clean_up
from app.videos.lost_objects import sweep_lost_objects
from app.videos.tables import Video
from app.webhooks.tables import Delivery
from model.video.frame_times import FrameTimes
from tests.api_server import RunningApi, running_api
from tests.fakes import MemoryStorage
from tests.integration.rendering import (
    ask,
    bounds,
    media_worker,
    numbers,
    rendered,
    run,
    tagged,
)
from tests.videos import draw_video
from worker.handlers.clips import render_clip
from worker.job_task import HandlerContext, JobTask, Reporter, load_handlers
from worker.outcomes import WorkerContext
from worker.runner import run_job

TIMES = FrameTimes.constant(fps=50, frames=100)


@pytest.fixture
def context(
    settings: Settings, sessions: Sessions, storage: Storage, notifier: JobNotifier
) -> WorkerContext:
    return media_worker(settings, sessions, storage, notifier)


@pytest.fixture
def api(context: WorkerContext) -> Iterator[RunningApi]:
    with running_api(context.settings) as running:
        yield running


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A match of 25 frames a second with sound, and one of 50, narrow and without."""
    folder = tmp_path_factory.mktemp("matches")
    paths = [folder / "wide.mp4", folder / "narrow.mkv"]
    draw_video(paths[0], frames=75, fps=25, size=(320, 180), b_frames=2, sound=True)
    draw_video(paths[1], frames=100, fps=50, size=(120, 120))
    return paths


@pytest.fixture
def matches(api: RunningApi, context: WorkerContext, files: list[Path]) -> list[str]:
    return [
        tagged(api, context, files[0], [("PASS", 20), ("SHOT", 50)]),
        tagged(api, context, files[1], [("SHOT", 40), ("PASS", 80)]),
    ]


def events_of(api: RunningApi, matches: list[str]) -> list[dict[str, str]]:
    """All events, those of the second match first."""
    return [
        {"video_id": match.rpartition("/")[2], "event_id": event["id"]}
        for match in reversed(matches)
        for event in api.client.get(f"{match}/events").json()["items"]
    ]


def test_a_reel_of_matches_has_all_frames_in_one_size(
    api: RunningApi, matches: list[str], context: WorkerContext, sessions: Sessions
) -> None:
    clip = rendered(
        *(api, "", context),
        events=events_of(api, matches),
        lead_s=0.2,
        lag_s=0.1,
        captions={"type": True, "clock": True, "teams": True},
        mode="smart",
    )
    data = api.client.get(clip["links"]["file"]).content

    wide, narrow = (UUID(match.rpartition("/")[2]) for match in matches)
    assert [UUID(cut["video_id"]) for cut in clip["cuts"]] == [narrow] * 2 + [wide] * 2
    assert bounds(clip) == [(30, 45), (70, 85), (15, 22), (45, 52)]
    assert (clip["video_id"], clip["links"]["video"]) == (None, None)
    facts = clip["file"]
    assert (facts["mode"], facts["has_sound"]) == ("exact", True)
    assert (facts["width"], facts["height"], facts["frames"]) == (320, 180, 48)
    with av.open(io.BytesIO(data), "r") as container:
        frames = list(container.decode(video=0))
        times = [float(frame.pts * frame.time_base) for frame in frames]  # type: ignore[operator]
    shown = np.diff([*times, clip["length_s"]])
    assert shown == pytest.approx([1 / 50] * 32 + [1 / 25] * 16, abs=1e-5)
    # A square picture stands between black bars.
    bar = frames[0].to_ndarray(format="gray")[:100, :60]
    assert bar.max() < 20
    with sessions() as session:
        assert session.scalars(select(Delivery)).all() == []


@pytest.mark.costly
def test_a_sequence_is_one_cut_though_its_steps_lie_far_apart(
    api: RunningApi, context: WorkerContext, tmp_path: Path
) -> None:
    path = tmp_path / "long.mp4"
    draw_video(path, frames=150, fps=5, size=(160, 90))
    match = tagged(api, context, path, [("PASS", 20), ("PASS", 30), ("SHOT", 120)])
    steps = [one["event_id"] for one in events_of(api, [match])]
    hit = {"video_id": match.rpartition("/")[2], "event_ids": [steps[0], steps[2]]}
    alone = {"video_id": hit["video_id"], "event_id": steps[1]}

    clip = rendered(api, "", context, events=[hit], lead_s=1, lag_s=1)
    apart = ask(api, "", events=[hit, alone], merge=False, lead_s=1, lag_s=1)
    joined = ask(api, "", events=[hit, alone], lead_s=1, lag_s=1)

    assert bounds(clip) == [(15, 125)]
    assert [one["id"] for one in clip["cuts"][0]["events"]] == [steps[0], steps[2]]
    data = api.client.get(clip["links"]["file"]).content
    assert numbers(data) == list(range(15, 126))
    assert bounds(apart) == [(15, 125), (25, 35)]
    (cut,) = joined["cuts"]
    assert [one["id"] for one in cut["events"]] == steps


@pytest.mark.costly
def test_a_saved_search_becomes_a_clip_by_one_request(
    api: RunningApi, matches: list[str]
) -> None:
    query = {"sequence": ["PASS", "SHOT"], "order": "asc"}
    saved = api.client.post("/searches", json={"name": "s", "query": query}).json()
    wanted = {"search_id": saved["id"], "lead_s": 0.2, "lag_s": 0.1, "merge": False}

    of_sequence = ask(api, "", form="playlist", **wanted)
    api.client.patch(f"/searches/{saved['id']}", json={"query": {"type": ["SHOT"]}})
    of_events = ask(api, "", form="playlist", **wanted)
    api.client.patch(f"/searches/{saved['id']}", json={"query": {"type": ["GOAL"]}})
    of_nothing = api.client.post("/clips", json=wanted)
    of_none = api.client.post("/clips", json={"search_id": str(uuid4())})
    of_both = api.client.post(
        "/clips", json={**wanted, "events": events_of(api, matches)}
    )

    ids = [match.rpartition("/")[2] for match in matches]
    assert bounds(of_sequence) == [(15, 52)]
    assert (of_sequence["is_part"], of_events["is_part"]) == (False, False)
    assert [cut["video_id"] for cut in of_events["cuts"]] == ids[::-1]
    assert bounds(of_events) == [(30, 45), (45, 52)]
    found = [
        (one.status_code, one.json()["type"].rpartition("/")[2])
        for one in (of_nothing, of_none, of_both)
    ]
    assert found == [
        *((422, "cannot-cut"), (404, "search-not-found"), (422, "invalid-request")),
    ]


def test_hits_of_a_search_are_taken_up_to_the_limits_of_clips() -> None:
    def hit(number: int, events: int, key: str | None = "k") -> Hit:
        video = Video(id=UUID(int=number), storage_key=key)
        found = [SearchedEvent(event_id=UUID(int=n)) for n in range(events)]
        return Hit(video, found, Position())

    of_many = take_hits(hit(number, 1) for number in range(200))
    of_steps = take_hits(hit(0, 3) for _ in range(400))
    of_kept = take_hits([hit(0, 1, None), hit(1, 1)])

    assert (len(of_many.events), len(of_steps.events)) == (100, 333)
    assert (of_many.is_part, of_steps.is_part, of_kept.is_part) == (True, True, False)
    assert [one.video_id for one in of_kept.events] == [UUID(int=1)]


@pytest.mark.costly
def test_single_clips_and_a_playlist_of_matches_tell_which(
    api: RunningApi, matches: list[str], context: WorkerContext
) -> None:
    for match, title in zip(matches, ("Leeds", "Зенит"), strict=True):
        facts = {"title": title}
        etag = api.client.get(match).headers["etag"]
        answer = api.client.patch(match, json=facts, headers={"if-match": etag})
        assert answer.status_code == 200, answer.text
    options = {"events": events_of(api, matches), "lead_s": 0.1, "lag_s": 0.1}

    zipped = rendered(api, "", context, form="zip", order="score", **options)
    listed = ask(api, "", form="playlist", **options)
    data = api.client.get(zipped["links"]["file"]).content
    playlist = api.client.get(listed["links"]["file"]).text

    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = archive.namelist()
        assert numbers(archive.read(names[2])) == [17, 18, 19, 20, 21, 22]
    assert names == [
        *("1-Зенит-SHOT-00h00m00s.mp4", "2-Зенит-PASS-00h00m01s.mp4"),
        *("3-Leeds-PASS-00h00m00s.mp4", "4-Leeds-SHOT-00h00m02s.mp4"),
    ]
    for match in matches:
        assert playlist.count(f"{match}/file#t=") == 2
    assert "SHOT (Зенит)" in playlist


@pytest.mark.costly
def test_the_list_of_all_clips_comes_in_pages(
    api: RunningApi, matches: list[str]
) -> None:
    events = events_of(api, matches)
    made = [
        ask(api, "", events=events, form="playlist")["id"],
        ask(api, matches[0], form="playlist")["id"],
        ask(api, "", events=events[:1], form="playlist")["id"],
    ]

    first = api.client.get("/clips", params={"limit": 2}).json()
    query = {"limit": 2, "cursor": first["next_cursor"]}
    second = api.client.get("/clips", params=query).json()

    assert [one["id"] for one in first["items"]] == made[:0:-1]
    assert [one["id"] for one in second["items"]] == made[:1]
    assert len(api.client.get(f"{matches[0]}/clips").json()["items"]) == 1


BAD: tuple[tuple[dict[str, Any], int, str], ...] = (
    ({"events": []}, 422, "invalid-request"),
    ({"lead_s": 0, "lag_s": 0}, 422, "cannot-cut"),
    ({"video_id": str(uuid4())}, 404, "video-not-found"),
    ({"event_id": str(uuid4())}, 404, "event-not-found"),
    ({"event_ids": [str(uuid4())]}, 422, "invalid-request"),  # beside event_id
    ({"form": "playlist", "captions": {"type": True}}, 422, "invalid-request"),
    ({"captions": {"score": True}}, 422, "invalid-request"),
)


@pytest.mark.costly
def test_what_cannot_be_cut_of_matches_is_said_at_once(
    api: RunningApi, matches: list[str]
) -> None:
    for changes, status, kind in BAD:
        wanted: dict[str, Any] = {"events": events_of(api, matches)}
        for name, value in changes.items():
            if name in ("video_id", "event_id", "event_ids"):
                wanted["events"][0][name] = value
            else:
                wanted[name] = value

        answer = api.client.post("/clips", json=wanted)

        found = answer.status_code, answer.json()["type"]
        assert found == (status, f"/problems/{kind}"), changes
    assert api.client.get("/clips").json()["items"] == []


@pytest.mark.costly
@pytest.mark.parametrize("when", ["before", "encode", "store"])
def test_a_match_that_is_deleted_fails_the_clip_and_leaves_no_file(
    api: RunningApi,
    matches: list[str],
    context: WorkerContext,
    storage: Storage,
    when: str,
) -> None:
    events = events_of(api, matches)
    clip = ask(api, "", events=events, lead_s=0.1, lag_s=0.1)

    class Deleting:
        """Reports as always; deletes a match when pictures are written."""

        def __init__(self, reporter: Reporter) -> None:
            self._reporter, self._is_done = reporter, False

        def progress(self, stage: str, done: float, eta_s: float | None = None) -> None:
            self._reporter.progress(stage, done, eta_s)
            if stage == when and not self._is_done:
                self._is_done = True
                assert api.client.delete(matches[0]).status_code == 204

        def touch(self) -> None:
            self._reporter.touch()

    def render(task: JobTask, own: HandlerContext, reporter: Reporter) -> Any:
        return render_clip(task, own, Deleting(reporter))

    handlers = {**load_handlers(MEDIA_QUEUE)}
    if when == "before":
        assert api.client.delete(matches[0]).status_code == 204
    else:
        handlers[next(kind for kind in handlers if kind == "clips")] = render
    status = run_job(UUID(clip["job_id"]), context=context, handlers=handlers)

    assert status is JobStatus.FAILED
    error = api.client.get(f"/clips/{clip['id']}").json()["error"]
    assert error["code"] == "source_missing"
    assert "1 of the 2 videos" in error["detail"]
    assert list(storage.list("clips")) == []


@pytest.mark.costly
def test_a_clip_of_matches_is_deleted_with_its_file(
    api: RunningApi, matches: list[str], context: WorkerContext, storage: Storage
) -> None:
    clip = rendered(
        api, "", context, events=events_of(api, matches), lead_s=0.04, lag_s=0.0
    )

    assert api.client.delete(f"/clips/{clip['id']}").status_code == 204

    assert list(storage.list("clips")) == []


@pytest.mark.costly
@pytest.mark.parametrize("how", ["deleted", "dropped"])
def test_a_clip_goes_with_any_match_that_it_shows(
    api: RunningApi,
    matches: list[str],
    context: WorkerContext,
    storage: Storage,
    how: str,
) -> None:
    events = events_of(api, matches)
    clip = rendered(api, "", context, events=events, lead_s=0.04, lag_s=0.0)
    other = ask(api, matches[0], form="playlist")
    forget = partial(forget_clips, context.sessions, settings=context.settings)
    assert forget() == 0

    if how == "deleted":
        api.client.delete(matches[1])
    else:
        with context.sessions.begin() as session:
            row = session.get_one(Video, UUID(matches[1].rpartition("/")[2]))
            drop_footage(session, row)

    assert (forget(), forget()) == (1, 0)
    clean_up(sessions=context.sessions, storage=storage)
    assert api.client.get(clip["links"]["self"]).status_code == 404
    assert list(storage.list("clips")) == []
    assert api.client.get(other["links"]["self"]).status_code == 200


@pytest.mark.costly
def test_files_of_matches_that_no_clip_names_are_swept(
    api: RunningApi, matches: list[str], sessions: Sessions
) -> None:
    clip = ask(api, "", events=events_of(api, matches), form="playlist")
    storage, clip_id = MemoryStorage(), UUID(clip["id"])
    known = UUID(matches[1].rpartition("/")[2])
    shown, lost, strange = (
        match_clip_key(video_id, clip_id, uuid4(), ".mp4")
        for video_id in (known, known, uuid4())
    )
    for key in (shown, lost, strange):
        storage.put(key, b"film")
        storage.age(key, timedelta(days=1))
    with sessions.begin() as session:
        session.get_one(Clip, clip_id).file_key = shown

    assert sweep_lost_objects([CLIPS], sessions=sessions, storage=storage) == 1
    assert [storage.exists(key) for key in (shown, lost, strange)] == [
        *(True, False, True)
    ]


@pytest.mark.costly
def test_a_smart_clip_says_how_much_of_it_is_copied(
    api: RunningApi, matches: list[str], context: WorkerContext
) -> None:
    clip = rendered(api, matches[0], context, mode="smart", lead_s=0.6, lag_s=0.6)
    with_words = rendered(
        *(api, matches[0], context), mode="smart", captions={"clock": True}
    )

    assert clip["file"]["mode"] == "smart"
    assert 0 < clip["file"]["copied_frames"] < clip["file"]["frames"]
    data = api.client.get(clip["links"]["file"]).content
    wanted = [n for first, last in bounds(clip) for n in range(first, last + 1)]
    assert numbers(data) == wanted
    assert with_words["file"]["mode"] == "exact"


@pytest.mark.nightly
def test_hundreds_of_clips_may_wait_and_be_canceled(
    api: RunningApi, matches: list[str], context: WorkerContext, sessions: Sessions
) -> None:
    options = {"events": events_of(api, matches)[:1], "lead_s": 0.1, "lag_s": 0.0}
    made = [ask(api, "", **options) for _ in range(2)]
    with sessions.begin() as session:
        first = session.get_one(Clip, UUID(made[0]["id"]))
        match = Match(UUID(matches[1].rpartition("/")[2]), first.events, TIMES)
        for _ in range(498):
            add_clip(
                *(session, [match]),
                video_id=None,
                options=options_of(first),
                form="reel",
                mode="exact",
                settings=context.settings,
            )
    with sessions() as session:
        waiting = session.scalars(select(Job).where(Job.kind == "clips")).all()
        assert {job.status for job in waiting} == {"queued"}
        assert len(waiting) == 500
    assert len(api.client.get("/clips", params={"limit": 200}).json()["items"]) == 200

    canceled = api.client.post(f"/jobs/{made[0]['job_id']}/cancel")
    last = run(UUID(made[-1]["job_id"]), context)

    assert canceled.status_code == 202
    assert last is JobStatus.SUCCEEDED


@pytest.mark.costly
def test_progress_is_shown_and_a_cancel_ends_the_rendering(
    api: RunningApi, matches: list[str], context: WorkerContext, storage: Storage
) -> None:
    clip = ask(api, "", events=events_of(api, matches))
    seen: list[dict[str, Any]] = []

    class Watching:
        """Reports as always; looks at the clip, then cancels its job."""

        def __init__(self, reporter: Reporter) -> None:
            self._reporter = reporter

        def progress(self, stage: str, done: float, eta_s: float | None = None) -> None:
            self._reporter.progress(stage, 0.5, eta_s)
            while not seen or seen[-1]["progress"] != 0.5:
                time.sleep(0.02)
                seen.append(api.client.get(f"/clips/{clip['id']}").json())
            api.client.post(f"/jobs/{clip['job_id']}/cancel")
            while True:
                time.sleep(0.02)
                self._reporter.touch()

        def touch(self) -> None:
            self._reporter.touch()

    def render(task: JobTask, own: HandlerContext, reporter: Reporter) -> Any:
        return render_clip(task, own, Watching(reporter))

    handlers = {**load_handlers(MEDIA_QUEUE)}
    handlers[next(kind for kind in handlers if kind == "clips")] = render
    often = context.settings.model_copy(update={"heartbeat": timedelta(seconds=0.05)})
    own = replace(context, settings=often)
    status = run_job(UUID(clip["job_id"]), context=own, handlers=handlers)

    assert status is JobStatus.CANCELED
    assert (seen[-1]["status"], seen[-1]["progress"]) == ("running", 0.5)
    assert api.client.get(f"/clips/{clip['id']}").json()["status"] == "canceled"
    assert list(storage.list("clips")) == []


@pytest.mark.costly
@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_disk_that_fills_while_rendering_fails_the_clip_and_keeps_the_rest(
    api: RunningApi,
    matches: list[str],
    context: WorkerContext,
    storage: Storage,
    tmp_path: Path,
) -> None:
    """The scratch file is on a disk of 8 kB; the storage is on another."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("this machine lets nobody mount a small disk")
    clip = ask(api, matches[0])
    own = context.settings.model_copy(update={"data_dir": disk, "max_attempts": 1})
    try:
        status = run(UUID(clip["job_id"]), replace(context, settings=own))
        left = list(disk.iterdir())
    finally:
        subprocess.run(["umount", str(disk)], check=True)

    assert status is JobStatus.FAILED
    error = api.client.get(f"/clips/{clip['id']}").json()["error"]
    assert error["code"] == "storage_full", error
    assert left == []
    assert api.client.get(f"{matches[0]}/file").status_code == 200
