"""Batches from the request to the last event, with real videos and a real model."""

import io
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from app.jobs.tables import Job
from tests.api_server import RunningApi
from tests.file_server import FileServer, running_file_server, say, serve
from tests.integration.batch_work import (
    BatchWork,
    Json,
    items,
    look,
    start,
    with_imports,
)
from tests.videos import draw_video, match_picture

API_SETTINGS = {
    "engine": "openvino",
    "model": "tiny",
    "webhook_allow_nets": "127.0.0.0/8",
    "heartbeat": "0.2 s",
    "lease": "30 s",
    "max_attempts": 1,
}
LONG_AGO_S = 1_600_000_000


@pytest.fixture(scope="module")
def match(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second of play."""
    path = tmp_path_factory.mktemp("match") / "match.mp4"
    draw_video(path, frames=30, fps=30, paint=match_picture)
    return path


@pytest.fixture
def folder(api: RunningApi, checkpoint: Path, tmp_path: Path) -> Iterator[Path]:
    """A folder of imports of the test's own; the service has the model `tiny`."""
    before, found = api.service, tmp_path / "imports"
    found.mkdir()
    models = api.data_dir / "models"
    models.mkdir(parents=True, exist_ok=True)
    (models / checkpoint.name).symlink_to(checkpoint)
    with_imports(api, found)
    yield found
    api.app.state.resources = before


@pytest.fixture
def work(api: RunningApi, folder: Path) -> BatchWork:
    return BatchWork(api)


@pytest.fixture
def server() -> Iterator[FileServer]:
    with running_file_server() as found:
        yield found


def put(match: Path, *paths: Path) -> None:
    """Lay copies of a match down, each with bytes of its own."""
    for number, path in enumerate(paths):
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(match, path)
        with path.open("ab") as file:
            file.write(b"\0\0\0\x0cfree" + number.to_bytes(4, "big"))
        os.utime(path, (LONG_AGO_S, LONG_AGO_S))


@pytest.mark.slow
def test_a_folder_of_imports_becomes_a_table_of_events(
    api: RunningApi, work: BatchWork, folder: Path, match: Path
) -> None:
    put(match, *(folder / "season" / f"{one}.mp4" for one in "abc"))
    put(match, folder / "other" / "d.mp4")
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
    assert jobs(api) == jobs(api, batch)  # the later one queued nothing
    assert len(table_of(api, later)) == len(table_of(api, batch)) > 0


@pytest.mark.slow
def test_a_canceled_batch_stops_and_goes_on_when_it_is_resumed(
    api: RunningApi, folder: Path, match: Path
) -> None:
    work = BatchWork(api, window=2)
    put(match, *(folder / f"{one}.mp4" for one in "abcde"))
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
    put(match, folder / "a.mp4", folder / "b.mp4")
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


def test_the_same_request_makes_one_batch(api: RunningApi, folder: Path) -> None:
    asked = {"items": [{"video": str(uuid4())}]}

    first = start(api, asked, idempotency_key="one")
    same = start(api, asked, idempotency_key="one")
    other = api.client.post(
        "/batches",
        json={**asked, "priority": -1},
        headers={"idempotency-key": "one"},
    )
    page = api.client.get("/batches").json()

    assert first["id"] == same["id"]
    assert other.json()["type"] == "/problems/idempotency-key-reused"
    assert [one["id"] for one in page["items"]] == [first["id"]]


def test_ten_thousand_items_are_queued_a_few_at_a_time(
    api: RunningApi, folder: Path
) -> None:
    work = BatchWork(api, window=50)
    batch = start(api, {"items": [{"url": url(0)}], "open": True})
    for begin in range(0, 10_000, 1000):
        sent = [{"url": url(number)} for number in range(begin, begin + 1000)]
        answer = api.client.post(f"/batches/{batch['id']}/items", json={"items": sent})
        assert answer.status_code == 202

    work.feed()
    work.feed()
    told = look(api, batch)

    assert told["counts"]["total"] == 10_000
    assert (told["counts"]["queued"], told["counts"]["pending"]) == (50, 9_950)
    assert jobs(api) == 50
    assert messages_in_broker(api) <= 4


@pytest.mark.parametrize(
    ("asked", "status", "told"),
    [
        ({}, 422, "give one of"),
        ({"items": []}, 422, "empty"),
        ({"imports": "", "open": True}, 422, "open"),
        ({"imports": "../etc"}, 422, "inside the folder"),
        ({"imports": "", "model": "nobody"}, 422, "nobody"),
        ({"imports": "", "priority": 0}, 422, "-1"),
        ({"items": [{"url": "file:///etc/passwd"}]}, 422, "url"),
        ({"items": [{"url": "http://x/", "video": str(uuid4())}]}, 422, "give one"),
        ({"bucket": "s3://not-allowed/x"}, 422, "bucket"),
        ({"imports": "", "callback_url": "http://10.0.0.1/"}, 422, "callback"),
    ],
)
def test_what_cannot_be_done_is_refused_at_once(
    api: RunningApi, folder: Path, asked: Json, status: int, told: str
) -> None:
    answer = api.client.post("/batches", json=asked)

    assert answer.status_code == status
    assert told in json.dumps(answer.json())
    assert api.client.get("/batches").json()["items"] == []


def test_a_folder_without_videos_fails_and_says_so(
    api: RunningApi, work: BatchWork, folder: Path, match: Path
) -> None:
    batch = start(api, {"imports": "later"})
    work.run_all()
    failed = look(api, batch)
    put(match, folder / "later" / "a.mp4")
    resumed = api.client.post(f"/batches/{batch['id']}/resume")
    work.run_one()
    work.feed()

    assert (failed["status"], failed["error"]["code"]) == ("failed", "nothing_listed")
    assert "later" in failed["error"]["detail"]
    assert resumed.json()["batch"]["status"] == "listing"
    assert look(api, batch)["counts"]["queued"] == 1
    assert look(api, batch)["error"] is None


def test_a_batch_waits_while_the_quota_is_full(
    api: RunningApi, work: BatchWork, folder: Path, match: Path
) -> None:
    put(match, *(folder / f"{one}.mp4" for one in "abc"))
    limit_queue(api, hours=2.0)
    batch = start(api, {"imports": ""})

    work.run_one()
    work.feed()
    told = look(api, batch)
    limit_queue(api, hours=None)
    work.feed()

    assert (told["counts"]["queued"], told["counts"]["pending"]) == (1, 2)
    assert "hours of video" in told["waits_for"]
    assert look(api, batch)["waits_for"] is None
    assert look(api, batch)["counts"]["queued"] == 3


def test_a_deleted_video_is_a_failed_item(
    api: RunningApi, work: BatchWork, folder: Path, match: Path
) -> None:
    put(match, folder / "a.mp4")
    batch = start(api, {"items": [{"import": "a.mp4"}]})
    work.feed()
    (item,) = items(api, batch)

    api.client.delete(f"/videos/{item['video_id']}")
    work.feed()
    (item,) = items(api, batch)

    assert (item["state"], item["error"]["code"]) == ("failed", "video_deleted")
    assert item["video_id"] is None
    assert look(api, batch)["status"] == "completed"


@pytest.mark.parametrize(
    "path", ["", "/items", "/events.parquet", "/events.csv", "/events.jsonl"]
)
def test_no_batch_has_an_unknown_id(api: RunningApi, path: str) -> None:
    for name in (uuid4(), "nonsense"):
        answer = api.client.get(f"/batches/{name}{path}")

        assert answer.status_code == 404
        assert answer.json()["type"] == "/problems/batch-not-found"


def url(number: int) -> str:
    return f"https://archive.example.org/{number:05}.mp4"


def upload(api: RunningApi, match: Path, **fields: str) -> Json:
    file = {"file": ("m.mp4", match.read_bytes())}
    answer = api.client.post("/videos", files=file, data=fields)
    assert answer.status_code == 202, answer.text
    found: Json = answer.json()
    return found


def job_of(api: RunningApi, item: Json) -> Json:
    found: Json = api.client.get(f"/jobs/{item['job_id']}").json()
    return found


def jobs(api: RunningApi, batch: Json | None = None) -> int:
    """Count analyses and what brings files."""
    kinds = ("spot", "download", "import")
    query = select(func.count()).where(Job.kind.in_(kinds))
    if batch is not None:
        query = query.where(Job.batch_id == batch["id"])
    with api.service.sessions() as session:
        return session.scalars(query).one()


def messages_in_broker(api: RunningApi) -> int:
    counts = [api.service.notifier.waiting(one) for one in ("gpu", "background")]
    return sum(one or 0 for one in counts)


def limit_queue(api: RunningApi, *, hours: float | None) -> None:
    from app.core.principal import DEFAULT_PROJECT_ID
    from app.projects.tables import Project

    with api.service.sessions.begin() as session:
        session.get_one(Project, DEFAULT_PROJECT_ID).max_queued_hours = hours


def table_of(api: RunningApi, batch: Json) -> list[Json]:
    """Read the Parquet table back."""
    import pyarrow.parquet as pq

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
