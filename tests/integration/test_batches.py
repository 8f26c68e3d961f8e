"""Batches from the request to the last event, with real videos and a real model."""

import io
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pyarrow.parquet as pq
import pytest
from sqlalchemy import func, select, update

from app.batches.tables import Batch, BatchItem
from tests.api_server import RunningApi
from tests.file_server import FileServer, running_file_server, say, serve
from tests.integration.batch_work import (
    LONG_AGO_S,
    BatchWork,
    Json,
    count_jobs,
    imports_of,
    items,
    look,
    put_matches,
    start,
)
from tests.videos import draw_video, match_picture
from touchline import Client

pytestmark = pytest.mark.costly

API_SETTINGS = {
    "engine": "openvino",
    "model": "tiny",
    "webhook_allow_nets": "127.0.0.0/8",
    "heartbeat": "0.2 s",
    "lease": "30 s",
    "max_attempts": 1,
}


@pytest.fixture(scope="module")
def match(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second of play."""
    path = tmp_path_factory.mktemp("match") / "match.mp4"
    draw_video(path, frames=30, fps=30, paint=match_picture)
    return path


@pytest.fixture
def folder(api: RunningApi, checkpoint: Path, tmp_path: Path) -> Iterator[Path]:
    """A folder of imports of the test's own; the service has the model `tiny`."""
    with imports_of(api, checkpoint, tmp_path / "imports") as found:
        yield found


@pytest.fixture
def work(api: RunningApi, folder: Path) -> BatchWork:
    return BatchWork(api)


@pytest.fixture
def server() -> Iterator[FileServer]:
    with running_file_server() as found:
        yield found


@pytest.mark.slow
def test_a_folder_of_imports_becomes_a_table_of_events(
    api: RunningApi, work: BatchWork, folder: Path, match: Path
) -> None:
    put_matches(match, *(folder / "season" / f"{one}.mp4" for one in "abc"))
    put_matches(match, folder / "other" / "d.mp4")
    (folder / "season" / "broken.mp4").write_bytes(b"no video at all")
    os.utime(folder / "season" / "broken.mp4", (LONG_AGO_S, LONG_AGO_S))

    batch = start(api, {"imports": "season", "name": "Season 2025"})
    work.run_all()
    done = look(api, batch)

    assert (batch["status"], batch["counts"]["total"]) == ("listing", 0)
    assert done["status"] == "completed"
    assert done["counts"] | {"total": 0} == {
        **{"pending": 0, "queued": 0, "running": 0, "skipped": 0, "canceled": 0},
        **{"succeeded": 3, "failed": 1, "total": 0},
    }
    assert (done["model"], done["priority"], done["progress"]) == ("tiny", -5, 1)
    assert done["matches_per_hour"] > 0
    assert done["eta_s"] is None
    (failure,) = done["failures"]
    (failed,) = items(api, batch, state="failed")
    assert failure["count"] == 1
    assert failed["error"]["code"] == failure["code"] == "unreadable_video"
    assert failed["address"] == "season/broken.mp4"
    assert items(api, batch, code="no_such_code") == []
    rows = table_of(api, batch)
    assert {row["source_url"] for row in rows} == {f"season/{one}.mp4" for one in "abc"}
    assert rows == expected_rows(api, batch)


@pytest.mark.slow
def test_a_batch_of_urls_and_videos_runs_below_what_people_ask_for(
    api: RunningApi, work: BatchWork, server: FileServer, match: Path
) -> None:
    server.paths["/a.mp4"] = serve(match.read_bytes())
    server.paths["/gone.mp4"] = say(404, {})
    video = upload(api, match, model="none")
    asked = [
        {"url": server.url("/a.mp4"), "title": "Cup final"},
        {"url": server.url("/gone.mp4")},
        {"video": video["id"]},
        {"video": str(uuid4())},
    ]

    batch = start(api, {"items": asked, "priority": -9})
    work.feed()
    waiting = [one for one in items(api, batch) if one["state"] == "queued"]
    priorities = {job_of(api, one)["priority"] for one in waiting}
    work.run_all()

    assert len(waiting) == 3
    assert priorities == {-9}
    found = items(api, batch)
    assert [one["state"] for one in found] == [
        *("succeeded", "failed", "succeeded", "failed")
    ]
    codes = [one["error"] and one["error"]["code"] for one in found]
    assert codes == [None, "source_not_found", None, "video_not_found"]
    brought = api.client.get(f"/videos/{found[0]['video_id']}").json()
    assert brought["title"] == "Cup final"
    assert brought["source"]["url"] == server.url("/a.mp4")
    assert found[2]["video_id"] == video["id"]
    assert job_of(api, found[0])["priority"] == -9  # the analysis, too


@pytest.mark.slow
def test_what_the_model_has_analysed_is_left_out_and_what_failed_is_tried_again(
    api: RunningApi, work: BatchWork, server: FileServer, match: Path
) -> None:
    server.paths["/a.mp4"] = serve(match.read_bytes())
    server.paths["/b.mp4"] = say(404, {})
    asked = {"items": [{"url": server.url(path)} for path in ("/a.mp4", "/b.mp4")]}

    batch = start(api, asked)
    work.run_all()
    before = look(api, batch)
    put_right = serve(match.read_bytes() + b"\0\0\0\x08free")
    server.paths["/b.mp4"] = put_right
    other = api.client.post(
        f"/batches/{batch['id']}/retry", json={"codes": ["no_such_code"]}
    )
    again = api.client.post(f"/batches/{batch['id']}/retry")
    work.run_all()
    later = start(api, asked)
    work.run_all()

    assert before["counts"]["failed"] == 1
    assert other.json()["items"] == 0
    assert other.json()["batch"]["status"] == "completed"
    assert (again.json()["items"], again.json()["batch"]["status"]) == (1, "running")
    assert look(api, batch)["counts"]["succeeded"] == 2
    assert [one["rounds"] for one in items(api, batch)] == [1, 2]
    assert look(api, later)["counts"]["skipped"] == 2
    assert count_jobs(api) == count_jobs(api, batch)  # the later one queued nothing
    assert len(table_of(api, later)) == len(table_of(api, batch)) > 0


@pytest.mark.slow
def test_a_canceled_batch_stops_and_goes_on_when_it_is_resumed(
    api: RunningApi, folder: Path, match: Path
) -> None:
    work = BatchWork(api, window=2)
    put_matches(match, *(folder / f"{one}.mp4" for one in "abcde"))
    batch = start(api, {"imports": ""})
    work.run_one()
    work.feed()
    waiting = look(api, batch)["counts"]

    canceled = api.client.post(f"/batches/{batch['id']}/cancel")
    early = api.client.post(f"/batches/{batch['id']}/resume")
    work.feed()
    stopped = look(api, batch)
    twice = api.client.post(f"/batches/{batch['id']}/cancel")
    resumed = api.client.post(f"/batches/{batch['id']}/resume")
    work.run_all()

    assert (waiting["queued"], waiting["pending"]) == (2, 3)
    assert canceled.json()["status"] == "canceling"
    assert early.status_code == 409
    assert (stopped["status"], stopped["counts"]["canceled"]) == ("canceled", 5)
    assert twice.json()["type"] == "/problems/batch-is-finished"
    assert resumed.json()["items"] == 5
    assert look(api, batch)["counts"]["succeeded"] == 5


@pytest.mark.slow
def test_an_open_batch_takes_items_until_it_is_closed(
    api: RunningApi, work: BatchWork, folder: Path, match: Path
) -> None:
    put_matches(match, folder / "a.mp4", folder / "b.mp4")
    batch = start(api, {"items": [{"import": "a.mp4"}], "open": True})
    path = f"/batches/{batch['id']}/items"

    work.run_all()
    between = look(api, batch)
    more = {"items": [{"import": "a.mp4"}, {"import": "b.mp4"}], "last": True}
    added = api.client.post(path, json=more)
    closed = api.client.post(path, json=more)
    work.run_all()

    assert (between["status"], between["counts"]["succeeded"]) == ("open", 1)
    assert (added.json()["added"], added.json()["batch"]["status"]) == (1, "running")
    assert closed.json()["type"] == "/problems/batch-not-open"
    assert look(api, batch)["counts"]["succeeded"] == 2
    assert look(api, batch)["status"] == "completed"


@pytest.mark.slow
def test_an_open_batch_whose_client_names_nothing_for_a_week_is_closed(
    api: RunningApi, work: BatchWork, folder: Path, match: Path
) -> None:
    put_matches(match, folder / "a.mp4")
    batch = start(api, {"items": [{"import": "a.mp4"}], "open": True})
    week = datetime.fromisoformat(batch["open_until"]) - datetime.now(UTC)

    work.run_all()
    between = look(api, batch)
    with api.service.sessions.begin() as session:
        session.execute(update(Batch).values(open_until=func.now()))
    work.run_all()

    assert timedelta(days=6.9) < week < timedelta(days=7.1)
    assert between["status"] == "open"
    done = look(api, batch)
    assert (done["status"], done["open_until"]) == ("completed", None)
    more = {"items": [{"import": "a.mp4"}]}
    late = api.client.post(f"/batches/{batch['id']}/items", json=more)
    assert late.json()["type"] == "/problems/batch-not-open"


@pytest.mark.slow
def test_a_file_that_two_batches_have_is_brought_and_analysed_once(
    api: RunningApi, work: BatchWork, folder: Path, match: Path
) -> None:
    put_matches(match, *(folder / f"{one}.mp4" for one in "abc"))
    first = start(api, {"items": [{"import": "a.mp4"}, {"import": "b.mp4"}]})
    work.feed()
    second = start(api, {"items": [{"import": "b.mp4"}, {"import": "c.mp4"}]})
    third = start(api, {"items": [{"import": "b.mp4"}]})
    work.feed()

    states = [one["state"] for one in items(api, second)]
    waits = look(api, third)["waits_for"]
    work.run_all()

    assert states == ["pending", "queued"]
    assert "for another batch" in waits
    assert len(api.client.get("/videos").json()["items"]) == 3
    assert look(api, first)["counts"]["succeeded"] == 2
    assert [one["state"] for one in items(api, second)] == ["skipped", "succeeded"]
    (shared,) = items(api, third)
    assert (shared["state"], look(api, third)["status"]) == ("skipped", "completed")
    assert shared["video_id"] == items(api, first)[1]["video_id"]


@pytest.mark.slow
def test_a_file_that_another_batch_could_not_bring_is_tried_by_the_next(
    api: RunningApi, work: BatchWork, folder: Path, match: Path
) -> None:
    put_matches(match, folder / "a.mp4")
    first = start(api, {"items": [{"import": "a.mp4"}], "open": True})
    work.feed()
    second = start(api, {"items": [{"import": "a.mp4"}]})
    work.feed()

    api.client.post(f"/batches/{first['id']}/cancel").raise_for_status()
    work.run_all()

    canceled = look(api, first)
    assert (canceled["counts"]["canceled"], canceled["open_until"]) == (1, None)
    assert look(api, second)["counts"]["succeeded"] == 1


@pytest.mark.slow
def test_a_batch_that_has_ended_is_deleted_and_its_videos_stay(
    api: RunningApi, work: BatchWork, folder: Path, match: Path
) -> None:
    put_matches(match, folder / "a.mp4")
    batch = start(api, {"items": [{"import": "a.mp4", "title": "Final"}]})
    path = f"/batches/{batch['id']}"

    early = api.client.delete(path)
    work.run_all()
    (item,) = items(api, batch)
    with Client(api.url) as client:
        client.delete_batch(batch["id"])

    assert early.json()["type"] == "/problems/batch-is-under-way"
    assert f"POST {path}/cancel" in early.json()["detail"]
    assert api.client.get(path).status_code == 404
    assert api.client.delete(path).status_code == 404
    with api.service.sessions() as session:
        assert session.scalar(select(func.count()).select_from(BatchItem)) == 0
    video = api.client.get(f"/videos/{item['video_id']}").json()
    assert video["status"] == "succeeded"
    again = start(api, {"items": [{"import": "a.mp4"}]})
    work.run_all()
    assert look(api, again)["counts"]["succeeded"] == 1


def upload(api: RunningApi, match: Path, **fields: str) -> Json:
    file = {"file": ("m.mp4", match.read_bytes())}
    answer = api.client.post("/videos", files=file, data=fields)
    assert answer.status_code == 202, answer.text
    found: Json = answer.json()
    return found


def job_of(api: RunningApi, item: Json) -> Json:
    found: Json = api.client.get(f"/jobs/{item['job_id']}").json()
    return found


def table_of(api: RunningApi, batch: Json) -> list[Json]:
    """Read the Parquet table back."""
    answer = api.client.get(f"/batches/{batch['id']}/events.parquet")
    assert answer.status_code == 200, answer.text
    rows: list[Json] = pq.read_table(io.BytesIO(answer.content)).to_pylist()
    return rows


def expected_rows(api: RunningApi, batch: Json) -> list[Json]:
    """Put together what the other addresses tell of the same events."""
    rows = []
    for item in items(api, batch):
        if item["state"] not in ("succeeded", "skipped"):
            continue
        video = api.client.get(f"/videos/{item['video_id']}").json()
        job = job_of(api, item)
        found = api.client.get(
            f"/videos/{item['video_id']}/events", params={"limit": 1000}
        ).json()["items"]
        rows += [_expected_row(batch, item, video, job, event) for event in found]
    for row, told in zip(rows, table_of(api, batch), strict=True):
        row |= {name: told[name] for name in ("analysis_id", "analysed_at")}
    return rows


def _expected_row(batch: Json, item: Json, video: Json, job: Json, event: Json) -> Json:
    ran = job["checkpoint"]
    same = ("type", "time_s", "frame", "score", "team", "state", "is_provisional")
    return {
        "batch_id": batch["id"],
        "item": item["number"],
        "source_kind": item["kind"],
        "source_url": item["address"],
        "video_id": video["id"],
        "video_title": video["title"],
        "video_filename": video["filename"],
        "video_sha256": video["sha256"],
        "model_name": ran["name"],
        "model_version": None,
        "model_sha256": ran["sha256"],
        "software_version": ran["version"],
        "engine": ran["engine"],
        "event_id": event["id"],
        **{name: event[name] for name in same},
        "event_source": event["source"],
        "decided_by": event["decided_by"],
        "decided_at": event["decided_at"],
        "attributes": "{}",
    }
