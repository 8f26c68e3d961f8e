"""One running service for all acceptance tests, and a receiver of its webhooks.

It ends with them: an idle service takes an eighth of a core from the tests that follow.

Tests of the page have a service of their own: an API without workers, and a browser.
"""

import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.acceptance.page_service import (
    EVENTS,
    FPS,
    PATIENCE_MS,
    PageService,
)
from tests.acceptance.review_service import ReviewService, open_context
from tests.acceptance.running import RunningService
from tests.api_server import make_settings, running_api
from tests.browsers import ARGUMENTS, chromium
from tests.checkpoints import tiny_checkpoint
from tests.services import open_folder, running_postgres
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


@pytest.fixture(scope="package")
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


@pytest.fixture(scope="package")
def page_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageService]:
    """The API on a real Postgres; no worker takes its jobs."""
    file = tmp_path_factory.mktemp("match") / "match.mp4"
    draw_video(file, frames=EVENTS, fps=FPS)
    with (
        running_postgres() as postgres,
        open_folder() as folder,
        postgres.fresh_database() as url,
        running_api(
            make_settings(
                data_dir=folder / "data",
                database_url=url,
                import_dir=folder / "imports",
                webhook_allow_nets="127.0.0.0/8",
            )
        ) as api,
    ):
        (folder / "imports" / "cup").mkdir(parents=True)
        shutil.copy(file, folder / "imports" / "cup" / "final.mp4")
        yield PageService(api, file)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without a window.

    Not kept for the session: Playwright runs an event loop in this thread until it is
    closed, and other tests in the same process start loops of their own.
    """
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Browser, page_service: PageService) -> Iterator[BrowserContext]:
    """A visitor with a browser of their own, on an empty service.

    An error of a script fails the test.
    """
    page_service.api.forget_all()
    context = browser.new_context(base_url=page_service.api.url)
    context.set_default_timeout(PATIENCE_MS)
    errors: list[str] = []
    context.on("weberror", lambda error: errors.append(str(error.error)))
    yield context
    context.close()
    assert errors == []


@pytest.fixture
def page(visit: BrowserContext) -> Page:
    """A page of a visitor's."""
    return visit.new_page()


@pytest.fixture(scope="package")
def review(
    page_service: PageService, tmp_path_factory: pytest.TempPathFactory
) -> ReviewService:
    """The same service, with matches whose frames tell their numbers."""
    return ReviewService(page_service.api, tmp_path_factory.mktemp("review"))


@pytest.fixture
def reviewer(browser: Browser, review: ReviewService) -> Iterator[Page]:
    """A reviewer's page on an empty service; an error of a script fails the test."""
    review.api.forget_all()
    context = open_context(browser, review.api.url)
    errors: list[str] = []
    context.on("weberror", lambda error: errors.append(str(error.error)))
    yield context.new_page()
    context.close()
    assert errors == []
