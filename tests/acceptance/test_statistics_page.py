"""Statistics of a match on the page, two matches compared, and a report as a file."""

import re
import threading
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from app.core.broker.notifier import MEDIA_QUEUE
from app.jobs.tables import JobStatus
from tests.acceptance.page_service import (
    PATIENCE_MS,
    PageService,
    shows,
    wait_until,
)
from tests.acceptance.test_page_for_everybody import AXE, SIZES, problems_of
from tests.services import missing
from worker.job_task import load_handlers
from worker.outcomes import WorkerContext
from worker.runner import run_job

pytestmark = pytest.mark.costly

TEAMS = [
    {"name": "Reds", "colour": "#d62728", "side": "left"},
    {"name": "Blues", "colour": "#ffffff", "side": "right"},
]
FACTS = {
    "teams": TEAMS,
    "competition": "City Cup",
    "halves": [{"start_s": 1, "end_s": 20}, {"start_s": 22, "clock_start_s": 2700}],
}


@pytest.fixture
def match(page_service: PageService, visit: BrowserContext) -> UUID:
    """A match with halves and teams, and events in each frame, one of them of a team.

    `visit` has emptied the service.
    """
    video_id = page_service.upload("Cup final")
    page_service.finish(video_id, team="left")
    client = page_service.api.client
    assert client.patch(f"/videos/{video_id}", json=FACTS).status_code == 200
    for frame, team in ((45, "left"), (700, "right"), (710, "right")):
        event = {"type": "SHOT", "frame": frame, "attributes": {"team": team}}
        assert client.post(f"/videos/{video_id}/events", json=event).status_code == 201
    return video_id


@pytest.fixture
def other(page_service: PageService, match: UUID) -> UUID:
    """A longer match in which the Reds were on the other side."""
    video_id = page_service.upload("Semi-final")
    page_service.finish(video_id, events=400)
    teams = [{"name": "Greens", "side": "left"}, {"name": "Reds", "side": "right"}]
    facts = {"teams": teams, "halves": [{"start_s": 0}]}
    client = page_service.api.client
    assert client.patch(f"/videos/{video_id}", json=facts).status_code == 200
    event = {"type": "SHOT", "frame": 90, "attributes": {"team": "right"}}
    assert client.post(f"/videos/{video_id}/events", json=event).status_code == 201
    return video_id


def open_statistics(page: Page, match: UUID, query: str = "") -> None:
    """Open the statistics of a match, and wait for its figures."""
    page.goto(f"/#/videos/{match}/statistics{query}")
    expect(page.locator(".statistics[data-ready=true]")).to_be_visible()


def test_each_number_leads_to_its_moments_and_they_to_their_frames(
    page: Page, page_service: PageService, match: UUID
) -> None:
    api = page_service.api.client
    told = api.get(f"/videos/{match}/statistics").json()
    open_statistics(page, match)

    for type_, team, half in (("SHOT", "Blues", 2), ("PASS", None, 1)):
        count = sum(
            one["count"]
            for one in told["counts"]
            if (one["type"], one["team"], one["half"]) == (type_, team, half)
        )
        place = f"{team or 'Team not known'}, {'1st' if half == 1 else '2nd'} half"
        name = f"{count}: {type_}, {place}"
        page.get_by_role("link", name=name, exact=True).click()
        words = page.locator("[data-is=moments-count]")
        expect(words).to_contain_text(f"{count} event")
        page.get_by_role("button", name="Close").click()
        expect(page.locator("#moments")).to_have_count(0)
    page.get_by_role("link", name="2: SHOT, Blues, 2nd half", exact=True).click()
    page.locator("#moments a").last.click()

    expect(page.locator(".review[data-ready=true]")).to_be_visible()
    wait_until(page, lambda: shows(page, 710))
    page.go_back()
    expect(page.locator("#moments li")).to_have_count(2)
    with page.expect_download() as saved:
        page.get_by_role("button", name="Close").click()
        page.locator("[data-is=csv]").click()
    assert "events_in_bin" in Path(saved.value.path()).read_text()


def test_two_matches_are_found_and_compared_by_the_minute_and_by_team(
    page: Page, match: UUID, other: UUID
) -> None:
    open_statistics(page, match)
    page.get_by_role("link", name="Compare").click()
    page.get_by_role("searchbox").fill("semi")
    page.locator(f".offered [data-id='{other}']").click()

    table = page.locator(".compared")
    expect(table).to_be_visible()
    expect(page.get_by_label("A minute")).to_be_checked()
    page.get_by_label("In all").check()
    expect(table.get_by_role("row").filter(has_text="All events")).to_contain_text(
        "+900"
    )
    page.get_by_label("Only what people confirmed").check()
    expect(page).to_have_url(re.compile("confirmed=1"))
    expect(page.locator("[data-ready=true]")).to_be_visible()
    page.get_by_label("Only what people confirmed").uncheck()
    page.get_by_label("Teams change ends").check()
    expect(page).to_have_url(re.compile("ends=1"))
    page.get_by_label("Teams change ends").uncheck()
    page.get_by_label("Team of the first match").select_option("Reds")
    expect(page.get_by_label("of the second")).to_have_value("Reds")
    shots = table.get_by_role("row").filter(has=page.get_by_text("SHOT", exact=True))
    expect(shots.get_by_role("link")).to_have_text(["1", "1"])
    page.locator("[data-is=swap]").click()
    expect(page.locator(".picked h2").first).to_have_text("Semi-final")
    expect(page.get_by_label("of the second")).to_have_value("Reds")


