"""Match facts, search, and the types of events, as a person enters them."""

from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, Locator, Page, Route, expect

from app.core.principal import DEFAULT_PROJECT_ID
from app.projects.tables import Project
from tests.acceptance.page_service import PageService, wait_until
from tests.videos import draw_video

# As progress of a job does, which the stream tells.
DRAW_ANEW = """async () => {
  const { videos } = await import("/page/library/store.js");
  videos.value = [...videos.value];
  await new Promise((drawn) => { setTimeout(drawn, 20); });
}"""


@pytest.fixture(autouse=True)
def no_types(page_service: PageService) -> None:
    """Start without types of events."""
    page_service.api.client.put("/types", json={"items": []})


def open_details(page: Page, title: str) -> Locator:
    """Open the form of a video's match facts."""
    page.get_by_role("button", name=f"Actions for {title}").click()
    page.get_by_role("button", name="Details", exact=True).click()
    return page.get_by_role("dialog")


def test_match_facts_are_entered_and_shown_and_cleared(
    page: Page, page_service: PageService
) -> None:
    video_id = page_service.upload("raw.mp4")
    page.goto("/")
    form = open_details(page, "raw.mp4")

    form.get_by_label("Title").fill("Cup final")
    form.get_by_label("Competition").fill("City Cup")
    form.get_by_label("Date").fill("2026-05-31")
    form.get_by_label("Team 1", exact=True).fill("Arena Reds")
    form.get_by_role("button", name="Colour of team 1").click()
    form.get_by_label("Team 2", exact=True).fill("Harbour Blues")
    form.get_by_role("button", name="Save").click()

    expect(form).to_have_count(0)
    row = page.locator("#videos li")
    expect(row).to_contain_text("Cup final")
    expect(row.locator(".match-line")).to_contain_text("Arena Reds")
    expect(row.locator(".swatch")).to_have_count(1)
    stored = page_service.api.client.get(f"/videos/{video_id}").json()
    assert stored["title"] == "Cup final"
    assert stored["date"] == "2026-05-31"
    assert stored["teams"] == [
        {"name": "Arena Reds", "colour": "#d62728", "side": None},
        {"name": "Harbour Blues", "colour": None, "side": None},
    ]

    form = open_details(page, "Cup final")
    form.get_by_label("Competition").fill("")
    form.get_by_label("Team 1", exact=True).fill("")
    form.get_by_label("Team 2", exact=True).fill("")
    form.get_by_role("button", name="Save").click()
    expect(row).not_to_contain_text("City Cup")
    stored = page_service.api.client.get(f"/videos/{video_id}").json()
    assert (stored["competition"], stored["teams"]) == (None, [])


@pytest.mark.costly
def test_kick_offs_are_taken_from_the_player(
    page: Page, page_service: PageService
) -> None:
    video_id = page_service.upload("Cup final")
    page.goto("/")
    form = open_details(page, "Cup final")
    player = form.locator("video")
    wait_until(page, lambda: bool(player.evaluate("player => player.readyState > 1")))
    player.evaluate("player => { player.currentTime = 2.5; }")
    wait_until(page, lambda: not player.evaluate("player => player.seeking"))

    form.get_by_role("button", name="Kick-off is where the player stands").click()
    player.evaluate("player => { player.currentTime = 20; }")
    form.get_by_role("button", name="Add a half").click()
    form.get_by_label("Match clock at kick-off").last.fill("45:00")
    form.get_by_label("Half 2: kick-off", exact=True).fill("soon")
    form.get_by_role("button", name="Save").click()
    expect(form.get_by_role("alert")).to_contain_text("Half 2: write times as")
    form.get_by_role(
        "button", name="Half 2: kick-off is where the player stands"
    ).click()
    form.get_by_role("button", name="Save").click()

    expect(form).to_have_count(0)
    stored = page_service.api.client.get(f"/videos/{video_id}").json()
    assert stored["halves"] == [
        {"start_s": 2.5, "end_s": None, "clock_start_s": None},
        {"start_s": 20.0, "end_s": None, "clock_start_s": 2700.0},
    ]


