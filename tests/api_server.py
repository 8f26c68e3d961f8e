"""The real API over real HTTP, in a thread of the test; and a raw client beside it."""

import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import uvicorn
from fastapi import FastAPI
from sqlalchemy import delete

from app.core.db.models import UploadKey, Video, WorkerBeat
from app.core.service import Service
from app.core.settings import Settings
from app.main import create_app
from tests.services import free_port

START_TIMEOUT_S = 30.0
BOUNDARY = "touchline-test-boundary"


@dataclass(frozen=True)
class RunningApi:
    """An API that answers at `url`."""

    app: FastAPI
    url: str
    client: httpx.Client

    @property
    def service(self) -> Service:
        service = self.app.state.service
        assert isinstance(service, Service)
        return service

    @property
    def data_dir(self) -> Path:
        return self.service.settings.data_dir

    def kept_files(self) -> list[Path]:
        """List the files of uploads, finished or not."""
        folders = [self.data_dir / name for name in ("videos", "incoming", "trash")]
        return [path for folder in folders for path in folder.rglob("*")]

    def forget_all(self) -> None:
        """Go back to an empty service, so that tests can share one server."""
        with self.service.sessions.begin() as session:
            for row in (Video, WorkerBeat, UploadKey):
                session.execute(delete(row))
        for folder in ("videos", "incoming", "trash", "broker/messages", "models"):
            shutil.rmtree(self.data_dir / folder, ignore_errors=True)
        (self.data_dir / "broker/messages").mkdir(parents=True)

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
    port = free_port()
    config = uvicorn.Config(
        app, host="127.0.0.1", port=port, log_level="critical", access_log=False
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline = time.monotonic() + START_TIMEOUT_S
    while not server.started and thread.is_alive() and time.monotonic() < deadline:
        time.sleep(0.01)
    url = f"http://127.0.0.1:{port}"
    try:
        assert server.started
        with httpx.Client(base_url=url, timeout=30, trust_env=False) as client:
            yield RunningApi(app, url, client)
    finally:
        server.should_exit = True
        thread.join(START_TIMEOUT_S)


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