def test_a_report_made_on_the_page_opens_without_a_network(
    page: Page,
    browser: Browser,
    page_service: PageService,
    match: UUID,
    tmp_path: Path,
) -> None:
    page.goto(f"/#/videos/{match}")
    page.get_by_text("Download", exact=True).click()
    page.get_by_role("button", name="Report (HTML)").click()
    page.get_by_role("checkbox", name="SHOT").check()
    page.get_by_label("Only what people confirmed").check()
    with page.expect_download(timeout=2 * PATIENCE_MS) as saved:
        page.locator("[data-is=make-report]").click()
        expect(page.locator("#report-dialog")).to_contain_text("Waits for")
        make_reports(page_service)
    file = tmp_path / "report.html"
    saved.value.save_as(file)

    context = browser.new_context(offline=True, bypass_csp=True)
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    alone = context.new_page()
    alone.goto(file.as_uri())
    expect(alone.locator("h1")).to_have_text("Cup final")
    sizes = alone.locator("figure img").evaluate_all(
        "pictures => pictures.map(one => one.naturalWidth)"
    )
    expect(alone.locator("figcaption b")).to_have_text(["0:00", "45:01", "45:01"])
    outside = [one for one in asked if not one.startswith(("file:", "data:"))]
    problems = problems_of(alone) if AXE.is_file() else []
    context.close()
    assert len(sizes) == 3
    assert all(sizes)
    assert outside == []
    assert problems == []


def make_reports(page_service: PageService) -> None:
    """Do what a media worker does with the reports that wait."""
    service = page_service.api.service
    context = WorkerContext(
        settings=service.settings.model_copy(update={"min_free_space": 0}),
        sessions=service.sessions,
        storage=service.storage,
        predictors=None,
        notifier=service.notifier,
        node="media@test",
        leaving=threading.Event(),
    )
    client = page_service.api.client
    for video in client.get("/videos").json()["items"]:
        for report in client.get(f"/videos/{video['id']}/reports").json()["items"]:
            handlers = load_handlers(MEDIA_QUEUE)
            ended = run_job(UUID(report["job_id"]), context=context, handlers=handlers)
            assert ended is JobStatus.SUCCEEDED


@pytest.mark.parametrize(("scheme", "size"), [("light", "wide"), ("dark", "narrow")])
def test_axe_finds_nothing_nothing_overflows_and_paper_is_white(
    browser: Browser,
    page_service: PageService,
    match: UUID,
    other: UUID,
    scheme: Any,
    size: str,
) -> None:
    if not AXE.is_file():
        missing("axe-core is missing: sh scripts/node.sh")
    width, height = SIZES[size]
    context = browser.new_context(
        base_url=page_service.api.url,
        color_scheme=scheme,
        reduced_motion="reduce",
        viewport={"width": width, "height": height},
        bypass_csp=True,  # for axe itself
    )
    context.set_default_timeout(PATIENCE_MS)
    waiting = page_service.upload("Waiting")
    found = {}
    for name, place in {
        "statistics": f"/#/videos/{match}/statistics",
        "moments": f"/#/videos/{match}/statistics?list=all&of_type=SHOT",
        "no timeline": f"/#/videos/{waiting}/statistics",
        "compare": f"/#/compare?a={match}&b={other}&team=Reds&with_team=Reds",
        "choose": f"/#/compare?a={match}",
    }.items():
        page = context.new_page()
        page.goto(place)
        if name == "choose":
            expect(page.locator(".offered li").first).to_be_visible()
        else:
            expect(page.locator(".statistics[data-ready=true]")).to_be_visible()
        if name == "moments":
            expect(page.locator("#moments li").first).to_be_visible()
        if name == "statistics":
            for summary in page.locator(".figures-table summary").all():
                summary.click()
        found[name] = problems_of(page)
        if name == "statistics":
            pages, ground = printed(page)
        page.close()
    context.close()

    told = [f"{name}: {word}" for name, words in found.items() for word in words]
    assert told == [], "\n".join(told)
    assert ground == ["rgb(255, 255, 255)", "rgb(0, 0, 0)", "none"]
    assert 1 <= pages <= 8


def printed(page: Page) -> tuple[int, list[str]]:
    """Print a page; tell its sheets, and colours of ground and text, and its header."""
    sheets = len(re.findall(rb"/Type\s*/Page\b", page.pdf(format="A4")))
    page.emulate_media(media="print")
    colours = page.evaluate(
        """[getComputedStyle(document.body).backgroundColor,
            getComputedStyle(document.querySelector('.statistics h2')).color,
            getComputedStyle(document.querySelector('.top')).display]"""
    )
    return sheets, colours