@pytest.mark.costly
def test_a_kick_off_counts_from_the_start_of_a_file_whose_clock_starts_late(
    page: Page, page_service: PageService, tmp_path: Path
) -> None:
    path = tmp_path / "late.mp4"
    draw_video(path, frames=90, fps=30, start_ms=10_000)
    video_id = PageService(page_service.api, path).upload("Late")
    page.goto("/")
    form = open_details(page, "Late")
    player = form.locator("video")
    wait_until(page, lambda: bool(player.evaluate("player => player.readyState > 1")))
    shown = player.evaluate(
        """player => new Promise(resolve => {
          const first = player.currentTime;
          player.requestVideoFrameCallback((_, frame) => resolve(frame.mediaTime));
          player.currentTime = Math.max(first, 10) + 1.51;
        })"""
    )

    form.get_by_role("button", name="Kick-off is where the player stands").click()
    form.get_by_role("button", name="Save").click()

    expect(form).to_have_count(0)
    stored = page_service.api.client.get(f"/videos/{video_id}").json()
    assert shown >= 1.5
    assert abs(stored["halves"][0]["start_s"] - 1.51) < 0.02


@pytest.mark.costly
def test_what_another_person_changed_meanwhile_is_not_overwritten(
    page: Page, page_service: PageService
) -> None:
    video_id = page_service.upload("Cup final")
    page.goto("/")
    form = open_details(page, "Cup final")
    answer = page_service.api.client.patch(
        f"/videos/{video_id}", json={"competition": "City Cup"}
    )
    assert answer.status_code == 200

    page_service.upload("Another")  # so the list is read anew, with what was changed
    expect(page.locator("#videos li")).to_have_count(2)

    form.get_by_label("Title").fill("Semi-final")
    form.get_by_role("button", name="Save").click()

    expect(form.get_by_role("alert")).to_contain_text("changed meanwhile")
    expect(form.get_by_label("Title")).to_have_value("Semi-final")
    stored = page_service.api.client.get(f"/videos/{video_id}").json()
    assert (stored["title"], stored["competition"]) == ("Cup final", "City Cup")


@pytest.mark.costly
def test_the_library_is_searched_and_filtered(
    page: Page, page_service: PageService
) -> None:
    client = page_service.api.client
    for title, team, date in (
        ("Cup final", "Reds", "2026-05-31"),
        ("Semi-final", "Reds", "2026-05-20"),
        ("Training", "U19", "2026-05-25"),
    ):
        video_id = page_service.upload(title)
        facts = {"teams": [{"name": team}], "date": date}
        assert client.patch(f"/videos/{video_id}", json=facts).status_code == 200
    page.goto("/")
    titles = page.locator("#videos strong")
    expect(titles).to_have_count(3)

    page.locator("#search").fill("final")
    expect(titles).to_have_text(["Semi-final", "Cup final"])
    expect(page.locator("#count")).to_have_text("2 matches")
    page.locator("#filters-button").click()
    page.get_by_label("From").fill("2026-05-25")
    expect(titles).to_have_text(["Cup final"])
    page.locator("#search").fill("")
    page.get_by_label("Team").fill("U19")
    expect(titles).to_have_text(["Training"])
    page.get_by_label("Team").fill("nobody")
    expect(page.locator("#no-match")).to_be_visible()
    page.get_by_role("button", name="Clear").click()

    expect(titles).to_have_count(3)


@pytest.mark.costly
def test_what_is_typed_into_the_search_stays_while_the_list_is_drawn_anew(
    page: Page, page_service: PageService
) -> None:
    page_service.upload("Cup final")
    page_service.upload("Semi final")
    page.goto("/")
    expect(page.locator("#videos li")).to_have_count(2)
    search = page.locator("#search")

    search.focus()
    for letter in "cup":
        page.keyboard.type(letter)
        page.evaluate(DRAW_ANEW)
    expect(search).to_have_value("cup")
    expect(page.locator("#videos li")).to_have_count(1)
    search.fill("semi")
    page.locator("#filters-button").click()
    page.get_by_role("button", name="Clear").click()
    page.wait_for_timeout(600)

    expect(search).to_have_value("")
    expect(page.locator("#videos li")).to_have_count(2)


@pytest.mark.costly
def test_types_are_named_ordered_and_given_keys(
    page: Page, page_service: PageService
) -> None:
    page.goto("/#/types")
    for name in ("TACKLE", "FOUL", "CORNER"):
        page.locator("#add-type").click()
        page.keyboard.type(name)
    page.get_by_label("Key of CORNER").select_option("key 1")
    page.get_by_role("button", name="Move CORNER up").click()
    page.get_by_label("Colour of FOUL").fill("#112233")

    page.locator("#save-types").click()

    expect(page.locator("#news")).to_have_text("Saved.")
    items = page_service.api.client.get("/types").json()["items"]
    assert [(item["name"], item["key"]) for item in items] == [
        ("TACKLE", None),
        ("CORNER", "1"),
        ("FOUL", "2"),
    ]
    assert items[2]["colour"] == "#112233"
    page.reload()
    expect(page.get_by_label("Name of type 2")).to_have_value("CORNER")


