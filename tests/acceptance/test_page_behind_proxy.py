"""The page under a path of a site, behind a real nginx that strips it or does not."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FilePayload, Page, expect

from tests.acceptance.page_service import PATIENCE_MS, PageService
from tests.api_server import make_settings, running_api
from tests.reverse_proxy import nginx
from tests.services import free_port, open_folder, running_postgres

pytestmark = pytest.mark.costly

KEY, PREFIX = "s3cret", "/touchline"


@pytest.fixture(scope="module")
def port() -> int:
    """Where the proxy will be."""
    return free_port()


@pytest.fixture(scope="module")
def behind(page_service: PageService, port: int) -> Iterator[PageService]:
    """A service with a key that knows its public address, and one video."""
    with (
        running_postgres() as postgres,
        open_folder() as folder,
        postgres.fresh_database() as url,
        running_api(
            make_settings(
                data_dir=folder,
                database_url=url,
                api_key=KEY,
                public_url=f"http://127.0.0.1:{port}{PREFIX}",
            )
        ) as api,
    ):
        api.client.headers["authorization"] = f"Bearer {KEY}"
        service = PageService(api, page_service.file)
        service.draw_poster(service.upload("Cup final"))
        yield service


@pytest.fixture(params=["stripped", "kept"])
def page(
    request: pytest.FixtureRequest,
    browser: Browser,
    behind: PageService,
    port: int,
    tmp_path: Path,
) -> Iterator[Page]:
    """The page as a visitor of the site opens it; nothing it loads may be missing."""
    strips = request.param == "stripped"
    with nginx(
        behind.api.url, tmp_path, port=port, prefix=PREFIX, strips=strips
    ) as url:
        context = browser.new_context()
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        missed: list[str] = []
        page.on(
            "response",
            lambda answer: missed.append(answer.url) if answer.status == 404 else None,
        )
        page.goto(url)
        yield page
        context.close()
    assert missed == []


def test_a_visitor_signs_in_uploads_and_looks_at_a_video(
    page: Page, behind: PageService
) -> None:
    expect(page.get_by_role("dialog")).to_contain_text("TOUCHLINE_API_KEY")
    page.locator("#key").fill(KEY)
    page.keyboard.press("Enter")
    expect(page.locator("#videos img").first).to_be_visible()

    another = FilePayload(name="a.mp4", mimeType="video/mp4", buffer=os.urandom(1000))
    page.locator("#file").set_input_files(another)
    page.locator("#send").click()
    expect(page.locator(".transfers li").first).to_contain_text("uploaded")
    videos = page.locator("#videos li")
    expect(videos).not_to_have_count(1)

    page.locator("#videos strong", has_text="Cup final").first.click()
    source = re.compile(f"^{PREFIX}/videos/[0-9a-f-]+/file")
    expect(page.locator("video")).to_have_attribute("src", source)
    page.goto(page.url.partition("#")[0] + "docs")
    expect(page.locator(".swagger-ui .info .title")).to_contain_text("Touchline")
