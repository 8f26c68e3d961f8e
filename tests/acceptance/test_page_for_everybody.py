"""The page for people who see, read or point otherwise: WCAG 2.1 AA by axe-core.

It finds about half of what can be wrong; the keyboard has tests of its own.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from app.jobs.tables import JobStatus
from tests.acceptance.page_service import PATIENCE_MS, PageService
from tests.integration.project_webhooks import NOWHERE
from tests.services import missing

pytestmark = pytest.mark.costly

AXE = Path(__file__).resolve().parents[2] / "node_modules/axe-core/axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
SIZES = {"wide": (1280, 800), "narrow": (380, 800)}
# Colours do not depend on the size: each of both is looked at once.
LOOKS = [("light", "wide"), pytest.param("dark", "narrow", marks=pytest.mark.nightly)]
FAILURE = {"error_code": "unreadable_video", "error_detail": "No video can be read."}


def show_library(page: Page) -> None:
    page.goto("/")
    expect(page.locator("#videos li")).to_have_count(4)


def show_empty_library(page: Page) -> None:
    page.goto("/")
    page.locator("#search").fill("nothing like it")
    expect(page.locator("#no-match")).to_be_visible()


def show_filters_and_menu(page: Page) -> None:
    show_library(page)
    page.locator("#filters-button").click()
    page.get_by_role("button", name="Actions for Cup final").click()


def show_details(page: Page) -> None:
    show_filters_and_menu(page)
    page.get_by_role("button", name="Details", exact=True).click()
    page.get_by_role("button", name="Kick-off is where the player stands").click()
    page.get_by_role("button", name="Colour of team 1").click()


def show_deletion(page: Page) -> None:
    show_filters_and_menu(page)
    page.locator(".menu").get_by_role("button", name="Delete").click()


def show_uploads(page: Page, file: Path) -> None:
    show_library(page)
    if not page.locator("#file").is_visible():
        page.locator(".uploads summary").first.click()
    page.locator("#file").set_input_files(file)
    page.get_by_text("More options").click()
    page.locator("#send").click()
    expect(page.locator(".transfers li")).to_contain_text("in the library already")


def show_types(page: Page) -> None:
    page.goto("/#/types")
    for _ in range(3):
        page.locator("#add-type").click()
    page.locator("#save-types").click()
    expect(page.get_by_role("alert").last).to_be_visible()


def show_live(page: Page) -> None:
    page.goto("/#/live")
    page.get_by_label("Send to this service").check()
    page.get_by_text("No stream yet").wait_for()


def show_search(page: Page) -> None:
    page.goto("/#/search?type=PASS&type=SHOT")
    expect(page.locator("#hits li").first).to_be_visible()
    if not page.get_by_label("A sequence").is_visible():
        page.get_by_role("button", name="Filters").click()
    page.locator("#hits button").first.click()


def show_search_to_save(page: Page) -> None:
    page.goto("/#/search?sequence=PASS,DRIVE&within_s=0.1")
    page.locator("#save-search").click()
    page.get_by_role("textbox", name="Name").fill("a search")
    page.locator("dialog").get_by_role("button", name="Save").click()
    expect(page.locator("#saved")).to_contain_text("a search")
    page.locator("#saved .menu button").click()


def show_settings(page: Page) -> None:
    page.goto("/#/settings")
    expect(page.locator("[data-action]").last).to_be_visible()
    page.get_by_role("button", name="Messages").click()
    expect(page.locator(".webhook")).to_contain_text("No message")


def show_key(page: Page) -> None:
    page.goto("/#/settings")
    page.locator("#key-button").click()


VIEWS: dict[str, Callable[..., None]] = {
    view.__name__: view
    for view in (
        *(show_library, show_empty_library, show_filters_and_menu, show_details),
        *(show_deletion, show_uploads, show_types, show_settings, show_key),
        *(show_live, show_search, show_search_to_save),
    )
}


@pytest.fixture
def library(page_service: PageService, visit: BrowserContext) -> PageService:
    """Videos in every state, with match facts; `visit` has emptied the service."""
    for title, status, values in (
        ("Waiting", JobStatus.QUEUED, {}),
        ("Running", JobStatus.RUNNING, {"stage": "spot", "progress": 0.4}),
        ("Failed", JobStatus.FAILED, FAILURE),
    ):
        page_service.set_job(page_service.upload(title), status=status, **values)
    done = page_service.upload("Cup final")
    page_service.finish(done, events=30)
    page_service.draw_poster(done)
    facts = {
        "competition": "City Cup",
        "date": "2026-05-31",
        "teams": [{"name": "Reds", "colour": "#d62728"}, {"name": "Blues"}],
    }
    answer = page_service.api.client.patch(f"/videos/{done}", json=facts)
    assert answer.status_code == 200
    webhook = page_service.api.client.post("/webhooks", json={"url": NOWHERE})
    assert webhook.status_code == 201
    return page_service


@pytest.mark.parametrize(("scheme", "size"), LOOKS)
def test_axe_finds_nothing_and_nothing_overflows(
    browser: Browser, library: PageService, scheme: Any, size: str
) -> None:
    if not AXE.is_file():
        missing("axe-core is missing: sh scripts/node.sh")
    width, height = SIZES[size]
    context = browser.new_context(
        base_url=library.api.url,
        color_scheme=scheme,
        reduced_motion="reduce",
        viewport={"width": width, "height": height},
        bypass_csp=True,  # for axe itself
    )
    context.set_default_timeout(PATIENCE_MS)
    found = {}
    for name, show in VIEWS.items():
        page = context.new_page()
        arguments = [library.file] if show is show_uploads else []
        show(page, *arguments)
        found[name] = problems_of(page)
        page.close(run_before_unload=False)
    context.close()

    assert {name: words for name, words in found.items() if words} == {}


def problems_of(page: Page) -> list[str]:
    """Tell what axe finds, and whether the page is wider than the window."""
    page.add_script_tag(path=AXE)
    options = json.dumps({"runOnly": RULES, "resultTypes": ["violations"]})
    report = page.evaluate(f"axe.run(document, {options})")
    problems = [
        f"{rule['id']}: {node['html']} ({node['failureSummary']})"
        for rule in report["violations"]
        for node in rule["nodes"]
    ]
    excess = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return problems + ([f"{excess} px too wide"] if excess > 0 else [])
