"""The Python client on a service that works: wait, correct, export, cut, count."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path

import pytest

import touchline
from tests.api_server import make_settings
from tests.databases import PostgresOfTests
from tests.videos import draw_video, match_picture
from tests.working_service import WorkingService, working_service
from touchline.client.errors import ChangedMeanwhile, Conflict, InvalidRequest
from touchline.client.records import Half
from touchline.client.timeline_records import FoundEvent, FoundSequence

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def service(
    postgres: PostgresOfTests,
    checkpoint: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[WorkingService]:
    data_dir = tmp_path_factory.mktemp("data")
    (data_dir / "models").mkdir()
    (data_dir / "models" / checkpoint.name).symlink_to(checkpoint)
    with postgres.fresh_database() as url:
        settings = make_settings(
            data_dir=data_dir, database_url=url, model="tiny", engine="openvino"
        )
        with working_service(settings) as service:
            yield service


@pytest.fixture(scope="module")
def client(service: WorkingService) -> Iterator[touchline.Client]:
    with touchline.Client(service.api.url, author="Ana Ré") as client:
        yield client


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("client") / "match.mp4"
    draw_video(path, frames=90, fps=30, paint=match_picture)
    return path


@pytest.fixture(scope="module")
def seen() -> list[touchline.Video]:
    """What a wait for the video told."""
    return []


@pytest.fixture(scope="module")
def analysed(
    client: touchline.Client, file: Path, seen: list[touchline.Video]
) -> touchline.Video:
    video = client.upload(file, title="Cup final", competition="City Cup")
    return client.wait(video, timeout_s=120, on_progress=seen.append)


@pytest.fixture
def video(
    client: touchline.Client, analysed: touchline.Video
) -> Iterator[touchline.Video]:
    """A video that is analysed, and that nobody has corrected."""
    yield analysed
    with suppress(Conflict):
        while client.undo(analysed).step:
            pass


def test_a_wait_shows_progress_and_gives_the_timeline(
    client: touchline.Client, video: touchline.Video, seen: list[touchline.Video]
) -> None:
    assert (video.status, video.progress) == ("succeeded", 1.0)
    assert (video.width, video.fps, video.duration_s) == (160, 30.0, 3.0)
    assert seen[-1] == video
    events = list(client.events(video))
    assert len(events) == sum((video.counts or {}).values()) > 1
    assert [one.time_s for one in events] == sorted(one.time_s for one in events)
    assert {one.state for one in events} == {"suggested"}


def test_events_are_filtered_and_paged(
    client: touchline.Client, video: touchline.Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = list(client.events(video))
    chosen = everything[0].type
    lowest = (everything[0].score or 0) - 1e-4  # scores are rounded to 4 places

    monkeypatch.setattr("touchline.client.events.PAGE", 2)

    assert list(client.events(video)) == everything
    found = list(client.events(video, type=chosen, min_score=lowest))
    assert everything[0] in found
    assert {one.type for one in found} == {chosen}
    assert list(client.events(video, from_s=1, to_s=2)) == [
        one for one in everything if 1 <= one.time_s <= 2
    ]


def test_corrections_are_made_signed_and_undone(
    client: touchline.Client, video: touchline.Video
) -> None:
    first, second, *_ = client.events(video)

    assert first.version == 0
    accepted = client.accept(video, first)
    rejected = client.reject(video, second)
    edited = client.edit(video, accepted, frame=first.frame + 1, attributes={"n": 7})
    added = client.add_event(video, "SHOT", time_s=2.0, attributes={"team": "left"})

    assert (accepted.state, rejected.state) == ("accepted", "rejected")
    assert (edited.state, edited.frame) == ("edited", first.frame + 1)
    assert edited.attributes["n"] == 7
    assert (added.state, added.source, added.frame) == ("added", "human", 60)
    assert (added.score, added.team, added.decided_by) == (None, "left", "local/Ana Ré")
    assert rejected not in list(client.events(video))
    assert list(client.events(video, state="rejected")) == [rejected]
    undone = client.undo(video)
    assert undone.gone == (added.id,)
    assert [one.id for one in client.redo(video).events] == [added.id]
    assert client.reset(video, rejected).state == "suggested"


def test_nobody_overwrites_what_another_decided(
    service: WorkingService, client: touchline.Client, video: touchline.Video
) -> None:
    *_, seen = client.events(video)
    with touchline.Client(service.api.url, author="Ben") as other:
        theirs = other.reject(video, seen)

    with pytest.raises(ChangedMeanwhile) as refused:
        client.accept(video, seen)

    assert (refused.value.status, refused.value.code) == (412, "event-changed")
    assert refused.value.document["current"]["decided_by"] == "local/Ben"
    with pytest.raises(ChangedMeanwhile) as unseen:
        client.accept(video, seen.id)
    assert unseen.value.code == "version-needed"
    assert client.accept(video, theirs).state == "accepted"
    client.undo(video)
    with touchline.Client(service.api.url, author="Ben") as other:
        other.undo(video)


def test_nothing_to_undo_is_a_conflict(
    client: touchline.Client, video: touchline.Video
) -> None:
    with pytest.raises(Conflict, match="nothing-to-undo"):
        client.undo(video)


def test_exports_are_written_and_overwrite_nothing_unasked(
    client: touchline.Client, video: touchline.Video, tmp_path: Path
) -> None:
    path = tmp_path / "match.csv"
    path.write_text("mine")

    with pytest.raises(FileExistsError, match="overwrite=True"):
        client.export(video, "csv", path)
    assert path.read_text() == "mine"
    text = client.export(video, "csv", path, overwrite=True)

    assert path.read_bytes() == text
    assert len(text.splitlines()) == 1 + len(list(client.events(video)))
    document = json.loads(client.export(video, "json"))
    assert len(document["items"]) == len(list(client.events(video)))
    for form in client.formats():
        if form.name != "youtube":  # whose chapters last 10 seconds
            assert client.export(video, form.name), form
    with pytest.raises(InvalidRequest):
        client.export(video, "no-such-format", tmp_path / "x")
    assert [one.name for one in tmp_path.iterdir()] == ["match.csv"]


def test_clips_are_asked_for_awaited_and_loaded(
    client: touchline.Client, video: touchline.Video, tmp_path: Path
) -> None:
    events = list(client.events(video))[:2]
    target = tmp_path / "clips.zip"

    clip = client.create_clip(
        video, events=events, form="zip", lead_s=0.2, lag_s=0.2, merge=False
    )
    done = client.wait_clip(clip, timeout_s=120)
    client.download_clip(done, target)

    assert (done.status, len(done.cuts)) == ("succeeded", 2)
    assert target.stat().st_size == done.size_bytes
    with zipfile.ZipFile(target) as archive:
        assert len([n for n in archive.namelist() if n.endswith(".mp4")]) == 2
    assert [one.id for one in client.clips(video)] == [clip.id]
    with pytest.raises(FileExistsError):
        client.download_clip(done, target)
    client.delete_clip(done)
    assert list(client.clips(video)) == []
    with pytest.raises(ValueError, match="either events or a filter"):
        client.create_clip(video, events=events, types=["PASS"])


def test_statistics_and_search_cover_what_is_shown(
    client: touchline.Client, video: touchline.Video
) -> None:
    events = list(client.events(video))

    counted = client.statistics(video, compared_with=video)
    found = list(client.search(type=events[0].type, competition="City Cup"))

    assert counted.count == len(events) == sum(one.count for one in counted.counts)
    assert counted.raw["compared_with"] == video.id
    assert {one.video.title for one in found} == {"Cup final"}
    assert {one.id for one in found} == {
        one.id for one in events if one.type == events[0].type
    }


@pytest.mark.costly
def test_exports_tell_of_their_provenance_and_from_where_they_count(
    client: touchline.Client, file: Path
) -> None:
    video = client.wait(client.upload(file), timeout_s=120)
    half = Half(start_s=0.5)
    video = client.change_video(video, halves=[half])
    told = {one.name: one.provenance for one in client.formats()}
    for early in client.events(video, to_s=0.5):
        client.reject(video, early)
    events = list(client.events(video))

    plain = json.loads(client.export(video, "json"))
    full = json.loads(client.export(video, "json", provenance=True))
    named = client.export(video, "osl", provenance=True)
    by_half = json.loads(client.export(video, "soccernet"))
    by_video = json.loads(client.export(video, "soccernet", halves="none"))

    assert "provenance" not in plain
    assert full["provenance"]["models"][0]["name"] == "tiny"
    assert len(full["items"]) == len(events)
    assert told["osl"] == "all"
    assert b"touchline-provenance" in named
    assert b"touchline-provenance" not in client.export(video, "osl")
    assert by_half != by_video
    client.delete_video(video)


def test_a_file_is_previewed_then_imported_in_one_step(
    client: touchline.Client, video: touchline.Video, tmp_path: Path
) -> None:
    path = tmp_path / "tags.csv"
    path.write_text("label,time_s\nSHOT,0.1\nSHOT,2.9\nHUDDLE,1.5\n")
    before = list(client.events(video))

    planned = client.import_events(video, path, preview=True)
    with pytest.raises(touchline.ApiProblem, match="HUDDLE"):
        client.import_events(video, path)
    assert list(client.events(video)) == before
    done = client.import_events(
        *(video, path.read_bytes()),
        rename={"HUDDLE": "PASS"},
        offset_s=0.01,
        tolerance_s=0.0,
        delimiter=",",
    )

    assert (planned.is_preview, planned.step) == (True, None)
    assert planned.counts == {"SHOT": 2, "HUDDLE": 1}
    assert [(one.type, one.count) for one in planned.unknown_types] == [("HUDDLE", 1)]
    assert (done.is_preview, done.format, done.offset_s) == (False, "csv", 0.01)
    assert (done.added, done.duplicate_count) == ({"SHOT": 2, "PASS": 1}, 0)
    assert client.undo(video).step is not None
    assert list(client.events(video)) == before


def test_a_report_is_asked_for_awaited_and_loaded(
    client: touchline.Client, video: touchline.Video, tmp_path: Path
) -> None:
    report = client.create_report(video, key_types=["PASS"], stills=2)
    done = client.wait_report(report, timeout_s=120)
    path = client.download_report(done, tmp_path / "report.html")

    assert (done.status, done.key_types, done.stills) == ("succeeded", ("PASS",), 2)
    assert path.read_bytes().startswith(b"<!doctype html>")
    assert path.stat().st_size == done.size_bytes
    assert [one.id for one in client.reports(video)] == [report.id]
    client.delete_report(report)
    assert list(client.reports(video)) == []


@pytest.mark.costly
def test_sequences_are_found_and_each_is_cut_whole(
    client: touchline.Client, video: touchline.Video, tmp_path: Path
) -> None:
    for label, at_s in (("DRIVE", 0.2), ("SHOT", 2.2), ("DRIVE", 2.4)):
        client.add_event(video, label, time_s=at_s, attributes={"team": "left"})
    steps = ["DRIVE", "SHOT"]

    (hit,) = client.search(sequence=steps, within_s=5, state="added", same_team=True)
    clip = client.clip_matches(
        [hit], lead_s=0.1, lag_s=0.1, mode="smart", captions=["type", "clock"]
    )
    done = client.wait_clip(clip, timeout_s=120)
    saved = client.save_search("runs", sequence=steps, state="added", same_team=True)
    listed = client.clip_matches(search_id=saved.id, form="playlist", provenance=True)
    added = client.create_clip(video, state="added", form="playlist", merge=False)

    assert ([one.type for one in hit.events], hit.to_s) == (steps, 2.2)
    assert list(client.search(sequence=steps, within_s=1, state="added")) == []
    assert [(one.first_frame, one.last_frame) for one in done.cuts] == [(3, 69)]
    assert done.file is not None
    assert (done.mode, done.file["mode"]) == ("smart", "exact")  # it has captions
    assert (listed.video_id, [one.video_id for one in listed.cuts]) == (
        *(None, [video.id]),
    )
    assert len(added.cuts) == 3
    assert {one.id for one in client.clips()} >= {clip.id, listed.id, added.id}
    with pytest.raises(ValueError, match="either hits or a search_id"):
        client.clip_matches([hit], search_id=saved.id)
    assert "local/Ana Ré" in listed.provenance[0]["reviewers"]
    assert not listed.is_part
    for one in (clip, listed, added):
        client.delete_clip(one)


@pytest.mark.costly
def test_a_video_is_analysed_again(
    client: touchline.Client, video: touchline.Video
) -> None:
    job = client.wait_job(client.analyse(video, model="tiny"), timeout_s=120)

    assert (job.kind, job.model, job.counts) == ("spot", "tiny", video.counts)
    assert next(client.jobs(video)).id == job.id
    assert "tiny" in [one.name for one in client.models()]


def test_what_is_no_video_fails_with_its_reason(
    client: touchline.Client, tmp_path: Path
) -> None:
    path = tmp_path / "broken.mp4"
    path.write_bytes(b"no video" * 100)
    video = client.upload(path)

    with pytest.raises(touchline.JobFailed) as failed:
        client.wait(video, timeout_s=120)

    assert failed.value.job.error is not None
    assert failed.value.job.error.code == "unreadable_video"
    client.delete_video(video)


@pytest.mark.costly
@pytest.mark.parametrize(
    ("page", "printed"), [("docs/client.md", "succeeded {"), ("README.md", "")]
)
def test_the_examples_run_as_they_stand(
    service: WorkingService, file: Path, tmp_path: Path, page: str, printed: str
) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    example = next(one for one in blocks if "touchline.Client(" in one)
    for address in ("http://127.0.0.1:8000", "http://localhost:8000"):
        example = example.replace(address, service.api.url)
    shutil.copy(file, tmp_path / "match.mp4")

    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", example],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(printed)
    assert (tmp_path / "match.xml").read_text().startswith("<?xml")
    assert (tmp_path / "reel.mp4").exists() == (page == "docs/client.md")


def test_searches_are_saved_listed_found_again_and_deleted(
    client: touchline.Client, video: touchline.Video
) -> None:
    client.add_event(video, "SHOT", time_s=1.2)
    client.add_event(video, "DRIVE", time_s=2.2)
    after = client.save_search(
        "after shots", sequence=["SHOT", "DRIVE"], within_s=5, state="added"
    )
    shots = client.save_search(
        "shots", type="SHOT", state="added", competition="City Cup"
    )
    client.save_search("before", type="SHOT", to_date=date(2020, 1, 1))

    with pytest.raises(Conflict):
        client.save_search("shots", type="PASS")
    mine = ("after shots", "before", "shots")
    listed = [one for one in client.searches() if one.name in mine]
    found = [list(client.search_hits(one)) for one in listed]
    client.delete_search(shots)

    assert tuple(one.name for one in listed) == mine
    assert (listed[0], listed[2]) == (after, shots)
    of_sequence, of_none, of_shots = found
    assert {type(hit) for hit in of_sequence} == {FoundSequence}
    assert {type(hit) for hit in of_shots} == {FoundEvent}
    assert of_none == []  # the match has no date
    assert "shots" not in {one.name for one in client.searches()}
