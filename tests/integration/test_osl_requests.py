"""Requests for inference as rows: sent again, with odd keys, of files on their way."""

import hashlib
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import select

from app.core.storage.keys import source_key
from app.jobs.tables import Job, JobStatus
from app.uploads.tables import ResumableUpload
from app.videos.tables import Video
from model.checkpoint.spotting_options import LabelOptions, SpottingOptions
from tests.api_server import RunningApi, eventually
from tests.integration.analyses import analyse
from tests.integration.uploaded import Uploaded
from tests.unit.model.spotting.test_spot_stream import draw_timeline

JOBS = "/api/v1/jobs"
FILE = b"the bytes of a video"
OPTIONS = SpottingOptions(dict.fromkeys(("PASS", "DRIVE"), LabelOptions(0.3, 0.25)))


@pytest.fixture
def model(api: RunningApi, checkpoint: Path) -> Iterator[str]:
    folder = api.data_dir / "models"
    folder.mkdir(exist_ok=True)
    shutil.copy(checkpoint, folder / checkpoint.name)
    yield checkpoint.stem
    (folder / checkpoint.name).unlink(missing_ok=True)


@pytest.fixture
def folder(api: RunningApi, tmp_path: Path) -> Iterator[Path]:
    """The folder of imports."""
    before = api.service
    settings = before.settings.model_copy(update={"import_dir": tmp_path})
    api.app.state.resources = replace(before, settings=settings)
    yield tmp_path
    api.app.state.resources = before


def upload(api: RunningApi) -> str:
    answer = api.client.post(
        "/videos", files={"file": ("a.mp4", FILE)}, data={"model": "none"}
    )
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def uploaded(video_id: str) -> dict[str, str]:
    return {"kind": "upload", "id": video_id}


def shared(path: str) -> dict[str, str]:
    return {"kind": "shared", "uri": f"shared://imports/{path}"}


def ask(
    api: RunningApi,
    model: str,
    *assets: dict[str, str],
    key: str | None = None,
    parameters: dict[str, object] | None = None,
) -> httpx.Response:
    items = [
        {"item_id": str(number), "inputs": [{"type": "video", "asset": asset}]}
        for number, asset in enumerate(assets)
    ]
    body: dict[str, Any] = {"model_id": model, "task": "localization", "items": items}
    headers = {} if key is None else {"idempotency-key": key}
    return api.client.post(
        JOBS, json={**body, "parameters": parameters or {}}, headers=headers
    )


def made(answer: httpx.Response) -> str:
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def test_a_part_that_breaks_off_is_sent_again_though_it_has_no_checksum(
    api: RunningApi,
) -> None:
    body = {"filename": "a.mp4", "size": len(FILE)}
    begun = api.client.post("/api/v1/uploads", json=body).json()
    part = f"/api/v1/uploads/{begun['id']}/parts/1"

    head = f"PUT {part} HTTP/1.1\r\nHost: localhost\r\n"
    with api.connect() as connection:
        connection.sendall(f"{head}Content-Length: {len(FILE)}\r\n\r\n".encode())
        connection.sendall(FILE[:7])
        eventually(lambda: _came(api) == 7)
        eventually(lambda: _unchecked(api) == 0)
    eventually(lambda: _unchecked(api) is None)
    again = api.client.put(part, content=FILE)

    assert again.status_code == 200, again.text
    done = api.client.post(f"/api/v1/uploads/{begun['id']}/complete", json={})
    video = api.client.get(f"/videos/{done.json()['asset_id']}").json()
    assert video["sha256"] == hashlib.sha256(FILE).hexdigest()


def _came(api: RunningApi) -> int:
    return sum(one.size_bytes for one in api.service.storage.list("uploads"))


def _unchecked(api: RunningApi) -> int | None:
    with api.service.sessions() as session:
        return session.scalars(select(ResumableUpload.unchecked_from)).one()


def test_a_request_sent_again_is_told_though_its_model_and_its_video_are_gone(
    api: RunningApi, model: str
) -> None:
    video_id, key = upload(api), str(uuid4())

    first = made(ask(api, model, uploaded(video_id), key=key))
    api.client.delete(f"/videos/{video_id}").raise_for_status()
    for path in (api.data_dir / "models").glob(f"{model}*"):
        path.unlink()
    again = ask(api, model, uploaded(video_id), key=key)
    other = ask(api, model, uploaded(video_id))

    assert made(again) == first
    assert other.status_code == 422


def test_a_request_sent_again_is_told_though_its_file_is_gone(
    api: RunningApi, model: str, folder: Path
) -> None:
    (folder / "a.mp4").write_bytes(FILE)
    key = str(uuid4())

    first = made(ask(api, model, shared("a.mp4"), key=key))
    (folder / "a.mp4").unlink()

    assert made(ask(api, model, shared("a.mp4"), key=key)) == first
    assert len(api.client.get("/videos").json()["items"]) == 1


