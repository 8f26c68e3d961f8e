"""The page of a service with a key: it asks for it, and sends it wherever it must."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.acceptance.page_service import PATIENCE_MS, PageService
from tests.api_server import make_settings, running_api
from tests.services import open_folder, running_postgres

pytestmark = pytest.mark.costly

KEY = "a key with spaces; and signs"


@pytest.fixture(scope="module")
def locked_service(page_service: PageService) -> Iterator[PageService]:
    """A service of its own that asks for a key."""
    with (
        running_postgres() as postgres,
        open_folder() as folder,
        postgres.fresh_database() as url,
        running_api(
            make_settings(data_dir=folder, database_url=url, api_key=KEY)
        ) as api,
    ):
        api.client.headers["authorization"] = f"Bearer {KEY}"
        yield PageService(api, page_service.file)


@pytest.fixture
def locked(locked_service: PageService) -> PageService:
    """That service with one video."""
    locked_service.api.forget_all()
    locked_service.draw_poster(locked_service.upload("Cup final"))
    return locked_service


@pytest.fixture
def locked_page(browser: Browser, locked: PageService) -> Iterator[Page]:
    """A page of a visitor's who has no key yet."""
    context = browser.new_context(base_url=locked.api.url)
    context.set_default_timeout(PATIENCE_MS)
    yield context.new_page()
    context.close()


def sign_in(page: Page, key: str) -> None:
    page.locator("#key").fill(key)
    page.keyboard.press("Enter")


def test_a_key_is_asked_for_until_it_is_right(locked_page: Page) -> None:
    page = locked_page
    page.goto("/")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("TOUCHLINE_API_KEY")
    expect(page.locator("#trouble")).to_contain_text("asks for a key")

    sign_in(page, "wrong")
    expect(dialog.get_by_role("alert")).to_contain_text("not one of this service")
    sign_in(page, KEY)

    expect(dialog).to_have_count(0)
    expect(page.locator("#trouble")).to_be_hidden()
    expect(page.locator("#videos img")).to_have_js_property("naturalWidth", 640)
    page.reload()
    expect(page.locator("#videos strong")).to_have_text("Cup final")
    expect(dialog).to_have_count(0)


@pytest.mark.costly
def test_no_script_can_read_the_key_and_changes_are_made_all_the_same(
    locked_page: Page,
) -> None:
    page = locked_page
    page.goto("/")
    sign_in(page, KEY)
    expect(page.locator("#videos strong")).to_have_text("Cup final")

    kept = page.evaluate("JSON.stringify(localStorage) + document.cookie")
    assert KEY not in kept
    page.get_by_role("button", name="Actions for Cup final").click()
    page.locator(".menu").get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()

    expect(page.locator("#videos li")).to_have_count(0)


@pytest.mark.costly
def test_a_tab_goes_on_when_another_one_has_signed_in_anew(locked_page: Page) -> None:
    page = locked_page
    page.goto("/")
    sign_in(page, KEY)
    expect(page.locator("#videos strong")).to_have_text("Cup final")
    other = page.context.new_page()
    other.goto("/")
    other.locator("#key-button").click()
    sign_in(other, KEY)
    expect(other.get_by_role("dialog")).to_have_count(0)

    page.get_by_role("button", name="Actions for Cup final").click()
    page.get_by_role("button", name="Details", exact=True).click()
    page.get_by_role("dialog").get_by_label("Title").fill("Semi-final")
    page.get_by_role("button", name="Save").click()

    expect(page.locator("#videos strong")).to_have_text("Semi-final")


@pytest.mark.costly
def test_who_signs_out_is_asked_again(locked_page: Page) -> None:
    page = locked_page
    page.goto("/")
    sign_in(page, KEY)
    expect(page.locator("#videos strong")).to_have_text("Cup final")

    page.locator("#key-button").click()
    page.get_by_role("button", name="Sign out").click()

    expect(page.locator("#trouble")).to_contain_text("asks for a key")
    page.reload()
    expect(page.locator("#videos li")).to_have_count(0)


def test_a_key_that_an_earlier_release_kept_is_used_once_and_kept_no_longer(
    locked_page: Page,
) -> None:
    page = locked_page
    page.goto("/page/icon.svg")
    page.evaluate("key => localStorage.setItem('touchline_key', key)", KEY)

    page.goto("/")

    expect(page.locator("#videos strong")).to_have_text("Cup final")
    assert page.evaluate("localStorage.getItem('touchline_key')") is None


def test_the_review_is_there_as_soon_as_the_key_is_given(
    locked_page: Page, locked: PageService
) -> None:
    (video,) = locked.api.client.get("/videos").json()["items"]
    # The rest between two tries never ends by itself.
    locked_page.add_init_script(
        "const own = setTimeout;"
        " setTimeout = (does, ms) => (ms >= 3000 ? 0 : own(does, ms));"
    )
    locked_page.goto(f"/#/videos/{video['id']}")
    expect(locked_page.get_by_role("dialog")).to_be_visible()

    sign_in(locked_page, KEY)

    expect(locked_page.locator(".review[data-ready=true]")).to_be_visible()
    expect(locked_page.locator("#trouble")).to_be_hidden()


def test_a_tab_signs_out_when_another_one_has_signed_in_anew(locked_page: Page) -> None:
    page = locked_page
    page.goto("/")
    sign_in(page, KEY)
    expect(page.locator("#videos strong")).to_have_text("Cup final")
    other = page.context.new_page()
    other.goto("/")
    other.locator("#key-button").click()
    sign_in(other, KEY)
    expect(other.get_by_role("dialog")).to_have_count(0)

    page.locator("#key-button").click()
    page.get_by_role("button", name="Sign out").click()

    expect(page.locator("#trouble")).to_contain_text("asks for a key")


def test_a_key_is_asked_for_when_a_decision_needs_it(
    locked_page: Page, locked: PageService
) -> None:
    page = locked_page
    (video,) = locked.api.client.get("/videos").json()["items"]
    page.goto(f"/#/videos/{video['id']}")
    sign_in(page, KEY)
    expect(page.locator(".review[data-ready=true]")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.context.clear_cookies()

    page.keyboard.press("v")
    expect(page.get_by_role("dialog")).to_contain_text("TOUCHLINE_API_KEY")
    expect(page.locator("[data-is=unsent]")).to_contain_text("1 unsent")
    sign_in(page, KEY)

    expect(page.locator("[data-is=unsent]")).to_have_text("All saved")
