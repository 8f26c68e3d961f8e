"""The real API over real HTTP, in a thread of the test; and a raw client beside it."""

import asyncio
import json
import os
import re
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.client import HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import uvicorn
from fastapi import FastAPI
from sqlalchemy import delete
from starlette.routing import compile_path

from app.batches.tables import Batch
from app.checkpoints.tables import ModelChoice
from app.comparisons.tables import Comparison
from app.core.http.paths import rivals_of
from app.core.http.server import uvicorn_options
from app.core.resources import Resources
from app.core.settings import Settings
from app.event_types.tables import EventType
from app.health.tables import WorkerHeartbeat
from app.idempotency.tables import IdempotencyKeyRow
from app.jobs.tables import Job
from app.main import create_app
from app.retention.tables import RetentionRules
from app.search.tables import SavedSearch
from app.timelines.tables import ModelThresholds
from app.trainings.tables import Training
from app.uploads.tables import ResumableUpload
from app.videos.tables import PendingDeletion, Upload, Video
from app.webhooks.tables import Webhook, WebhookEndpoint
from tests.services import free_port

START_TIMEOUT_S = 120.0  # a busy machine is slow; nothing here measures speed
LEAVING_S, REQUESTS_END_S = 5.0, 60.0
FOLDERS = ("videos", "uploads", "incoming", "trash")
BOUNDARY = "touchline-test-boundary"
DOCUMENTS: dict[str, dict[str, Any]] = {}  # OpenAPI's, by the service's prefix


@dataclass(frozen=True)
class RunningApi:
    """An API that answers at `url`."""

    app: FastAPI
    url: str
    client: httpx.Client
    server: uvicorn.Server

    @property
    def service(self) -> Resources:
        service = self.app.state.resources
        assert isinstance(service, Resources)
        return service

    @property
    def data_dir(self) -> Path:
        return self.service.settings.data_dir

    def kept_files(self) -> list[Path]:
        """List the files of uploads, finished or not."""
        return [path for name in FOLDERS for path in paths_in(self.data_dir / name)]

    def forget_all(self) -> None:
        """Go back to an empty service, so that tests can share one server.

        What clients that left have asked for is waited for: it would still write.
        """
        self._finish_requests()
        with self.service.sessions.begin() as session:
            for row in (
                Video,
                WorkerHeartbeat,
                IdempotencyKeyRow,
                Upload,
                ResumableUpload,
                PendingDeletion,
                RetentionRules,
                Webhook,
                WebhookEndpoint,
                SavedSearch,
                Training,
                Comparison,
                ModelChoice,
                Batch,
                EventType,
                ModelThresholds,
            ):
                session.execute(delete(row))
            # Jobs of trainings and comparisons go with nothing else.
            session.execute(delete(Job).where(Job.video_id.is_(None)))
        for folder in (*FOLDERS, "models", "broker/messages"):
            shutil.rmtree(self.data_dir / folder, ignore_errors=True)
        # A worker of the test's may look for its broker meanwhile.
        (self.data_dir / "broker/messages").mkdir(parents=True, exist_ok=True)

    def _finish_requests(self) -> None:
        state, loop = self.server.server_state, self.server.servers[0].get_loop()

        async def finish() -> None:
            for _ in range(20):  # A few turns until what was sent before is begun.
                await asyncio.sleep(0)
            began = loop.time()
            while state.tasks:
                waited_s = loop.time() - began
                if waited_s > LEAVING_S and len(state.tasks) <= self.busy_connections():
                    break  # A test that failed has left a page open.
                assert waited_s < REQUESTS_END_S, f"they do not end: {state.tasks}"
                await asyncio.sleep(0.01)

        asyncio.run_coroutine_threadsafe(finish(), loop).result(2 * REQUESTS_END_S)

    def busy_connections(self) -> int:
        """Count the connections on which a request is being answered."""
        connections = list(self.server.server_state.connections)
        return sum(not getattr(one, "is_idle", True) for one in connections)

    def connect(self) -> socket.socket:
        """Open a plain connection, to send what no client library would."""
        parts = urlsplit(self.url)
        return socket.create_connection((parts.hostname, parts.port), timeout=20)


def make_settings(**values: object) -> Settings:
    """Make settings of these values alone; the environment is not looked at."""
    return Settings.model_validate({"min_free_space": 0, **values})


