"""Teach on the page where answers are late, refused or lost."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from app.trainings.service import add_line
from tests.acceptance.page_service import PageService
from tests.acceptance.teach_service import TeachService
from tests.acceptance.test_teach_page import default_of, open_teach, press

pytestmark = pytest.mark.costly


@pytest.fixture
def teach(
    page_service: PageService, checkpoint: Path, visit: BrowserContext
) -> Iterator[TeachService]:
    """An empty service with a worker that trains; `visit` has its browser."""
    service = TeachService(page_service, checkpoint)
    service.pages.api.forget_all()
    service.employ()
    yield service
    service.pages.api.forget_all()


def test_what_is_asked_for_again_after_a_lost_answer_is_made_once(
    page: Page, teach: TeachService
) -> None:
    teach.install(), teach.install()
    teach.review(teach.half())
    open_teach(page)

    lose_an_answer(page, "**/trainings")
    press(page.locator("#start-training"))
    dialog = page.locator("#start-dialog")
    dialog.get_by_label("Name of the model").fill("gym")
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("alert")).to_contain_text("cannot be reached")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="gym")).to_be_visible()

    open_teach(page)
    lose_an_answer(page, "**/comparisons")
    press(page.get_by_role("button", name="Compare models…"))
    dialog = page.locator("#compare-dialog")
    for name in ("hall@1", "hall@2"):
        dialog.get_by_label(name).check()
    press(dialog.get_by_role("button", name="Compare"))
    expect(dialog.get_by_role("alert")).to_contain_text("cannot be reached")
    press(dialog.get_by_role("button", name="Compare"))
    expect(page.get_by_role("heading", name="Comparison")).to_be_visible()

    for path in ("/trainings", "/comparisons"):
        assert len(teach.pages.api.client.get(path).json()["items"]) == 1


def test_a_training_that_is_asked_for_at_once_has_the_default_as_its_base(
    page: Page, teach: TeachService
) -> None:
    teach.review(teach.half())
    held: list[Route] = []
    page.route("**/models", lambda route: held.append(route), times=1)
    page.goto("/#/teach")
    expect(page.locator("#readiness-card table")).to_be_visible()

    press(page.locator("#start-training"))
    expect(page.locator("#start-dialog")).to_be_visible()
    held[0].continue_()

    expect(page.locator("#start-dialog [name=base]")).to_have_value(default_of(teach))


def test_a_choice_that_was_refused_can_be_made_once_it_is_seen_what_others_chose(
    page: Page, teach: TeachService
) -> None:
    mine, theirs = teach.install(), teach.install()
    comparison_id = teach.compare([mine, "arena-rny002"], teach.half())
    open_teach(page, f"/comparisons/{comparison_id}")
    choose = page.get_by_role("button", name=f"Make {mine} the default")
    press(choose)
    answer = teach.pages.api.client.put("/models/default", json={"name": theirs})
    assert answer.status_code == 200

    press(page.get_by_role("dialog").get_by_role("button", name="Make default"))
    expect(page.locator("#trouble")).to_contain_text(theirs)
    press(choose)
    press(page.get_by_role("dialog").get_by_role("button", name="Make default"))

    expect(page.locator("#news")).to_contain_text(f"{mine} is the default now")
    assert default_of(teach) == mine


def test_errors_that_cannot_be_read_are_not_said_to_be_none(
    page: Page, teach: TeachService
) -> None:
    comparison_id = teach.compare([teach.install(), "arena-rny002"], teach.half())
    address = "**/errors?*"
    page.route(address, lambda route: route.abort())
    open_teach(page, f"/comparisons/{comparison_id}")
    errors = page.locator("#comparison-errors")

    expect(errors.get_by_role("status")).to_have_text("They could not be read.")
    expect(errors).not_to_contain_text("err at the same moments")
    page.unroute(address)
    press(errors.get_by_role("button", name="Try again"))

    expect(errors.locator("tbody tr").first).to_be_visible()


def test_a_whole_log_goes_on_growing(page: Page, teach: TeachService) -> None:
    training_id = teach.train()
    teach.bring(training_id, status="running")

    def tell(first: int, last: int) -> None:
        with teach.pages.api.service.sessions.begin() as session:
            for number in range(first, last + 1):
                add_line(session, training_id, f"line {number}")

    tell(1, 210)
    open_teach(page, f"/trainings/{training_id}")
    press(page.get_by_role("button", name="Show all of it"))
    log = page.get_by_role("region", name="Log").locator("li")
    expect(log).to_have_count(210)

    tell(211, 212)

    expect(log).to_have_count(212)
    expect(log.last).to_contain_text("line 212")


def test_a_model_that_was_imported_is_told_so_though_the_list_cannot_be_read(
    page: Page, teach: TeachService
) -> None:
    open_teach(page)
    press(page.get_by_role("button", name="Import a file…"))
    dialog = page.locator("#import-dialog")
    dialog.get_by_label("File").set_input_files(teach.checkpoint)
    dialog.get_by_label("Name").fill("guest")
    page.route("**/models", lambda route: route.abort())

    press(dialog.get_by_role("button", name="Import"))

    expect(page.locator("#news")).to_contain_text("guest is imported")
    expect(dialog).to_have_count(0)
    page.unroute("**/models")


def lose_an_answer(page: Page, address: str) -> None:
    """Let the next request to an address be done, and its answer get lost."""

    def lose(route: Route) -> None:
        assert route.fetch().ok
        route.abort()

    page.route(address, lose, times=1)
