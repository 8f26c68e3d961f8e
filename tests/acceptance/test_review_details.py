"""What stands around a review: history, downloads, another run, a file not playable."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from app.jobs.tables import Job, JobStatus
from tests.acceptance.page_service import asked_for, wait_until
from tests.acceptance.review_service import (
    GHOST,
    SPOTS,
    ReviewService,
    eventually,
    open_review,
    select,
)

pytestmark = pytest.mark.costly


def test_the_history_of_an_event_tells_who_changed_what(
    reviewer: Page, review: ReviewService
) -> None:
    video_id = review.match()
    open_review(reviewer, video_id)
    select(reviewer, 100)
    reviewer.keyboard.press("Enter")
    reviewer.keyboard.press("]")
    reviewer.keyboard.press("3")
    eventually(reviewer, lambda: review.states(video_id).get(101), "edited")

    reviewer.locator(".history summary").click()

    entries = reviewer.locator(".history li")
    expect(entries).to_have_count(3)
    expect(entries.nth(0)).to_contain_text("local: accept")
    expect(entries.nth(1)).to_contain_text("frame 100 → 101")
    expect(entries.nth(2)).to_contain_text("type DRIVE → SHOT")


@pytest.mark.costly
def test_downloads_hold_the_types_that_are_shown(
    reviewer: Page, review: ReviewService
) -> None:
    open_review(reviewer, review.match())
    reviewer.get_by_title("Show or hide PASS").click()
    reviewer.locator(".menu summary").click()

    with reviewer.expect_download() as download:
        reviewer.locator(".menu [data-is=csv]").click()

    text = Path(download.value.path()).read_text()
    assert download.value.suggested_filename == "Cup final.csv"
    assert "DRIVE" in text
    assert "SHOT" in text
    assert "PASS" not in text
    reviewer.locator(".menu summary").click()
    reviewer.get_by_label("With provenance").check()
    expect(reviewer.locator(".menu [data-is=boris]")).to_be_disabled()
    with reviewer.expect_download() as download:
        reviewer.locator(".menu [data-is=osl]").click()
    assert "touchline-provenance" in Path(download.value.path()).read_text()


@pytest.mark.costly
def test_a_file_of_events_is_previewed_mapped_imported_and_undone(
    reviewer: Page, review: ReviewService, tmp_path: Path
) -> None:
    path = tmp_path / "tags.csv"
    path.write_text("label,time\nSHOT,1700\nHuddle,3500\nHuddle,900000000\n")
    video_id = review.match()
    open_review(reviewer, video_id)
    before = review.states(video_id)

    reviewer.locator("[data-is=import]").click()
    dialog = reviewer.locator("#import-dialog")
    dialog.get_by_label("File").set_input_files(path)
    expect(dialog).to_contain_text("The parameter time_format decides")
    dialog.locator("[name=answer]").select_option("ms")
    dialog.get_by_role("button", name="Answer").click()
    rows = dialog.locator(".import-table tbody tr")
    expect(rows.filter(has_text="Huddle")).to_contain_text("not a type here")
    dialog.get_by_label("Huddle is").select_option("PASS")
    expect(dialog).to_contain_text("2 events new, 0 there already, 1 left out")
    assert review.states(video_id) == before
    dialog.locator("[data-is=apply-import]").click()
    expect(dialog).to_have_count(0)

    added = [one for one in review.states(video_id).values() if one == "added"]
    assert len(added) == 2
    reviewer.keyboard.press("Control+z")
    wait_until(reviewer, lambda: review.states(video_id) == before)


@pytest.mark.costly
def test_another_run_keeps_what_was_decided(
    reviewer: Page, review: ReviewService
) -> None:
    video_id = review.match()
    open_review(reviewer, video_id)
    select(reviewer, 100)
    reviewer.keyboard.press("Enter")
    select(reviewer, 220)
    reviewer.keyboard.press("]")
    eventually(reviewer, lambda: review.states(video_id).get(221), "edited")

    review.api.client.post(f"/videos/{video_id}/jobs").raise_for_status()
    expect(reviewer.locator("[data-is=badge]")).to_have_text("queued")
    review.analyse(video_id, [(520, "PASS", 0.9), *SPOTS])

    row = reviewer.locator("[data-is=events] [data-frame='520']")
    expect(row).to_have_attribute("data-state", "suggested")
    states = review.states(video_id)
    assert states[100] == "accepted"
    assert states[221] == "edited"
    assert 220 not in states
    expect(reviewer.locator("[data-is=events] [data-frame='221']")).to_have_count(1)
    ghost = reviewer.locator(f"[data-is=events] [data-frame='{GHOST}']")
    expect(ghost).to_have_attribute("data-state", "ghost")


@pytest.mark.costly
def test_progress_of_a_job_is_told_as_it_comes(
    reviewer: Page, review: ReviewService
) -> None:
    video_id = review.upload(review.draw())
    open_review(reviewer, video_id)

    job_id = review.api.client.get(f"/videos/{video_id}").json()["job"]["id"]
    bar = reviewer.locator("[data-is=progress] .bar > span")
    polls = asked_for(reviewer, f"/videos/{video_id}")

    for progress in (0.42, 0.64, 0.81):
        with review.api.service.sessions.begin() as session:
            job = session.get_one(Job, job_id)
            job.status, job.stage, job.progress = JobStatus.RUNNING, "spot", progress
        expect(bar).to_have_attribute("style", f"width: {progress:.0%};")
    assert len(polls) <= 1  # when it began to run

    review.analyse(video_id)
    expect(reviewer.locator("[data-is=events-title]")).to_contain_text("5 events")


def test_a_file_that_does_not_play_leaves_the_rest_usable(
    reviewer: Page, review: ReviewService
) -> None:
    video_id = review.match()

    def refuse(route: Route) -> None:
        route.fulfill(status=200, content_type="video/mp4", body="no video")

    reviewer.route("**/videos/*/file*", refuse)
    reviewer.goto(f"/#/videos/{video_id}")
    expect(reviewer.locator(".unplayable")).to_contain_text("cannot play")

    reviewer.locator("[data-is=events] [data-frame='100']").click()
    reviewer.keyboard.press("Enter")

    wait_until(reviewer, lambda: review.states(video_id)[100] == "accepted")