@contextmanager
def running_api(settings: Settings) -> Iterator[RunningApi]:
    """Serve the API on a free port until the block ends."""
    app = create_app(settings)
    app.openapi_schema = _document_of(app, prefix=settings.public_prefix)
    config = uvicorn.Config(
        app, log_level="critical", access_log=False, **uvicorn_options()
    )
    hooks: dict[str, list[Callable[..., Any]]] = {
        "response": [partial(assert_documented, app)]
    }
    with (
        serving(server := uvicorn.Server(config)) as url,
        httpx.Client(
            base_url=url, timeout=30, trust_env=False, event_hooks=hooks
        ) as client,
    ):
        yield RunningApi(app, url, client, server)


def _document_of(app: FastAPI, *, prefix: str) -> dict[str, Any]:
    """Give the app's OpenAPI document, which takes a second to write, once."""
    if prefix not in DOCUMENTS:
        DOCUMENTS[prefix] = app.openapi()
    return DOCUMENTS[prefix]


@contextmanager
def serving(server: uvicorn.Server) -> Iterator[str]:
    """Run a server on a free port, in a thread, until the block ends."""
    server.config.host, server.config.port = "127.0.0.1", free_port()
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline = time.monotonic() + START_TIMEOUT_S
    while not server.started and thread.is_alive() and time.monotonic() < deadline:
        time.sleep(0.01)
    try:
        assert server.started
        yield f"http://127.0.0.1:{server.config.port}"
    finally:
        server.should_exit = True
        thread.join(START_TIMEOUT_S)


def assert_documented(app: FastAPI, answer: httpx.Response) -> None:
    """Make sure that the OpenAPI document knows an answer's status and media type."""
    request, paths = answer.request, app.openapi()["paths"]
    for path, operations in paths.items():
        operation = operations.get(request.method.lower())
        is_anothers = any(
            one.match(request.url.path) for one in rivals_of(path, frozenset(paths))
        )
        if is_anothers:
            continue
        if operation and compile_path(path)[0].match(request.url.path):
            place = f"{request.method} {path} answered {answer.status_code}"
            documented = operation["responses"].get(str(answer.status_code))
            assert documented is not None, place
            media_type = answer.headers.get("content-type", "").partition(";")[0]
            assert media_type in documented.get("content", {"": {}}), place


def read_answer(connection: socket.socket, begun: bytes = b"") -> bytes:
    """Read an answer to its end: its body may come after its head.

    Args:
        begun: what was read of it already.
    """
    data = begun
    while True:
        head, has_head, body = data.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
        if has_head and (length is None or len(body) >= int(length[1])):
            return data
        more = connection.recv(65536)
        if not more:
            return data
        data += more


def paths_in(folder: Path) -> list[Path]:
    """List all that is below a folder, from which somebody may remove more."""
    return [
        Path(base, name)
        for base, folders, files in os.walk(folder)
        for name in (*folders, *files)
    ]


def form_part(name: str, content: bytes, *, filename: str | None = None) -> bytes:
    """Write one part of a multipart body."""
    disposition = f'form-data; name="{name}"'
    if filename is not None:
        disposition += f'; filename="{filename}"'
    head = f"--{BOUNDARY}\r\nContent-Disposition: {disposition}\r\n\r\n"
    return head.encode() + content + b"\r\n"


def form_end() -> bytes:
    """Write the closing boundary."""
    return f"--{BOUNDARY}--\r\n".encode()


def upload_head(*, content_length: int, extra: str = "") -> bytes:
    """Write the head of an upload, whatever its body will be."""
    return (
        "POST /videos HTTP/1.1\r\nHost: localhost\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n"
        f"Content-Length: {content_length}\r\n{extra}\r\n"
    ).encode()


def read_problem(
    connection: socket.socket, *, status: int, slug: str
) -> dict[str, Any]:
    """Read an answer, which must be this problem; what follows it is not waited for."""
    answer = HTTPResponse(connection)
    answer.begin()
    body = answer.read()
    assert answer.status == status, body
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-request-id"]
    assert (answer.headers["retry-after"] is not None) == (status in (503, 507))
    problem: dict[str, Any] = json.loads(body)
    assert problem["type"] == f"/problems/{slug}"
    assert problem["status"] == status
    return problem


def eventually(holds: Callable[[], bool]) -> None:
    """Wait for what happens after an answer; a test that hangs here fails."""
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)
