"""Every answer names its request, and so does every log line that it caused."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from starlette.testclient import TestClient

from app.core.http.request_id import HEADER
from app.main import create_app
from tests.api_server import make_settings

NO_DATABASE = "postgresql://nobody@127.0.0.1:1/nothing"
SERVE = """
import sys
from pathlib import Path
import httpx, uvicorn
from app.core.logging import configure_logging
from app.main import create_app
from tests.api_server import make_settings, serving
settings = make_settings(data_dir=Path(sys.argv[1]), database_url=sys.argv[2])
app = create_app(settings)
@app.get("/bug")
def bug():
    raise ZeroDivisionError
configure_logging("json")
with serving(uvicorn.Server(uvicorn.Config(app, log_config=None))) as url:
    for path in ("/healthz", "/videos", "/bug"):
        httpx.get(url + path, headers={"x-request-id": path}, trust_env=False)
"""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    data_dir = tmp_path_factory.mktemp("data")
    app = create_app(make_settings(data_dir=data_dir, database_url=NO_DATABASE))

    @app.get("/bug")
    def bug() -> None:
        raise ZeroDivisionError

    @app.get("/pieces")
    def pieces() -> StreamingResponse:
        return StreamingResponse(iter([b"one", b"two"]))

    return app


@pytest.fixture
def client(app: FastAPI) -> TestClient:
    return TestClient(
        app, raise_server_exceptions=False, base_url="http://localhost:8000"
    )


@pytest.mark.parametrize(
    ("path", "status"),
    [
        *(("/healthz", 200), ("/pieces", 200), ("/docs/assets/swagger-ui.css", 200)),
        *(("/page/app.js", 200), ("/nowhere", 404), ("/jobs/1/cancel", 405)),
        *(("/videos?limit=x", 422), ("/videos", 503), ("/bug", 500)),
    ],
)
@pytest.mark.slow
def test_every_answer_carries_the_id_that_was_sent(
    client: TestClient, path: str, status: int
) -> None:
    answer = client.get(path, headers={HEADER: "mine/1"})

    assert (answer.status_code, answer.headers[HEADER]) == (status, "mine/1")
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("sent", [None, "", "two words", "x" * 129, "\xfc"])
def test_an_id_that_is_not_sane_is_replaced(
    client: TestClient, sent: str | None
) -> None:
    headers = {} if sent is None else {HEADER: sent.encode("latin-1")}

    first, second = (client.get("/healthz", headers=headers) for _ in range(2))  # type: ignore[arg-type]  # httpx takes bytes

    ids = {UUID(answer.headers[HEADER]) for answer in (first, second)}
    assert len(ids) == 2
    assert {one.version for one in ids} == {7}


def test_only_the_problem_of_a_bug_names_the_request(client: TestClient) -> None:
    bug = client.get("/bug", headers={HEADER: "mine"}).json()
    missing = client.get("/nowhere", headers={HEADER: "mine"}).json()

    assert bug["request_id"] == "mine"
    assert "request_id" not in missing


@pytest.mark.costly
@pytest.mark.slow
def test_log_lines_of_a_request_name_it(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SERVE, str(tmp_path), NO_DATABASE],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )

    lines: list[dict[str, Any]] = [
        json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")
    ]
    events = {(line.get("request_id"), line["event"].split(" ")[0]) for line in lines}
    assert ("/videos", "database_unreachable") in events
    assert ("/bug", "bug") in events
    assert ("/bug", "Exception") in events  # the server's own line with the traceback
    for line in lines:
        if line["logger"] == "uvicorn.access":
            assert line["request_id"] in line["event"]
