"""`/api/v1`, asked as OpenSportsLab's annotation tool asks: same requests, same reads.

What its remote client sends and needs: docs/inference.md and `RemoteInferenceProvider`
of github.com/OpenSportsLab/VideoAnnotationTool.
"""

import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest

from app.core.db.base import utc_now
from app.core.principal import DEFAULT_PROJECT_ID
from app.keys.service import create_key
from model.data.formats.base import ReadOptions
from model.data.formats.osl import read_osl
from tests.api_server import make_settings
from tests.databases import PostgresOfTests
from tests.videos import draw_video, match_picture
from tests.working_service import WorkingService, working_service

PART = 16 * 1024
PATIENCE_S = 120.0
NOBODY = "0190c0de-0000-7000-8000-00000000000b"


@pytest.fixture(scope="module")
def imports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("imports")


@pytest.fixture(scope="module")
def service(
    postgres: PostgresOfTests,
    checkpoint: Path,
    imports: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[WorkingService]:
    data_dir = tmp_path_factory.mktemp("data")
    (data_dir / "models").mkdir()
    (data_dir / "models" / checkpoint.name).symlink_to(checkpoint)
    with postgres.fresh_database() as url:
        settings = make_settings(
            data_dir=data_dir,
            database_url=url,
            model="tiny",
            engine="openvino",
            import_dir=imports,
            api_key="secret",
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("app.osl.parts.PART_BYTES", PART)
            with working_service(settings) as service:
                yield service


@pytest.fixture(autouse=True)
def running(service: WorkingService) -> Iterator[None]:
    yield
    service.pause.clear()


@pytest.fixture(scope="module")
def match(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("osl") / "final é.mp4"
    draw_video(path, frames=90, fps=30, paint=match_picture)
    assert path.stat().st_size > 2 * PART
    return path


class Tool:
    """Asks as the tool does; its only way to send a key is its server's address."""

    def __init__(self, service: WorkingService, key: str | None = "secret") -> None:
        self.base = service.api.url
        if key is not None:
            self.base = self.base.replace("http://", f"http://osl:{key}@")
        self.http = httpx.Client(
            trust_env=False, event_hooks=service.api.client.event_hooks
        )

    def ask(self, method: str, path: str, **request: Any) -> httpx.Response:
        return self.http.request(method, f"{self.base}/api/v1{path}", **request)

    def put_part(
        self, upload: str, number: int, part: bytes, *, checksum: str | None = None
    ) -> httpx.Response:
        checksum = checksum or hashlib.sha256(part).hexdigest()
        headers = {"X-Content-SHA256": checksum, "Content-Length": str(len(part))}
        return self.ask(
            *("PUT", f"/uploads/{upload}/parts/{number}"),
            headers=headers,
            content=iter([part]),
        )

    def upload(self, path: Path) -> str:
        data, facts = path.read_bytes(), path.stat()
        body = {"filename": path.name, "size": len(data), "mtime_ns": facts.st_mtime_ns}
        state = self.ask("POST", "/uploads", json=body).json()
        size, sent = state["part_size"], []
        for number, start in enumerate(range(0, len(data), size), start=1):
            part = data[start : start + size]
            answer = self.put_part(state["id"], number, part)
            assert answer.status_code == 200, answer.text
            checksum = answer.headers["x-content-sha256"]
            assert checksum == hashlib.sha256(part).hexdigest()
            etag = answer.headers["etag"].strip('"')
            sent.append({"number": number, "etag": etag, "sha256": checksum})
        done = self.ask(
            "POST", f"/uploads/{state['id']}/complete", json={"parts": sent}
        )
        return str(done.json()["asset_id"])

    def submit(self, *assets: dict[str, str], **changed: Any) -> httpx.Response:
        request_id = uuid4().hex
        body = {
            "idempotency_key": request_id,
            "model_id": "tiny",
            "task": "localization",
            "schema": {"action": {"type": "single_label", "labels": ["Pass"]}},
            "parameters": {
                **{"head": "action", "labels": ["Pass"], "start_ms": 0, "end_ms": 0}
            },
            "items": [
                {
                    "item_id": f"item-{number}",
                    "sample_id": f"sample-{number}",
                    "inputs": [{"type": "video", "fps": 30.0, "asset": asset}],
                }
                for number, asset in enumerate(assets)
            ],
            **changed,
        }
        headers = {"Idempotency-Key": body["idempotency_key"]}
        return self.ask("POST", "/jobs", json=body, headers=headers)

    def wait(self, job: str) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            answer = self.ask("GET", f"/jobs/{quote(job, safe='')}")
            state: dict[str, Any] = answer.json()
            assert isinstance(state["progress"], int)
            if state["status"] in ("succeeded", "failed", "cancelled"):
                return state
            assert float(answer.headers["retry-after"]) > 0
            time.sleep(0.1)
        pytest.fail(f"the job {job} did not end")


@pytest.fixture
def tool(service: WorkingService) -> Iterator[Tool]:
    tool = Tool(service)
    yield tool
    tool.http.close()


@pytest.fixture(scope="module")
def asset(service: WorkingService, match: Path) -> str:
    tool = Tool(service)
    with tool.http:
        return tool.upload(match)


def uploaded(asset: str) -> dict[str, str]:
    return {"kind": "upload", "id": asset}


def error_of(answer: httpx.Response) -> tuple[int, str, bool]:
    body = answer.json()
    assert body["message"] == body["detail"] != ""
    assert isinstance(body["details"], dict)
    return answer.status_code, body["code"], body["retryable"]


def test_the_connection_is_tested(tool: Tool) -> None:
    found = tool.ask("GET", "/capabilities").json()

    assert found["version"] == "1"
    assert found["tasks"] == ["localization"]
    assert found["poll_interval_seconds"] > 0
    assert (found["multipart_part_size"], found["max_parallel_parts"]) == (PART, 1)
    assert found["shared_roots"] == [{"id": "imports"}]


def test_models_are_listed_for_the_task(tool: Tool) -> None:
    models = tool.ask("GET", "/models", params={"task": "localization"}).json()[
        "models"
    ]
    other = tool.ask("GET", "/models", params={"task": "classification"}).json()

    found = {model["id"]: model for model in models}["tiny"]
    assert found["display_name"] == "tiny"
    assert (found["task"], found["available"]) == ("localization", True)
    assert found["accepted_input_types"] == ["video"]
    assert (found["min_inputs"], found["max_inputs"]) == (1, 1)
    assert found["supports_time_range"] is True
    assert other == {"models": []}


@pytest.mark.costly
def test_an_uploaded_video_is_analysed_and_its_events_are_told(
    tool: Tool, service: WorkingService, match: Path, asset: str
) -> None:
    answer = tool.submit(uploaded(asset))
    assert answer.status_code == 202, answer.text
    job = answer.json()["id"]
    state = tool.wait(job)

    assert (state["status"], state["progress"]) == ("succeeded", 100)
    (item,) = state["result"]["items"]
    assert (item["item_id"], item["sample_id"]) == ("item-0", "sample-0")
    headers = {"authorization": "Bearer secret"}
    video = service.api.client.get(f"/videos/{asset}", headers=headers).json()
    assert video["sha256"] == hashlib.sha256(match.read_bytes()).hexdigest()
    assert video["filename"] == "final é.mp4"
    listed = service.api.client.get(
        f"/videos/{asset}/events?limit=1000", headers=headers
    ).json()["items"]
    assert {
        (event["label"].upper(), event["position_ms"], event["confidence_score"])
        for event in item["events"]
    } == {(e["type"], round(e["time_s"] * 1000), e["score"]) for e in listed}
    assert {event["head"] for event in item["events"]} == {"action"}
    # The tool asks for each label that it does not know: ours are spelt as its own.
    assert "Pass" in {event["label"] for event in item["events"]}
    result = tool.ask("GET", f"/jobs/{job}/result")
    assert result.json()["items"] == state["result"]["items"]
    read = read_osl(result.content, ReadOptions())
    assert [video.name for video in read.videos] == ["final é.mp4"]
    assert len(read.videos[0].events) == len(item["events"])


@pytest.mark.costly
def test_a_stretch_of_a_video_gives_the_events_in_it(tool: Tool, asset: str) -> None:
    parameters = {"head": "a", "labels": [], "start_ms": 1000, "end_ms": 2000}

    first = tool.submit(uploaded(asset), parameters=parameters).json()["id"]
    # Of what the tool has cut off itself, it tells where the cut begins.
    cut = {**parameters, "input_time_offsets_ms": {"item-0": 1000}}
    second = tool.submit(uploaded(asset), parameters=cut).json()["id"]

    found = [
        [
            event["position_ms"]
            for event in tool.wait(one)["result"]["items"][0]["events"]
        ]
        for one in (first, second)
    ]
    assert found[0]
    assert all(1000 <= one <= 2000 for one in found[0])
    assert all(0 <= one <= 1000 for one in found[1])


@pytest.mark.nightly
def test_several_samples_are_told_apart(
    tool: Tool, service: WorkingService, asset: str, imports: Path, match: Path
) -> None:
    (imports / "cup").mkdir(exist_ok=True)
    shared_file = imports / "cup" / "semi 1.mp4"
    shutil.copy(match, shared_file)
    past = time.time() - 3600
    os.utime(shared_file, (past, past))
    shared = {"kind": "shared", "uri": f"shared://imports/{quote('cup/semi 1.mp4')}"}

    state = tool.wait(tool.submit(uploaded(asset), shared).json()["id"])

    assert state["status"] == "succeeded", state
    one, other = state["result"]["items"]
    assert [one["item_id"], other["item_id"]] == ["item-0", "item-1"]
    assert one["events"] == other["events"] != []
    again = tool.wait(tool.submit(shared).json()["id"])
    assert again["result"]["items"][0]["events"] == one["events"]
    headers = {"authorization": "Bearer secret"}
    listed = service.api.client.get("/videos?q=semi", headers=headers).json()
    assert len(listed["items"]) == 1  # it was copied once


def test_a_request_sent_again_gets_the_same_job(tool: Tool, asset: str) -> None:
    key = uuid4().hex

    first = tool.submit(uploaded(asset), idempotency_key=key)
    again = tool.submit(uploaded(asset), idempotency_key=key)
    other = tool.submit(
        uploaded(asset), idempotency_key=key, parameters={"head": "other"}
    )

    assert first.json()["id"] == again.json()["id"]
    assert error_of(other) == (422, "idempotency_key_reused", False)


def test_an_upload_goes_on_with_the_parts_that_are_missing(
    tool: Tool, match: Path
) -> None:
    data = match.read_bytes()
    body = {"filename": match.name, "size": len(data), "mtime_ns": 0}
    upload = tool.ask("POST", "/uploads", json=body).json()["id"]
    tool.put_part(upload, 1, data[:PART])

    early = tool.ask("POST", f"/uploads/{upload}/complete", json={"parts": []})
    state = tool.ask("GET", f"/uploads/{upload}").json()
    again = tool.put_part(upload, 1, data[:PART])
    other = hashlib.sha256(b"other").hexdigest()
    damaged = tool.put_part(upload, 2, data[PART : 2 * PART], checksum=other)
    ahead = tool.put_part(upload, 3, data[2 * PART : 3 * PART])
    short = tool.put_part(upload, 2, data[:7])
    beyond = tool.put_part(upload, 999, data[:PART])

    assert error_of(early) == (409, "parts_missing", False)
    assert [part["number"] for part in state["completed_parts"]] == [1]
    assert state["completed_parts"][0]["etag"]
    assert state["part_size"] == PART
    assert again.status_code == 200
    assert error_of(damaged) == (460, "checksum_mismatch", True)
    if len(data) >= 3 * PART:
        assert error_of(ahead) == (409, "offset_mismatch", True)
    assert error_of(short) == (422, "invalid_request", False)
    assert error_of(beyond) == (422, "invalid_request", False)
    assert tool.ask("DELETE", f"/uploads/{upload}").status_code == 204
    gone = tool.ask("GET", f"/uploads/{upload}")
    assert error_of(gone) == (404, "upload_not_found", False)  # the tool begins anew


def test_a_job_is_cancelled(tool: Tool, service: WorkingService, asset: str) -> None:
    service.pause.set()
    job = tool.submit(uploaded(asset)).json()["id"]

    waiting = tool.ask("GET", f"/jobs/{job}").json()
    gone = tool.ask("DELETE", f"/jobs/{job}")

    assert (waiting["status"], waiting["progress"]) == ("queued", 0)
    assert gone.status_code == 204
    assert tool.wait(job)["status"] == "cancelled"
    assert error_of(tool.ask("GET", f"/jobs/{job}/result")) == (
        *(409, "result_not_ready", False),
    )


@pytest.mark.costly
def test_a_video_that_cannot_be_read_fails_with_its_reason(
    tool: Tool, tmp_path: Path
) -> None:
    path = tmp_path / "broken.mp4"
    path.write_bytes(b"no video" * 100)

    state = tool.wait(tool.submit(uploaded(tool.upload(path))).json()["id"])

    assert state["status"] == "failed"
    assert state["error"]["code"] == "unreadable_video"
    assert state["error"]["message"]
    assert state["error"]["retryable"] is False


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"task": "classification"}, 422, "unsupported_task"),
        ({"model_id": "nobody"}, 422, "unknown_model"),
        ({"items": []}, 422, "invalid_request"),
        ({"parameters": {"start_ms": "soon"}}, 422, "invalid_request"),
    ],
)
def test_what_cannot_be_done_is_told(
    tool: Tool, asset: str, changed: dict[str, Any], status: int, code: str
) -> None:
    answer = tool.submit(uploaded(asset), **changed)

    assert error_of(answer) == (status, code, False)