def test_types_that_cannot_be_are_told_and_kept_in_the_form(
    page: Page, page_service: PageService
) -> None:
    page.goto("/#/types")
    for name in ("FOUL", "foul"):
        page.locator("#add-type").click()
        page.keyboard.type(name)

    page.locator("#save-types").click()

    expect(page.get_by_role("alert").last).to_contain_text("Two types are called foul")
    expect(page.get_by_label("Name of type 2")).to_have_value("foul")
    assert page_service.api.client.get("/types").json()["items"] == []


@pytest.mark.costly
def test_types_that_another_person_changed_are_not_overwritten(
    page: Page, page_service: PageService
) -> None:
    page.goto("/#/types")
    page.locator("#add-type").click()
    page.keyboard.type("FOUL")
    theirs = {"items": [{"name": "TACKLE", "key": None, "colour": None}]}
    assert page_service.api.client.put("/types", json=theirs).status_code == 200

    page.locator("#save-types").click()

    expect(page.get_by_role("alert").last).to_contain_text("changed meanwhile")
    expect(page.get_by_label("Name of type 1")).to_have_value("FOUL")
    items = page_service.api.client.get("/types").json()["items"]
    assert [item["name"] for item in items] == ["TACKLE"]


def test_a_type_goes_up_by_the_key_that_is_pressed_again(
    page: Page, page_service: PageService
) -> None:
    types = [{"name": name, "key": None, "colour": None} for name in "ABC"]
    page_service.api.client.put("/types", json={"items": types})
    page.goto("/#/types")
    page.get_by_role("button", name="Move C up").focus()

    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")  # at the top the way down has the focus

    names = page.locator(".type-row input[maxlength]")
    assert [one.input_value() for one in names.all()] == ["A", "C", "B"]
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    assert [one.input_value() for one in names.all()] == ["C", "A", "B"]


@pytest.mark.costly
def test_what_is_typed_while_types_are_saved_stays(
    page: Page, page_service: PageService
) -> None:
    types = [{"name": "PASS", "key": None, "colour": None}]
    page_service.api.client.put("/types", json={"items": types})
    held: list[Route] = []
    page.route(
        "**/types",
        lambda route: (
            held.append(route) if route.request.method == "PUT" else route.continue_()
        ),
    )
    page.goto("/#/types")
    name = page.get_by_label("Name of type 1")
    name.fill("DRIVE")

    page.locator("#save-types").dblclick()
    name.fill("DRIVE BACK")
    wait_until(page, lambda: bool(held))
    held[0].continue_()

    expect(page.locator("#news")).to_have_text("Saved.")
    expect(name).to_have_value("DRIVE BACK")
    assert len(held) == 1
    page.locator("#save-types").click()
    wait_until(page, lambda: len(held) == 2)
    held[1].continue_()
    expect(page.locator("#save-types")).to_be_disabled()
    (stored,) = page_service.api.client.get("/types").json()["items"]
    assert stored["name"] == "DRIVE BACK"


def test_quotas_are_told_and_an_upload_that_does_not_fit_says_why(
    page: Page, page_service: PageService
) -> None:
    page_service.upload("Cup final")
    size = page_service.file.stat().st_size
    set_quota(page_service, size + 100)
    try:
        page.goto("/")
        expect(page.locator("#quotas")).to_contain_text("stored.")
        expect(page.locator(".quota.nearly")).to_have_count(1)

        more = FilePayload(name="a.mp4", mimeType="video/mp4", buffer=b"x" * 200)
        page.locator("#file").set_input_files(more)
        page.locator("#send").click()

        transfer = page.locator(".transfers li")
        expect(transfer).to_contain_text("delete videos or give up uploads")
    finally:
        set_quota(page_service, None)


def set_quota(page_service: PageService, stored_bytes: int | None) -> None:
    with page_service.api.service.sessions.begin() as session:
        session.get_one(Project, DEFAULT_PROJECT_ID).max_stored_bytes = stored_bytes
