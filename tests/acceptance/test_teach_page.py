"""Teach on the page: from reviewed minutes to a model that is compared and chosen.

Everything is done by keys where a mouse could do it, too.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from app.jobs.tables import JobStatus
from tests.acceptance.page_service import FPS, PATIENCE_MS, PageService, assert_at
from tests.acceptance.teach_service import BOTH_WRONG, MOMENTS, TeachService
from tests.acceptance.test_page_for_everybody import (
    AXE,
    LOOKS,
    SIZES,
    problems_of,
)
from tests.services import missing

LABELED = 720.0


@pytest.fixture
def teach(
    page_service: PageService, checkpoint: Path, visit: BrowserContext
) -> TeachService:
    """A service with a worker that trains; `visit` has its browser and emptied it."""
    service = TeachService(page_service, checkpoint)
    service.employ()
    return service


def open_teach(page: Page, path: str = "") -> None:
    """Open Teach, or a view of it, and wait until it is known what there is."""
    page.goto(f"/#/teach{path}")
    expect(page.locator(".teach[data-ready=true]")).to_be_visible()


def press(target: Locator, key: str = "Enter") -> None:
    """Do by keys what a click would do."""
    target.focus()
    target.page.keyboard.press(key)


def current_step(page: Page) -> Locator:
    return page.locator(".teach-path [aria-current=step]")


def test_the_path_leads_from_an_empty_service_to_the_first_training(
    page: Page, teach: TeachService
) -> None:
    open_teach(page)
    expect(current_step(page)).to_contain_text("Add a match")
    expect(page.locator("#readiness-card")).to_contain_text("Nothing is reviewed yet")
    press(current_step(page).get_by_role("link"))
    expect(page.locator("#no-videos")).to_be_visible()

    video_id = teach.half()
    open_teach(page)
    expect(current_step(page)).to_contain_text("Name your types")
    press(current_step(page).get_by_role("link"))
    press(page.locator("#add-type"))
    page.keyboard.type("SERVE")
    press(page.locator("#save-types"))
    expect(page.locator("#news")).to_have_text("Saved.")

    press(page.get_by_role("link", name="Teach"))
    expect(current_step(page)).to_contain_text("0 min of 10 min")
    press(current_step(page).get_by_role("link"))
    expect(page).to_have_url(f"{teach.pages.api.url}/#/videos/{video_id}")
    teach.review(video_id, until_s=LABELED)
    page.go_back()

    expect(current_step(page)).to_contain_text("Train")
    press(current_step(page).get_by_role("button", name="Train"))
    expect(page.get_by_role("dialog", name="Train a model")).to_be_visible()


@pytest.mark.costly
def test_a_training_is_asked_for_by_keys(page: Page, teach: TeachService) -> None:
    teach.install()
    teach.review(teach.half())
    open_teach(page)

    press(page.locator("#start-training"))
    dialog = page.locator("#start-dialog")
    expect(dialog.get_by_label("Name of the model")).to_be_focused()
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("alert")).to_contain_text("Give the model a name")
    dialog.get_by_label("Name of the model").focus()
    page.keyboard.type("my hall")
    dialog.locator("[name=base]").select_option("hall@1")
    dialog.locator("[data-type=DRIVE]").select_option("PASS")
    dialog.locator("[data-type=SHOT]").select_option("*drop")
    press(dialog.get_by_role("button", name="Train"))
    expect(dialog.get_by_role("alert")).to_contain_text("'my hall'")
    dialog.get_by_label("Name of the model").fill("gym")
    page.keyboard.press("Enter")

    expect(dialog).to_have_count(0)
    expect(page.get_by_role("heading", name="gym")).to_be_visible()
    expect(page.locator("[data-is=progress]")).to_have_text("waits for a worker")
    made = teach.pages.api.client.get("/trainings").json()["items"][0]
    asked = {name: made[name] for name in ("name", "base", "types", "mapping")}
    assert asked == {
        "name": "gym",
        "base": "hall@1",
        "types": ["PASS"],
        "mapping": {"DRIVE": "PASS", "SHOT": None},
    }


@pytest.mark.costly
def test_a_training_is_watched_while_it_grows_pauses_and_ends(
    page: Page, teach: TeachService
) -> None:
    training_id = teach.train()
    open_teach(page, f"/trainings/{training_id}")
    expect(page.locator("[data-is=status]")).to_have_text("waiting")
    expect(page.get_by_text("It grows here")).to_have_count(3)

    teach.bring(
        training_id,
        status=JobStatus.RUNNING,
        stage="head",
        progress=0.4,
        eta_s=600,
    )
    teach.grow(training_id)
    expect(page.locator("[data-is=status]")).to_have_text("40 %")
    expect(page.locator("[data-is=progress]")).to_have_text(
        "learning the types · about 10 min left"
    )
    expect(page.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "40")
    expect(page.locator(".stages [aria-current=step]")).to_contain_text("learning")
    curve = page.get_by_role("img", name="Loss over steps")
    expect(curve).to_have_attribute("aria-label", re.compile("2 at first, 0.333 now"))
    expect(page.get_by_role("region", name="Log")).to_contain_text("step 60 is done")

    teach.grow(training_id, first=6)
    expect(curve).to_have_attribute("aria-label", re.compile("0.167 now"))
    press(page.get_by_text("These figures as a table").nth(1))
    expect(page.get_by_role("region", name="Loss: figures")).to_contain_text("0.167")

    teach.bring(training_id, stage="paused")
    expect(page.locator("[data-is=status]")).to_have_text("paused")
    expect(page.locator("[data-is=progress]")).to_contain_text("waits for analyses")

    teach.end(training_id, model=teach.install(), comparison_id=None)
    expect(page.get_by_role("heading", name="hall@1")).to_be_visible()
    expect(page.locator("[data-is=status]")).to_have_text("done")
    expect(page.get_by_text("12 more SHOTs would help.")).to_be_visible()
    press(page.get_by_role("link", name="The model"))
    expect(page.get_by_role("heading", name="What it finds")).to_be_visible()


@pytest.mark.costly
def test_a_training_is_canceled_and_deleted(page: Page, teach: TeachService) -> None:
    training_id = teach.train()
    open_teach(page, f"/trainings/{training_id}")

    press(page.get_by_role("button", name="Cancel"))
    expect(page.locator("[data-is=status]")).to_have_text("canceled")
    press(page.get_by_role("button", name="Delete"))
    press(page.get_by_role("dialog").get_by_role("button", name="Delete"))

    expect(page.locator("#trainings")).to_contain_text("None yet")
    page.goto(f"/#/teach/trainings/{training_id}")
    expect(page.get_by_text("This training is not here")).to_be_visible()


@pytest.mark.costly
def test_a_failed_training_says_what_to_do(page: Page, teach: TeachService) -> None:
    training_id = teach.train()
    detail = "The disk is full: free 4 GB, then train again."
    teach.bring(
        training_id,
        status=JobStatus.FAILED,
        error_code="disk_full",
        error_detail=detail,
    )

    open_teach(page)

    row = page.locator(f"[data-training='{training_id}']")
    expect(row).to_contain_text(detail)
    press(row.get_by_role("link").first)
    expect(page.get_by_role("alert").get_by_text(detail)).to_be_visible()


@pytest.mark.costly
def test_an_error_of_one_model_is_one_step_from_its_moment(
    page: Page, teach: TeachService
) -> None:
    video_id = teach.half(events=300)
    models = [teach.install(), "arena-rny002"]
    open_teach(page, f"/comparisons/{teach.compare(models, video_id)}")

    expect(page.locator(".verdict-words")).to_contain_text("is better for PASS")
    expect(page.get_by_text("No model knows SERVE (2).")).to_be_visible()
    figures = page.get_by_role("region", name="Figures by type and model")
    expect(figures.locator("svg.interval")).to_have_count(8)
    expect(figures).to_contain_text("0.62 (0.52 to 0.70)")
    rows = page.locator("#comparison-errors tbody tr")
    differing = [frame for frame in MOMENTS if frame != BOTH_WRONG]
    assert frames_of(rows, len(differing)) == differing

    page.locator("[name=kind]").select_option("missed")
    assert frames_of(rows, 1) == [30]
    press(page.locator("[name=differs]"), "Space")
    assert frames_of(rows, 2) == [30, BOTH_WRONG]
    press(page.locator("[name=differs]"), "Space")
    expect(rows).to_have_count(1)
    expect(rows.locator("[data-kind=hit]")).to_contain_text("found 0.90")
    press(rows.get_by_role("link", name="Review PASS at 0:01.0 of Cup final"))

    expect(page.locator(".review[data-ready=true]")).to_be_visible()
    assert_at(page, 30.5 / FPS)


@pytest.mark.costly
def test_the_default_is_swapped_and_rolled_back_by_a_person(
    page: Page, teach: TeachService
) -> None:
    first, second = teach.install(), teach.install()
    for name in (first, second):
        open_teach(page, f"/models/{name.replace('@', '%40')}")
        press(page.get_by_role("button", name=f"Make {name} the default"))
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("decisions")
        press(dialog.get_by_role("button", name="Make default"))
        expect(page.locator("#news")).to_contain_text(f"{name} is the default now")
        assert default_of(teach) == name

    open_teach(page)
    press(page.locator("#roll-back"))
    press(page.get_by_role("dialog").get_by_role("button", name="Roll back"))

    expect(page.locator("#news")).to_contain_text(f"{first} is the default again")
    assert default_of(teach) == first
    press(page.get_by_text("Who chose which default"))
    expect(page.locator("#models details")).to_contain_text("went back to hall@1")


@pytest.mark.costly
def test_a_choice_of_others_is_not_overwritten(page: Page, teach: TeachService) -> None:
    mine, theirs = teach.install(), teach.install()
    open_teach(page, f"/models/{mine.replace('@', '%40')}")
    press(page.get_by_role("button", name=f"Make {mine} the default"))
    answer = teach.pages.api.client.put("/models/default", json={"name": theirs})
    assert answer.status_code == 200

    press(page.get_by_role("dialog").get_by_role("button", name="Make default"))

    expect(page.locator("#trouble")).to_be_visible()
    assert default_of(teach) == theirs


@pytest.mark.costly
def test_a_model_is_archived_restored_exported_and_imported(
    page: Page, teach: TeachService, tmp_path: Path
) -> None:
    name = teach.install()
    open_teach(page)
    press(page.get_by_role("button", name=f"Actions for {name}"))
    press(page.locator(".menu").get_by_role("button", name="Archive"))
    expect(page.locator(f"[data-model='{name}']")).to_have_count(0)
    press(page.get_by_label("show 1 archived model"), "Space")
    press(page.get_by_role("button", name=f"Actions for {name}"))
    press(page.locator(".menu").get_by_role("button", name="Restore"))
    expect(page.locator("#news")).to_contain_text("can be used again")

    press(page.get_by_role("button", name=f"Actions for {name}"))
    with page.expect_download() as saved:
        press(page.locator(".menu").get_by_role("button", name="Export the file"))
    file = tmp_path / saved.value.suggested_filename
    saved.value.save_as(file)
    assert file.name == f"{name}.touchline"

    press(page.get_by_role("button", name="Import a file…"))
    dialog = page.locator("#import-dialog")
    dialog.get_by_label("File").set_input_files(file)
    expect(dialog.get_by_label("Name")).to_have_value(name)
    press(dialog.get_by_role("button", name="Import"))
    expect(dialog.get_by_role("alert")).to_contain_text(name)
    dialog.get_by_label("Name").fill("guest")
    page.keyboard.press("Enter")
    expect(page.locator("[data-model=guest]")).to_be_visible()


@pytest.mark.costly
def test_matches_are_analysed_again_with_a_choice(
    page: Page, teach: TeachService
) -> None:
    name = teach.install()
    chosen = teach.half("Semi-final")
    teach.half("Cup final")
    open_teach(page)

    press(page.get_by_role("button", name="Analyse again…").first)
    dialog = page.locator("#reanalyse-dialog")
    dialog.get_by_label("Model").select_option(name)
    press(dialog.get_by_label("these matches"), "Space")
    dialog.get_by_label("Search").fill("semi")
    expect(dialog.locator(".ticks label")).to_have_count(1)
    press(dialog.get_by_label("Semi-final"), "Space")
    press(dialog.get_by_role("button", name="Analyse 1 match"))

    expect(dialog.get_by_role("status")).to_contain_text("1 analysis waits")
    jobs = teach.pages.api.client.get(f"/videos/{chosen}/jobs").json()["items"]
    assert (jobs[0]["model"], jobs[0]["priority"]) == (name, -5)


@pytest.mark.costly
def test_models_are_compared_on_what_is_reviewed(
    page: Page, teach: TeachService
) -> None:
    name = teach.install()
    teach.review(teach.half())
    open_teach(page)

    press(page.get_by_role("button", name="Compare models…"))
    dialog = page.locator("#compare-dialog")
    press(dialog.get_by_role("button", name="Compare"))
    expect(dialog.get_by_role("alert")).to_contain_text("2 to 4 models")
    press(dialog.get_by_label(name), "Space")
    press(dialog.get_by_role("button", name="Compare"))

    expect(page.get_by_role("heading", name="Comparison", exact=True)).to_be_visible()
    made = teach.pages.api.client.get("/comparisons").json()["items"][0]
    assert [one["name"] for one in made["models"]] == [name, default_of(teach)]


VIEWS = ("", "start", "analyse", "compare", "import", "training", "comparison", "model")


@pytest.mark.costly
@pytest.mark.parametrize(("scheme", "size"), LOOKS)
def test_axe_finds_nothing_and_nothing_overflows(
    browser: Browser, teach: TeachService, scheme: Any, size: str
) -> None:
    if not AXE.is_file():
        missing("axe-core is missing: sh scripts/node.sh")
    show = shown_views(teach)
    width, height = SIZES[size]
    context = browser.new_context(
        base_url=teach.pages.api.url,
        color_scheme=scheme,
        reduced_motion="reduce",
        viewport={"width": width, "height": height},
        bypass_csp=True,  # for axe itself
    )
    context.set_default_timeout(PATIENCE_MS)
    found = {}
    for name in VIEWS:
        page = context.new_page()
        show(page, name)
        found[name] = problems_of(page)
        page.close(run_before_unload=False)
    context.close()

    assert {name: words for name, words in found.items() if words} == {}


def test_a_comparison_is_printed_dark_on_white(page: Page, teach: TeachService) -> None:
    video_id = teach.half(events=300)
    models = [teach.install(), "arena-rny002"]
    open_teach(page, f"/comparisons/{teach.compare(models, video_id)}")
    expect(page.locator("#comparison-errors tbody tr")).to_have_count(3)

    page.emulate_media(media="print", color_scheme="dark")

    shown = page.evaluate(
        """[getComputedStyle(document.body).backgroundColor,
            getComputedStyle(document.querySelector('.teach h2')).color,
            getComputedStyle(document.querySelector('.top')).display,
            getComputedStyle(document.querySelector('.error-filters')).display]"""
    )
    assert shown == ["rgb(255, 255, 255)", "rgb(0, 0, 0)", "none", "none"]


def shown_views(teach: TeachService) -> Callable[[Page, str], None]:
    """Fill the service, and give what opens each of `VIEWS`."""
    video_id = teach.half(events=300)
    teach.review(video_id)
    name = teach.install()
    comparison_id = teach.compare([name, "arena-rny002"], video_id)
    made, running = teach.train(), teach.train()
    teach.grow(made)
    teach.end(made, model=name, comparison_id=comparison_id)
    teach.bring(running, status=JobStatus.RUNNING, stage="head", progress=0.4)
    teach.grow(running)
    paths = {
        "training": f"/trainings/{running}",
        "comparison": f"/comparisons/{comparison_id}",
        "model": f"/models/{name.replace('@', '%40')}",
    }
    buttons = {
        "start": "Train a model",
        "analyse": "Analyse again…",
        "compare": "Compare models…",
        "import": "Import a file…",
    }

    def show(page: Page, view: str) -> None:
        open_teach(page, paths.get(view, ""))
        if view in buttons:
            page.get_by_role("button", name=buttons[view]).first.click()
            expect(page.get_by_role("dialog")).to_be_visible()

    return show


def frames_of(rows: Locator, count: int) -> list[int]:
    """Read the frames of the errors that are listed, once there are so many."""
    expect(rows).to_have_count(count)
    return [int(row.get_attribute("data-frame") or -1) for row in rows.all()]


def default_of(teach: TeachService) -> str:
    name: str = teach.pages.api.client.get("/models/default").json()["name"]
    return name