@pytest.mark.parametrize("length", [1, 249, 250, 255])
def test_the_files_of_a_request_are_told_apart_however_long_its_key_is(
    api: RunningApi, model: str, folder: Path, length: int
) -> None:
    for name in ("a.mp4", "b.mp4"):
        (folder / name).write_bytes(name.encode())

    key = (uuid4().hex * 8)[:length]
    first = made(ask(api, model, shared("a.mp4"), shared("b.mp4"), key=key))

    assert made(ask(api, model, shared("a.mp4"), shared("b.mp4"), key=key)) == first
    videos = api.client.get("/videos").json()["items"]
    assert {one["source"]["import"] for one in videos} == {"a.mp4", "b.mp4"}


def test_a_request_of_which_one_file_is_not_there_leaves_nothing(
    api: RunningApi, model: str, folder: Path
) -> None:
    (folder / "a.mp4").write_bytes(FILE)

    answer = ask(api, model, shared("a.mp4"), shared("b.mp4"))

    assert (answer.status_code, answer.json()["code"]) == (404, "import_not_found")
    assert api.client.get("/videos").json()["items"] == []


def test_two_samples_of_one_file_are_of_one_video(
    api: RunningApi, model: str, folder: Path
) -> None:
    (folder / "a.mp4").write_bytes(FILE)

    inference = made(ask(api, model, shared("a.mp4"), shared("a.mp4")))

    assert len(api.client.get("/videos").json()["items"]) == 1
    assert api.client.get(f"{JOBS}/{inference}").json()["status"] == "queued"


@pytest.mark.parametrize("key", ["k" * 256, "k" * 9000, "two words"])
def test_a_key_that_is_none_is_refused(api: RunningApi, model: str, key: str) -> None:
    answer = ask(api, model, uploaded(upload(api)), key=key)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


@pytest.mark.parametrize(
    "parameters",
    [
        {"start_ms": 10**30},
        {"end_ms": 10**30},
        {"input_time_offsets_ms": {"0": 10**30}},
        {"input_time_offsets_ms": {"0": -(10**30)}},
    ],
)
def test_times_beyond_any_video_are_refused(
    api: RunningApi, model: str, parameters: dict[str, object]
) -> None:
    answer = ask(api, model, uploaded(upload(api)), parameters=parameters)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


def test_a_stretch_that_ends_before_its_video_begins_has_no_events(
    api: RunningApi, model: str
) -> None:
    video_id = upload(api)
    parameters = {"end_ms": 2**53, "input_time_offsets_ms": {"0": 2**53}}
    inference = made(ask(api, model, uploaded(video_id), parameters=parameters))
    with api.service.sessions() as session:
        job = session.query(Job).filter_by(kind="spot").one()
    its = Uploaded(UUID(video_id), job.id, api.service.sessions)
    analyse(its, draw_timeline(1), OPTIONS, storage=api.service.storage)

    told = api.client.get(f"{JOBS}/{inference}").json()

    assert told["status"] == "succeeded"
    assert told["result"]["items"][0]["events"] == []


def test_a_file_on_its_way_to_another_model_is_asked_for_once_it_is_here(
    api: RunningApi, model: str, folder: Path
) -> None:
    """Nothing of this model follows it: the request would have no end."""
    (folder / "a.mp4").write_bytes(FILE)
    body = {"import": "a.mp4", "model": "none"}
    coming = api.client.post("/videos", json=body).json()

    early = ask(api, model, uploaded(coming["id"]))

    assert early.status_code == 409
    assert (early.json()["code"], early.json()["retryable"]) == (
        *("video_not_stored", True),
    )
    with api.service.sessions.begin() as session:
        video = session.get_one(Video, UUID(coming["id"]))
        video.storage_key, video.size_bytes = source_key(video.id), len(FILE)
        session.get_one(Job, UUID(coming["job"]["id"])).status = JobStatus.SUCCEEDED
    late = made(ask(api, model, uploaded(coming["id"])))
    assert api.client.get(f"{JOBS}/{late}").json()["status"] == "queued"


def test_a_file_on_its_way_to_the_same_model_is_waited_for(
    api: RunningApi, model: str, folder: Path
) -> None:
    (folder / "a.mp4").write_bytes(FILE)
    body = {"import": "a.mp4", "model": model}
    coming = api.client.post("/videos", json=body).json()

    inference = made(ask(api, model, uploaded(coming["id"])))

    assert api.client.get(f"{JOBS}/{inference}").json()["status"] == "queued"
