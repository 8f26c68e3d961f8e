"""What is asked of batches: once, some at a time, and what cannot be is refused."""

import json
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import select

from app.core.principal import DEFAULT_PROJECT_ID
from app.projects.tables import Project
from app.videos.tables import Video
from tests.api_server import RunningApi
from tests.integration.batch_work import (
    BatchWork,
    Json,
    count_jobs,
    imports_of,
    items,
    look,
    put_matches,
    start,
)

API_SETTINGS = {"model": "tiny", "webhook_allow_nets": "127.0.0.0/8"}


@pytest.fixture
def match(tmp_path: Path) -> Path:
    """A file that is no video; nothing here looks into it."""
    path = tmp_path / "match.mp4"
    path.write_bytes(b"a match")
    return path


@pytest.fixture
def folder(api: RunningApi, checkpoint: Path, tmp_path: Path) -> Iterator[Path]:
    """A folder of imports of the test's own; the service has the model `tiny`."""
    with imports_of(api, checkpoint, tmp_path / "imports") as found:
        yield found


@pytest.fixture
def work(api: RunningApi, folder: Path) -> BatchWork:
    return BatchWork(api)


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


@pytest.mark.nightly
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
    assert count_jobs(api) == 50
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
    put_matches(match, folder / "later" / "a.mp4")
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
    put_matches(match, *(folder / f"{one}.mp4" for one in "abc"))
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


def test_a_batch_asked_for_again_is_told_though_its_model_is_gone(
    api: RunningApi, folder: Path, checkpoint: Path
) -> None:
    asked = {"items": [{"video": str(uuid4())}], "model": checkpoint.stem}
    first = start(api, asked, idempotency_key="twice")
    (api.data_dir / "models" / checkpoint.name).unlink()

    again = start(api, asked, idempotency_key="twice")
    other = api.client.post("/batches", json=asked)

    assert again["id"] == first["id"]
    assert other.json()["type"] == "/problems/unknown-model"


def test_a_file_that_is_being_brought_already_is_waited_for(
    api: RunningApi, work: BatchWork, folder: Path, match: Path
) -> None:
    batch = start(api, {"items": [{"import": "a.mp4"}]})  # It is not there yet.
    work.run_all()
    (failed,) = items(api, batch, state="failed")
    put_matches(match, folder / "a.mp4")
    jobs = f"/videos/{failed['video_id']}/jobs"
    by_hand = api.client.post(jobs, json={"kind": "import"})

    api.client.post(f"/batches/{batch['id']}/retry")
    work.feed()
    told = look(api, batch)
    work.run_one()
    work.feed()

    assert by_hand.status_code == 202
    assert (told["counts"]["queued"], told["counts"]["pending"]) == (0, 1)
    assert "brought" in told["waits_for"]
    found = api.client.get(jobs, params={"kind": "import"}).json()["items"]
    assert [one["status"] for one in found] == ["succeeded", "failed"]
    assert look(api, batch)["counts"]["queued"] == 1


def test_what_is_tried_again_waits_for_the_quota_as_well(
    api: RunningApi, work: BatchWork
) -> None:
    asked = {"items": [{"import": f"{name}.mp4"} for name in "abc"]}
    batch = start(api, asked)  # None of them is there.
    work.run_all()
    assert look(api, batch)["counts"]["failed"] == 3
    limit_queue(api, hours=2.0)

    api.client.post(f"/batches/{batch['id']}/retry")
    work.feed()
    told = look(api, batch)
    limit_queue(api, hours=None)

    assert (told["counts"]["queued"], told["counts"]["pending"]) == (1, 2)
    assert "hours of video" in told["waits_for"]


@pytest.mark.costly
def test_a_batch_brings_no_more_than_may_be_stored(
    api: RunningApi, work: BatchWork, folder: Path, match: Path
) -> None:
    put_matches(match, *(folder / f"{one}.mp4" for one in "abc"))
    size = (folder / "a.mp4").stat().st_size
    limit_stored(api, size * 5 // 2)
    batch = start(api, {"imports": ""})

    work.run_one()
    work.feed()
    told = look(api, batch)
    work.run_one()
    work.run_one()
    work.feed()
    later = look(api, batch)
    limit_stored(api, size - 1)  # it will never fit
    work.feed()
    work.run_all()
    never = items(api, batch, state="failed", code="quota_reached")
    limit_stored(api, None)
    again = api.client.post(
        f"/batches/{batch['id']}/retry", json={"codes": ["quota_reached"]}
    )
    work.feed()

    assert (told["counts"]["queued"], told["counts"]["pending"]) == (2, 1)
    assert "may store" in told["waits_for"]
    assert (later["counts"]["failed"], later["counts"]["pending"]) == (0, 1)
    assert [one["size_bytes"] for one in never] == [size]
    assert again.json()["items"] == 1
    assert look(api, batch)["counts"]["queued"] == 1


def test_what_a_batch_has_waiting_keeps_no_upload_out(
    api: RunningApi, work: BatchWork, folder: Path, match: Path
) -> None:
    put_matches(match, *(folder / f"{one}.mp4" for one in "abc"))
    limit_queue(api, hours=2.0)
    start(api, {"imports": ""})
    work.run_one()
    work.feed()

    sent = {"files": {"file": ("m.mp4", match.read_bytes())}}
    first = api.client.post("/videos", **sent)  # type: ignore[arg-type] # httpx has a narrower type
    below = api.client.post("/videos", **sent, data={"priority": "-10"})  # type: ignore[arg-type] # httpx has a narrower type
    limit_queue(api, hours=None)

    assert first.status_code == 202
    assert below.json()["type"] == "/problems/queue-quota-reached"
    assert below.json()["queued_hours"] == 1.5  # the upload's


def test_what_may_be_secret_in_an_address_is_not_shown(
    api: RunningApi, work: BatchWork
) -> None:
    signed = "https://user:word@archive.example.org/a.mp4?X-Amz-Signature=5ec3e7#x"

    batch = start(api, {"items": [{"url": signed}, {"url": signed + "&other"}]})
    work.feed()
    found = items(api, batch)
    videos = [api.client.get(f"/videos/{one['video_id']}").json() for one in found]

    shown = "https://archive.example.org/a.mp4"
    assert [one["address"] for one in found] == [shown, shown]
    assert {one["source"]["url"] for one in videos} == {shown}
    assert {one["filename"] for one in videos} == {"a.mp4"}
    with api.service.sessions() as session:
        kept = session.scalars(select(Video.source["url"].astext)).all()
    assert signed in kept  # what is fetched


def test_a_deleted_video_is_a_failed_item(
    api: RunningApi, work: BatchWork, folder: Path, match: Path
) -> None:
    put_matches(match, folder / "a.mp4")
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


def messages_in_broker(api: RunningApi) -> int:
    counts = [api.service.notifier.waiting(one) for one in ("gpu", "background")]
    return sum(one or 0 for one in counts)


def limit_stored(api: RunningApi, size_bytes: int | None) -> None:
    with api.service.sessions.begin() as session:
        project = session.get_one(Project, DEFAULT_PROJECT_ID)
        project.max_stored_bytes = size_bytes


def limit_queue(api: RunningApi, *, hours: float | None) -> None:
    with api.service.sessions.begin() as session:
        session.get_one(Project, DEFAULT_PROJECT_ID).max_queued_hours = hours
