"""Teach with a key that may only read: it sees all of it, and starts nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.acceptance.page_service import PATIENCE_MS, PageService
from tests.acceptance.teach_service import TeachService
from tests.api_server import make_settings, running_api
from tests.services import open_folder, running_postgres

pytestmark = pytest.mark.costly

KEY = "a key that may do everything"
ACTIONS = ("Train a model", "Analyse again…", "Compare models…", "Import a file…")


@pytest.fixture(scope="module")
def locked(page_service: PageService, checkpoint: Path) -> Iterator[TeachService]:
    """A service that asks for a key."""
    with (
        running_postgres() as postgres,
        open_folder() as folder,
        postgres.fresh_database() as url,
        running_api(
            make_settings(data_dir=folder, database_url=url, api_key=KEY)
        ) as api,
    ):
        api.client.headers["authorization"] = f"Bearer {KEY}"
        yield TeachService(PageService(api, page_service.file), checkpoint)


def test_a_key_that_reads_sees_all_and_starts_nothing(
    browser: Browser, locked: TeachService
) -> None:
    name = locked.install()
    locked.review(locked.half())
    training_id = locked.train()
    answer = locked.pages.api.client.post("/keys", json={"name": "guest"})
    assert answer.status_code == 201
    context = browser.new_context(base_url=locked.pages.api.url)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()

    page.goto("/#/teach")
    page.locator("#key").fill(answer.json()["key"])
    page.keyboard.press("Enter")

    expect(page.locator("#readiness-card")).to_contain_text("12 min of 1 match")
    expect(page.locator(f"[data-training='{training_id}']")).to_be_visible()
    expect(page.locator(f"[data-model='{name}']")).to_be_visible()
    expect(page.get_by_text("that takes a key with the scope write")).to_be_visible()
    for action in (*ACTIONS, f"Make {name} the default"):
        expect(page.get_by_role("button", name=action)).to_have_count(0)
    page.locator(f"[data-training='{training_id}'] a").first.click()
    expect(page.locator("[data-is=status]")).to_have_text("waiting")
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)
    expect(page.get_by_role("button", name="Delete")).to_have_count(0)
    context.close()
