"""Webhooks on the page: added, pinged, looked at, rotated, deleted."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.sync_api import Page, expect

from tests.acceptance.page_service import PageService, wait_until
from tests.integration.project_webhooks import send, verify
from tests.receivers import running_receiver

pytestmark = pytest.mark.costly


def elsewhere(work: Callable[[], None]) -> None:
    """Do something in another thread: Playwright runs an event loop in this one."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(work).result()


def test_a_webhook_is_added_pinged_rotated_and_deleted(
    page: Page, page_service: PageService
) -> None:
    api = page_service.api
    page.goto("/#/settings")
    page.locator("#add-webhook").click()
    form = page.get_by_role("dialog")
    form.get_by_label("Address").fill("https://10.1.2.3/")
    form.get_by_label("What it is for").fill("score board")
    form.get_by_role("button", name="Add", exact=True).click()
    expect(form.get_by_role("alert")).to_contain_text("not a public address")
    with running_receiver() as receiver:
        form.get_by_label("Address").fill(receiver.url)
        form.get_by_role("button", name="Add", exact=True).click()
        first = page.locator("#webhook-secret").input_value()
        page.get_by_role("button", name="I have copied it").click()
        row = page.get_by_role("listitem", name="score board")
        expect(row).to_contain_text(receiver.url)
        assert first not in page.content()

        row.get_by_role("button", name="Ping").click()
        wait_until(page, lambda: api.service.notifier.waiting("background") == 1)
        elsewhere(lambda: send(api))
        expect(row.get_by_role("status")).to_have_text("Ping delivered: answered 204")
        row.get_by_role("button", name="Messages").click()
        expect(row.locator(".deliveries li")).to_contain_text("delivered: answered 204")

        row.get_by_role("button", name="Rotate secret").click()
        page.get_by_role("dialog").get_by_role("button", name="Rotate").click()
        second = page.locator("#webhook-secret").input_value()
        page.get_by_role("button", name="I have copied it").click()
        expect(row).to_contain_text("The secret before counts until")
        row.get_by_role("button", name="Send ping again").click()
        wait_until(page, lambda: api.service.notifier.waiting("background") == 2)
        elsewhere(lambda: send(api))
        for secret in (first, second):
            verify(secret, receiver.received[-1])

    row.get_by_role("button", name="Switch off").click()
    expect(row).to_contain_text("Switched off by local")
    row.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(row).to_have_count(0)
    assert api.client.get("/webhooks").json()["items"] == []
