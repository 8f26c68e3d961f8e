"""Buttons that are pressed twice in a row: what they ask for is asked for once."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Request, Route, expect

from tests.acceptance.page_service import PageService, wait_until

pytestmark = pytest.mark.costly

HOLD_MS = 300


def fetch_by_address(page: Page) -> None:
    page.get_by_text("Web address").click()
    page.get_by_label("Address of the file").fill("https://example.org/match.mp4")
    page.get_by_role("button", name="Fetch it").dblclick()


def add_from_folder(page: Page) -> None:
    page.get_by_text("Server folder").click()
    page.locator("#folder select[name=file]").select_option("cup/final.mp4")
    page.get_by_role("button", name="Add it").dblclick()


def analyse_again(page: Page) -> None:
    page.get_by_role("button", name="Actions for Cup final").click()
    page.locator(".menu").get_by_role("button", name="Analyse again").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Analyse", exact=True).dblclick()


def delete(page: Page) -> None:
    page.get_by_role("button", name="Actions for Cup final").click()
    page.locator(".menu").get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").dblclick()


def save_search(page: Page) -> None:
    page.goto("/#/search?type=PASS")
    page.locator("#save-search").click()
    page.get_by_role("dialog").get_by_label("Name").fill("Passes")
    page.get_by_role("dialog").get_by_role("button", name="Save").dblclick()


def change_search(page: Page) -> None:
    page.goto("/#/search?type=PASS")
    page.locator("#saved button", has_text="Shots").click()
    page.get_by_label("Type", exact=True).fill("GOAL")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Save changes").dblclick()


def add_webhook(page: Page) -> None:
    page.goto("/#/settings")
    page.locator("#add-webhook").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Address").fill("http://127.0.0.1:9/hook")
    dialog.get_by_role("button", name="Add", exact=True).dblclick()


@pytest.mark.parametrize(
    "press",
    [
        fetch_by_address,
        add_from_folder,
        analyse_again,
        delete,
        save_search,
        change_search,
        add_webhook,
    ],
)
def test_a_double_click_asks_once(
    page: Page, page_service: PageService, press: Callable[[Page], None]
) -> None:
    page_service.upload("Cup final")
    (video,) = page_service.api.client.get("/videos").json()["items"]
    page_service.api.client.post(f"/jobs/{video['job']['id']}/cancel")
    page_service.api.client.post(
        "/searches", json={"name": "Shots", "query": {"type": ["SHOT"]}}
    )
    asked: list[str] = []
    held: list[Route] = []

    def note(request: Request) -> None:
        if request.method != "GET":
            asked.append(f"{request.method} {request.url}")

    def hold(route: Route) -> None:
        if route.request.method == "GET":
            route.continue_()
        else:
            held.append(route)

    page.goto("/")
    expect(page.locator("#videos li")).to_have_count(1)
    page.route("**/*", hold)
    page.on("request", note)

    press(page)
    wait_until(page, lambda: bool(asked))
    page.wait_for_timeout(HOLD_MS)
    for route in held:
        route.continue_()
    page.wait_for_timeout(HOLD_MS)

    assert len(asked) == 1, asked