@pytest.mark.parametrize(
    ("wanted", "status", "code"),
    [
        ({"kind": "upload", "id": NOBODY}, 404, "asset_not_found"),
        ({"kind": "upload", "id": "x"}, 404, "asset_not_found"),
        ({"kind": "shared", "uri": "shared://other/a.mp4"}, 422, "invalid_request"),
        ({"kind": "shared", "uri": "shared://imports/no.mp4"}, 404, "import_not_found"),
        ({"kind": "shared", "uri": "shared://imports/../a.mp4"}, 422, "source_refused"),
    ],
)
def test_an_input_that_is_not_here_is_told(
    tool: Tool, wanted: dict[str, str], status: int, code: str
) -> None:
    assert error_of(tool.submit(wanted)) == (status, code, False)


@pytest.mark.costly
def test_keys_open_it_as_far_as_they_cover(service: WorkingService, asset: str) -> None:
    with service.api.service.sessions.begin() as session:
        reader = create_key(
            session,
            name="tool",
            scopes=["read"],
            project_id=DEFAULT_PROJECT_ID,
            now=utc_now(),
        ).text
    nobody, wrong, reading = (
        Tool(service, key) for key in (None, "touchline_x_y", reader)
    )

    assert error_of(nobody.ask("GET", "/capabilities"))[:2] == (
        401,
        "not_authenticated",
    )
    assert error_of(wrong.ask("GET", "/models"))[0] == 401
    assert reading.ask("GET", "/models").status_code == 200
    assert error_of(reading.submit(uploaded(asset)))[:2] == (403, "scope_missing")
    elsewhere = {"sec-fetch-site": "cross-site"}  # a browser sends passwords unasked
    other = reading.ask("GET", "/models", headers=elsewhere)
    assert error_of(other)[:2] == (403, "cross_site_refused")
    bearer = httpx.get(
        f"{service.api.url}/api/v1/models",
        headers={"authorization": f"Bearer {reader}"},
        trust_env=False,
    )
    assert bearer.status_code == 200
    for one in (nobody, wrong, reading):
        one.http.close()
