"""The page plays files that the bucket sends, also when an address has expired."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, expect

from tests.acceptance.page_service import wait_until
from tests.api_server import RunningApi, make_settings, running_api
from tests.azure_server import AzureOfTests
from tests.bucket_storage import use_server
from tests.s3_server import S3OfTests
from tests.services import open_folder, running_postgres
from tests.videos import Image, draw_video

LENGTH_S = 40
EXPIRY_S = 3
TIME = "document.querySelector('video').currentTime"
READY = "document.querySelector('video').readyState"
IS_THERE = "!document.querySelector('video').seeking"


@pytest.fixture(scope="module", params=["s3", "azure"])
def api(request: pytest.FixtureRequest) -> Iterator[RunningApi]:
    server: S3OfTests | AzureOfTests = request.getfixturevalue(request.param)
    with (
        pytest.MonkeyPatch.context() as patch,
        running_postgres() as postgres,
        open_folder() as folder,
        postgres.fresh_database() as url,
    ):
        use_server(server, patch)
        settings = make_settings(
            data_dir=folder,
            database_url=url,
            storage=server.fresh_address(),
            presigned_downloads=True,
            presigned_endpoint=server.url.replace("127.0.0.1", "localhost"),
            presigned_expiry=EXPIRY_S,
        )
        with running_api(settings) as running:
            yield running


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """More than a browser loads ahead of what it plays."""
    random, path = np.random.default_rng(0), tmp_path_factory.mktemp("n") / "noise.mp4"

    def paint(_number: int, width: int, height: int) -> Image:
        return random.integers(0, 255, (height, width, 3), np.uint8)

    draw_video(
        path,
        frames=10 * LENGTH_S,
        fps=10,
        size=(640, 360),
        bit_rate=16_000_000,
        options={"movflags": "faststart"},
        paint=paint,
    )
    assert path.stat().st_size > 40 * 2**20
    return path


@pytest.mark.nightly
def test_a_review_goes_on_when_the_address_has_expired(
    browser: Browser, api: RunningApi, noise: Path
) -> None:
    with noise.open("rb") as file:
        made = api.client.post("/videos", files={"file": file}).json()
    page = browser.new_page()
    sent_on: list[str] = []
    page.on(
        "response",
        lambda answer: sent_on.append(answer.url) if answer.status == 206 else None,
    )

    page.goto(f"{api.url}/#/videos/{made['id']}")
    expect(page.locator("video")).to_be_visible()
    wait_until(page, lambda: page.evaluate(READY) >= 3)
    page.wait_for_timeout(1000 * (EXPIRY_S + 1))
    page.evaluate(f"{TIME} = {LENGTH_S - 3}")
    wait_until(page, lambda: page.evaluate(f"{IS_THERE} && {READY} >= 2"))

    assert page.evaluate(TIME) == LENGTH_S - 3
    assert sent_on
    assert all(url.startswith("http://localhost:") for url in sent_on)
    page.close()
