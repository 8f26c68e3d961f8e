"""One running service for all acceptance tests, and a receiver of its webhooks."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.running import RunningService
from tests.checkpoints import tiny_checkpoint
from tests.services import open_folder
from tests.videos import draw_video

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@dataclass
class Receiver:
    """Keeps the webhooks that arrive, headers in small letters."""

    url: str = ""
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, receiver: Receiver, *args: Any) -> None:
        self.receiver = receiver
        super().__init__(*args)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {key.lower(): value for key, value in self.headers.items()}
        self.receiver.received.append((headers, body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Stay quiet."""


@pytest.fixture(scope="session")
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, found)) as server:
        found.url = f"http://127.0.0.1:{server.server_port}/hook"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield found
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def checkpoint(request: pytest.FixtureRequest) -> Path:
    cache = request.config.cache
    assert cache is not None
    return tiny_checkpoint(cache.mkdir("checkpoints"))


@pytest.fixture(scope="session")
def service(checkpoint: Path) -> Iterator[RunningService]:
    """`touchline serve`, ready. A test may stop it, and starts it again then."""
    with open_folder() as folder:
        data_dir = folder / "data"
        (data_dir / "models").mkdir(parents=True)
        (data_dir / "models" / checkpoint.name).symlink_to(checkpoint)
        found = RunningService(
            data_dir,
            {
                "TOUCHLINE_ENGINE": "openvino",
                "TOUCHLINE_MODEL": "tiny",
                "TOUCHLINE_WEBHOOK_SECRET": SECRET,
                "TOUCHLINE_WEBHOOK_ALLOW_NETS": "127.0.0.0/8",
                "TOUCHLINE_SWEEP_EVERY": "PT1S",
                "TOUCHLINE_HEARTBEAT": "PT3S",
                "TOUCHLINE_LEASE": "PT15S",
            },
        )
        try:
            found.start()
            yield found
        finally:
            found.stop()


@pytest.fixture(scope="session")
def match(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds of video at 30 frames/s."""
    path = tmp_path_factory.mktemp("match") / "match.mp4"
    draw_video(path, frames=120, fps=30)
    return path
