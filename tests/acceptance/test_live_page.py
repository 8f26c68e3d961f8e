"""Live streams on the page: begun, watched while they are played, coded with keys."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.acceptance.live_service import FPS, LiveMatch, beat, followed
from tests.acceptance.page_service import (
    PATIENCE_MS,
    PageService,
    wait_until,
)
from tests.acceptance.review_service import (
    HAS_PICTURE,
    ReviewService,
    eventually,
    shown_frame,
    told_frame,
)
from tests.browsers import ARGUMENTS, chromium

pytestmark = pytest.mark.costly

HISTORY_S = 20.0
NEAR_S = 14.0  # of the edge: a busy page halts for seconds
CAMERA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
AUTOPLAY = "--autoplay-policy=no-user-gesture-required"
TIME = "document.querySelector('video').currentTime"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium with a camera of its own making, which plays without being asked to."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        program = playwright.chromium.launch(
            executable_path=chromium(), args=[*ARGUMENTS, *CAMERA, AUTOPLAY]
        )
        yield program
        program.close()


@pytest.fixture
def live(reviewer: Page, review: ReviewService) -> Page:
    """A page on a service with a live model, and a worker that has room."""
    beat(review.api)
    return reviewer


@contextmanager
def playing(review: ReviewService, **wanted: Any) -> Iterator[LiveMatch]:
    """A stream that began a while ago."""
    body = {"source": "listen", "name": "Cup final", **wanted}
    answer = review.api.client.post("/live", json=body)
    assert answer.status_code == 202, answer.text
    with followed(review.api, UUID(answer.json()["id"]), review.folder) as match:
        match.begin(history_s=HISTORY_S)
        yield match


def open_live(page: Page, match: LiveMatch) -> None:
    """Open the review of a stream and wait for its picture at the edge."""
    page.goto(f"/#/videos/{match.video_id}")
    expect(page.locator(".review[data-ready=true]")).to_be_visible()
    wait_until(page, lambda: bool(page.evaluate(HAS_PICTURE)))
    expect(page.locator("[data-is=live-bar][data-edge=true]")).to_be_visible()


def behind(page: Page, match: LiveMatch) -> float:
    return match.edge_s - float(page.evaluate(TIME))


def test_a_stream_is_begun_from_the_page_and_stopped(
    live: Page, review: ReviewService
) -> None:
    live.goto("/#/live")
    live.get_by_label("Address", exact=True).fill("camera.example")
    live.get_by_role("button", name="Start").click()
    expect(live.get_by_role("alert")).to_contain_text("begins with rtmp://")
    live.get_by_label("Send to this service").check()
    live.get_by_label("Name").fill("Semi-final")
    live.get_by_role("button", name="Start").click()
    row = live.locator(".streams li", has_text="Semi-final")
    expect(row.locator("[data-is=state]")).to_have_text("waits for a worker")

    video_id = UUID(row.get_attribute("data-id"))
    with followed(review.api, video_id, review.folder) as match:
        expect(row.locator("[data-is=push]")).to_contain_text("rtmp://")
        match.begin(history_s=2.0)
        expect(row.locator("[data-is=state]")).to_have_text("live")
        row.get_by_role("button", name="Stop Semi-final").click()
        live.get_by_role("dialog").get_by_role("button", name="Stop").click()
        expect(row.locator("[data-is=state]")).to_have_text("ended")


@pytest.mark.costly
def test_srt_has_one_address_to_send_to_and_needs_a_side_car(
    live: Page, review: ReviewService, monkeypatch: pytest.MonkeyPatch
) -> None:
    live.goto("/#/live")
    live.get_by_label("Send by SRT").check()
    live.get_by_label("Name").fill("Semi-final")
    live.get_by_role("button", name="Start").click()
    expect(live.locator("body")).to_contain_text("nothing takes SRT here")
    settings = review.api.service.settings.__dict__
    monkeypatch.setitem(settings, "live_relay", "rtsp://touchline:r@mediamtx:8554")
    srt = "srt://192.0.2.7:8890?streamid=publish:{key}:encoder:p"
    monkeypatch.setitem(settings, "live_srt", srt)
    live.get_by_role("button", name="Start").click()
    row = live.locator(".streams li", has_text="Semi-final")
    expect(row.locator("[data-is=push-soon]")).to_be_visible()

    with followed(review.api, UUID(row.get_attribute("data-id")), review.folder):
        push = row.locator("[data-is=push]")
        expect(push).to_contain_text("SRT address" + srt.partition("{key}")[0])
        expect(push).not_to_contain_text("Stream key")
        live.evaluate(
            "Object.defineProperty(navigator, 'clipboard', {value: undefined})"
        )
        push.get_by_role("button", name="Copy the address").click()
        expect(live.locator("#trouble")).to_contain_text("select the address")


@pytest.mark.costly
def test_events_come_become_final_and_go(live: Page, review: ReviewService) -> None:
    with playing(review) as match:
        open_live(live, match)
        rows = live.locator("[data-is=events] [role=option]")
        match.say("provisional", 1, "PASS", HISTORY_S - 1)
        match.say("provisional", 2, "SHOT", HISTORY_S - 0.5)
        expect(rows).to_have_count(2)
        both = [rows.nth(place).get_attribute("data-state") for place in (0, 1)]
        match.say("final", 1, "PASS", HISTORY_S - 1)
        match.say("retracted", 2, "SHOT", HISTORY_S - 0.5)
        expect(rows).to_have_count(1)

        assert both == ["provisional", "provisional"]
        expect(rows.first).to_have_attribute("data-state", "suggested")
        expect(rows.first).to_contain_text("PASS")
        names = live.locator(".lane-name .text")
        assert sorted(names.all_text_contents()) == ["DRIVE", "PASS", "SHOT"]

        PageService(review.api, review.folder).break_connections()
        match.say("final", 3, "DRIVE", HISTORY_S - 0.2)
        expect(rows).to_have_count(2)


@pytest.mark.costly
def test_a_person_tags_beside_the_model_and_f_goes_back_to_the_edge(
    live: Page, review: ReviewService
) -> None:
    with playing(review) as match:
        match.play()
        open_live(live, match)
        eventually(live, lambda: 0 < behind(live, match) < NEAR_S, True)
        wait_until(live, lambda: abs(shown_frame(live) - told_frame(live)) <= 2)
        live.keyboard.press("2")
        pressed_s = match.edge_s
        eventually(
            live, lambda: list(review.states(match.video_id).values()), ["added"]
        )
        (own,) = review.events(match.video_id)

        live.keyboard.press("Home")
        eventually(live, lambda: shown_frame(live) < HISTORY_S * FPS / 2, True)
        edge = live.locator("[data-is=edge]")
        expect(edge).to_contain_text(re.compile(r"Go live.*\d+ s behind"))
        match.say("final", 1, "PASS", match.edge_s - 0.5)
        expect(live.locator("[data-is=events] [role=option]")).to_have_count(2)
        live.keyboard.press("f")
        expect(edge).to_contain_text("At the live edge")
        eventually(live, lambda: 0 < behind(live, match) < NEAR_S, True)
        before = shown_frame(live)
        eventually(live, lambda: shown_frame(live) > before + 2.2 * FPS, True)

        assert 0 < pressed_s - own["time_s"] < NEAR_S
        assert behind(live, match) < NEAR_S
        assert own["type"] == live.locator(".lane-name .text").nth(1).text_content()


@pytest.mark.costly
def test_gaps_are_marked_and_the_two_figures_stand_apart(
    live: Page, review: ReviewService
) -> None:
    with playing(review) as match:
        match.miss(10.0, "reconnected")
        match.has_sound = True  # which a decoder takes as another stream
        match.go_on(HISTORY_S + 18)
        match.say("provisional", 1, "PASS", match.edge_s - 0.3)
        open_live(live, match)

        expect(live.locator("[data-is=look-ahead]")).to_have_text("0.5 s")
        expect(live.locator("[data-is=latency]")).to_have_text(re.compile(r"^\d+ ms$"))
        gaps = live.locator("[data-is=gaps]")
        gaps.locator("summary").click()
        expect(gaps.locator("li")).to_have_text(["0:20.0 – 0:30.0 reconnected"])
        live.keyboard.press("k")
        field = live.locator("[data-is=frame]")
        field.fill(str(25 * FPS))
        field.press("Enter")
        eventually(live, lambda: shown_frame(live), 20 * FPS - 1)
        live.locator("h1").click()
        for key, frame in ((".", 30 * FPS), (",", 20 * FPS - 1)):
            live.keyboard.press(key)
            eventually(live, lambda: shown_frame(live), frame)
        live.keyboard.press("k")
        eventually(live, lambda: shown_frame(live) > 30 * FPS, True)


@pytest.mark.costly
def test_without_a_recording_keys_tag_at_the_edge(
    live: Page, review: ReviewService
) -> None:
    with playing(review, record=False) as match:
        live.goto(f"/#/videos/{match.video_id}")
        expect(live.locator("[data-is=no-picture]")).to_contain_text("not recorded")
        expect(live.locator("[data-is=edge]")).to_have_text("At the live edge")
        expect(live.locator(".lane-name")).to_have_count(3)
        eventually(live, lambda: told_frame(live) >= HISTORY_S * FPS - 1, True)
        live.keyboard.press("1")

        eventually(live, lambda: len(review.events(match.video_id)), 1)
        (own,) = review.events(match.video_id)
        assert own["time_s"] == pytest.approx(HISTORY_S, abs=3)


@pytest.mark.costly
def test_the_file_takes_the_place_of_the_stream_and_decisions_stay(
    live: Page, review: ReviewService
) -> None:
    with playing(review) as match:
        open_live(live, match)
        match.say("final", 1, "PASS", 18.0)
        row = live.locator("[data-is=events] [role=option]").first
        row.click()
        eventually(live, lambda: shown_frame(live), 18 * FPS)
        live.keyboard.press("Enter")
        expect(row).to_have_attribute("data-state", "accepted")
        live.get_by_role("button", name="Stop Cup final").click()
        live.get_by_role("dialog").get_by_role("button", name="Stop").click()

        file = f"/videos/{match.video_id}/file"
        expect(live.locator("video")).to_have_attribute("src", file)
        eventually(live, lambda: shown_frame(live), 18 * FPS)
        expect(row).to_have_attribute("data-state", "accepted")


@pytest.mark.costly
def test_the_browsers_camera_is_sent(live: Page, review: ReviewService) -> None:
    live.goto("/#/live")
    live.get_by_label("This device's camera").check()
    live.get_by_role("button", name="Start").click()
    row = live.locator(".streams li").first
    camera = row.locator("[data-is=camera]")
    expect(camera).to_have_attribute("data-state", "waiting")

    video_id = UUID(row.get_attribute("data-id"))
    with followed(review.api, video_id, review.folder) as match:
        expect(camera).to_have_attribute("data-state", "sending")
        eventually(live, lambda: len(match.script.pushed.data) > 10_000, True)
        live.get_by_role("button", name="Stop sending").click()
        expect(row.locator("[data-is=send-camera]")).to_be_visible()

    assert match.script.pushed.data[:4] == b"\x1a\x45\xdf\xa3"  # WebM


def test_a_stream_ends_with_the_last_picture_of_its_camera(
    live: Page, review: ReviewService
) -> None:
    asked: list[str] = []
    live.on("request", lambda request: asked.append(request.url))
    live.goto("/#/live")
    live.get_by_label("This device's camera").check()
    live.get_by_label("Name").fill("Training")
    live.get_by_role("button", name="Start").click()
    row = live.locator(".streams li").first
    video_id = UUID(row.get_attribute("data-id"))
    with followed(review.api, video_id, review.folder) as match:
        pushed = match.script.pushed
        expect(row.locator("[data-is=camera]")).to_have_attribute(
            "data-state", "sending"
        )
        eventually(live, lambda: len(pushed.data) > 10_000, True)

        row.get_by_role("button", name="Stop Training").click()
        live.get_by_role("dialog").get_by_role("button", name="Stop").click()

        eventually(live, lambda: pushed.ends == [len(pushed.data)], True)
        expect(row.locator("[data-is=camera]")).to_have_count(0)

        # What came before the end may still wait for the model: it is not cut.
        row.get_by_role("button", name="Stop Training").click()
        live.get_by_role("dialog").get_by_role("button", name="Stop").click()
        expect(live.get_by_role("dialog")).to_have_count(0)
        live.wait_for_load_state("networkidle")
    assert not [url for url in asked if url.endswith("/stop")]
