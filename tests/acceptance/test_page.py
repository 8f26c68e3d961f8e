"""The page in a real browser: what a person does with a long match, on a real service.

The rows that a worker would write are written by the test, so that there are as many
events as in a long match, and jobs stand where the test wants them.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from app.clips.service import ThumbnailKeys
from app.core.db.base import new_id, utc_now
from app.core.storage.keys import scores_key
from app.jobs.queries import jobs_page
from app.jobs.tables import Job, JobStatus
from app.timelines.tables import Analysis, Event
from app.videos.tables import Video
from model.spotting.timeline import Timeline
from model.video.jpeg import encode_jpeg
from model.video.probe import probe
from tests.api_server import RunningApi, make_settings, running_api
from tests.services import missing, open_folder, running_postgres
from tests.videos import COLUMNS, ROWS, draw_video, match_picture

LABELS = ("PASS", "DRIVE", "SHOT")
FPS = 30
EVENTS = 1300  # More than one answer of the API holds.
PATIENCE_MS = 60_000
PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


SHOWN_FRAME = """([columns, rows]) => {
  const player = document.querySelector('video');
  const canvas = new OffscreenCanvas(player.videoWidth, player.videoHeight);
  const pen = canvas.getContext('2d');
  pen.drawImage(player, 0, 0);
  let number = 0;
  for (let place = 0; place < columns * rows; place += 1) {
    const x = (place % columns + 0.5) * canvas.width / columns;
    const y = (Math.floor(place / columns) + 0.5) * canvas.height / rows;
    if (pen.getImageData(x, y, 1, 1).data[0] > 127) number |= 1 << place;
  }
  return number;
}"""
"""Reads the number of the frame that the player shows, as `read_number` does."""


@dataclass(frozen=True)
class Service:
    """A running API, and the hand of a worker."""

    api: RunningApi
    file: Path

    def upload(self, title: str) -> UUID:
        """Upload the match as any client does; its job stays queued."""
        with self.file.open("rb") as file:
            answer = self.api.client.post(
                "/videos", files={"file": file}, data={"title": title}
            )
        assert answer.status_code == 202, answer.text
        return UUID(answer.json()["id"])

    def set_job(self, video_id: UUID, **values: object) -> None:
        """Let the latest job stand where a worker would have brought it."""
        with self.api.service.sessions.begin() as session:
            job = session.scalars(jobs_page(video_id, before=None, limit=0)).one()
            for name, value in values.items():
                setattr(job, name, value)

    def finish(
        self, video_id: UUID, *, events: int = EVENTS, team: str | None = None
    ) -> None:
        """Store a timeline with an event in each frame, as a new job's."""
        job_id, analysis_id, now = new_id(), new_id(), utc_now()
        frames = np.arange(events, dtype=np.int64)
        scores = np.full((events, len(LABELS) + 1), 0.25, np.float32)
        timeline = Timeline(LABELS, scores, frames / FPS, frames, frames)
        key = scores_key(video_id, job_id, new_id())
        stored = self.api.service.storage.put(key, timeline.to_bytes())
        rows = [_event(video_id, analysis_id, int(frame)) for frame in frames]
        rows[0].team = team
        counts = {name: sum(row.label == name for row in rows) for name in LABELS}
        with self.api.service.sessions.begin() as session:
            job = Job(id=job_id, video_id=video_id, created_at=now)
            job.status, job.progress = JobStatus.SUCCEEDED, 1.0
            job.result, job.finished_at = {"counts": counts}, now
            session.add(job)
            session.flush()
            analysis = Analysis(id=analysis_id, video_id=video_id, job_id=job_id)
            analysis.checkpoint, analysis.warnings = {}, {}
            analysis.scores_key, analysis.scores_sha256 = key, stored.sha256
            analysis.event_counts, analysis.requested_at = counts, now
            analysis.created_at = now
            session.add(analysis)
            session.flush()
            session.add_all(rows)
            video = session.get_one(Video, video_id)
            video.current_analysis_id, video.fps = analysis_id, float(FPS)
            video.duration_s = EVENTS / FPS

    def draw_poster(self, video_id: UUID, *, data: bytes | None = None) -> None:
        """Store the pictures that a run of a media worker makes."""
        if data is None:
            data = encode_jpeg(match_picture(7, 640, 360))
        keys = ThumbnailKeys.of_run(video_id, new_id())
        for key in keys.all():
            self.api.service.storage.put(key, data)
        with self.api.service.sessions.begin() as session:
            keys.save(session, video_id)


def _event(video_id: UUID, analysis_id: UUID, frame: int) -> Event:
    return Event(
        video_id=video_id,
        analysis_id=analysis_id,
        seq=frame,
        time_ms=round(frame * 1000 / FPS),
        pts=frame,
        frame=frame,
        label=LABELS[frame % len(LABELS)],
        score=(frame % 100) / 100,
    )


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The API on a real Postgres; no worker takes its jobs."""
    file = tmp_path_factory.mktemp("match") / "match.mp4"
    draw_video(file, frames=EVENTS, fps=FPS)
    with (
        running_postgres() as postgres,
        open_folder() as folder,
        postgres.fresh_database() as url,
        running_api(make_settings(data_dir=folder, database_url=url)) as api,
    ):
        yield Service(api, file)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without a window."""
    found = os.environ.get("CHROMIUM") or next(
        filter(None, map(shutil.which, PROGRAMS)), None
    )
    if found is None:
        missing("no Chromium: apt-get install chromium, or name it in CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, service: Service) -> Iterator[Page]:
    """A page of its own, on an empty service; an error of a script fails the test."""
    service.api.forget_all()
    context = browser.new_context(base_url=service.api.url)
    context.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


def assert_at(page: Page, moment: float) -> None:
    """Wait until the player stands at a moment."""
    read = "document.querySelector('video').currentTime"
    wait_until(page, lambda: abs(page.evaluate(read) - moment) < 1e-3)


def shows(page: Page, frame: int) -> bool:
    """Whether the player shows the frame of that number."""
    return bool(page.evaluate(SHOWN_FRAME, [COLUMNS, ROWS]) == frame)


def rows_of(page: Page) -> Locator:
    """Find the rows of events that are shown."""
    return page.locator("[data-is=events] li:not([hidden])")


def open_video(page: Page, video_id: UUID) -> None:
    """Open a finished video and wait until all of its events are there."""
    page.goto(f"/#/videos/{video_id}")
    expect(page.locator("[data-is=events-title]")).to_have_text(f"{EVENTS} events")


def asked_for(page: Page, ending: str) -> list[str]:
    """Collect the page's requests for a path from now on."""
    found: list[str] = []

    def note(url: str) -> None:
        if url.split("?")[0].endswith(ending):
            found.append(url)

    page.on("request", lambda request: note(request.url))
    return found


def wait_until(page: Page, look: Callable[[], bool]) -> None:
    """Let the page go on until something is seen."""
    for _ in range(PATIENCE_MS // 50):
        if look():
            return
        page.wait_for_timeout(50)
    raise AssertionError("it was not seen in time")


def mark_focused(page: Page) -> None:
    """Put a mark on the very node that has the focus."""
    page.evaluate("document.activeElement.marked = true")


def is_marked_focused(page: Page) -> bool:
    """Whether the node with the mark has the focus still."""
    return bool(page.evaluate("document.activeElement.marked === true"))


def test_the_focus_stays_on_a_video_while_its_job_runs(
    page: Page, service: Service
) -> None:
    service.upload("Older")
    video_id = service.upload("Cup final")
    service.set_job(video_id, status=JobStatus.RUNNING, stage="spot", progress=0.1)
    page.goto("/")
    link = page.locator("#videos a", has_text="Cup final")
    link.focus()
    mark_focused(page)

    for progress in (0.2, 0.3, 0.4):  # Each is seen by another poll.
        service.set_job(video_id, progress=progress)
        expect(link.locator(".badge")).to_have_text(f"{progress * 100:.0f} %")
        assert is_marked_focused(page)
    service.upload("Newest")

    expect(page.locator("#videos li")).to_have_count(3)
    assert page.locator("#videos strong").all_inner_texts()[0] == "Newest"
    assert is_marked_focused(page)


def test_every_event_of_a_long_match_is_drawn_and_read_once(
    page: Page, service: Service
) -> None:
    video_id = service.upload("Cup final")
    service.finish(video_id)
    running = service.upload("Running")
    service.set_job(running, status=JobStatus.RUNNING, progress=0.1)
    events, polls = asked_for(page, "/events"), asked_for(page, "/videos")
    open_video(page, video_id)

    assert rows_of(page).count() == EVENTS
    assert len(events) == 2  # Two pages of the list.
    seen = len(polls)
    row = page.locator("[data-is=events] button").nth(700)
    row.focus()
    mark_focused(page)
    scrolled = page.evaluate("document.querySelector('.scroll').scrollTop")
    wait_until(page, lambda: len(polls) >= seen + 3)

    assert len(events) == 2
    assert is_marked_focused(page)
    assert scrolled > 0
    assert page.evaluate("document.querySelector('.scroll').scrollTop") == scrolled


def test_the_keyboard_goes_through_the_events_and_enter_seeks_to_the_frame(
    page: Page, service: Service
) -> None:
    video_id = service.upload("Cup final")
    service.finish(video_id)
    open_video(page, video_id)
    player = page.locator("video")
    wait_until(page, lambda: bool(player.evaluate("player => player.readyState > 0")))

    page.locator("[data-is=events] button").first.focus()
    for key in ("ArrowDown", "ArrowDown", "PageDown", "ArrowUp"):  # To frame 11.
        page.keyboard.press(key)
    page.keyboard.press("Enter")

    assert_at(page, 11.5 / FPS)
    assert page.evaluate("document.activeElement.textContent").endswith("11")
    assert page.locator("[data-is=events] button[tabindex='0']").count() == 1

    page.keyboard.press("End")
    page.keyboard.press("Enter")

    assert_at(page, (EVENTS - 0.5) / FPS)


@pytest.mark.parametrize("start_ms", [0, 10_000])
def test_a_file_whose_clock_starts_late_is_sought_to_the_right_frame(
    page: Page,
    service: Service,
    tmp_path: Path,
    start_ms: int,
) -> None:
    path = tmp_path / "late.mp4"
    draw_video(path, frames=90, fps=FPS, start_ms=start_ms)
    assert probe(path).start_time_s == start_ms / 1000
    late = Service(service.api, path)
    video_id = late.upload("Late")
    late.finish(video_id, events=90)
    page.goto(f"/#/videos/{video_id}")
    expect(page.locator("[data-is=events-title]")).to_have_text("90 events")

    for frame in (0, 41, 7, 88):
        page.locator("[data-is=events] button").nth(frame).click()
        wait_until(page, partial(shows, page, frame))


def test_a_row_tells_the_team_of_an_event_that_has_one(
    page: Page, service: Service
) -> None:
    video_id = service.upload("Cup final")
    service.finish(video_id, team="<b>left</b>")
    open_video(page, video_id)

    rows = rows_of(page).all_text_contents()[:2]

    assert rows == ["0:00.00PASS <b>left</b>0.000", "0:00.03DRIVE0.011"]


def test_filters_hide_rows_in_their_place(page: Page, service: Service) -> None:
    video_id = service.upload("Cup final")
    service.finish(video_id)
    open_video(page, video_id)
    button = page.locator("[data-is=types] button", has_text="PASS")
    button.focus()
    mark_focused(page)

    page.keyboard.press("Enter")

    kept = [frame for frame in range(EVENTS) if LABELS[frame % len(LABELS)] != "PASS"]
    title = page.locator("[data-is=events-title]")
    expect(title).to_have_text(f"{len(kept)} of {EVENTS} events")
    assert rows_of(page).count() == len(kept)
    assert is_marked_focused(page)
    assert rows_of(page).first.text_content() == "0:00.03DRIVE0.011"

    page.locator("[data-is=score]").fill("0.99")

    best = [frame for frame in kept if frame % 100 == 99]
    expect(title).to_have_text(f"{len(best)} of {EVENTS} events")
    assert rows_of(page).locator("[tabindex='0']").count() == 1


def test_a_file_that_is_sent_by_the_form_is_listed_and_opened(
    page: Page, service: Service
) -> None:
    page.goto("/")

    page.locator("#file").set_input_files(service.file)
    page.locator("#send").click()

    expect(page.locator("#videos a[aria-current=true]")).to_contain_text("match.mp4")
    expect(page.locator("[data-is=title]")).to_have_text("match.mp4")
    expect(page.locator("#file-name")).to_have_text("Choose a match video")


def test_another_run_takes_the_place_of_the_events_and_keeps_the_rest(
    page: Page, service: Service
) -> None:
    video_id = service.upload("Cup final")
    service.finish(video_id)
    open_video(page, video_id)
    page.locator("[data-is=types] button", has_text="SHOT").click()
    page.locator("canvas").focus()
    page.keyboard.press("+")
    mark_focused(page)

    service.finish(video_id, events=30)
    page.evaluate("dispatchEvent(new Event('online'))")  # Do not wait for the poll.

    title = page.locator("[data-is=events-title]")
    expect(title).to_have_text("20 of 30 events")
    assert is_marked_focused(page)


def test_a_server_that_is_away_is_told_and_its_return_clears_it(
    page: Page, service: Service
) -> None:
    service.upload("Cup final")
    page.goto("/")
    expect(page.locator("#videos a")).to_have_count(1)
    trouble = page.locator("#trouble")

    page.context.set_offline(True)
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(trouble).to_have_text(
        re.compile(r"^The server cannot be reached\. Trying again in \d+ s\.$")
    )
    page.context.set_offline(False)

    expect(trouble).to_be_hidden()
    expect(page.locator("#videos a")).to_have_count(1)


def test_polls_never_overlap_and_one_without_an_answer_is_given_up(
    page: Page, service: Service
) -> None:
    page.clock.install()
    polls = asked_for(page, "/videos")
    page.route("**/videos?*", lambda _: None)  # It hears, and does not answer.

    page.goto("/")
    wait_until(page, lambda: len(polls) == 1)
    page.clock.run_for(20_000)
    page.evaluate("dispatchEvent(new Event('online'))")

    assert len(polls) == 1
    page.clock.run_for(11_000)
    expect(page.locator("#trouble")).to_contain_text("The server does not answer.")


def test_a_hidden_tab_asks_for_nothing_until_it_is_seen_again(
    page: Page, service: Service
) -> None:
    page.clock.install()
    page.goto("/")
    expect(page.locator("#no-videos")).to_be_visible()
    show = (
        "isHidden => { Object.defineProperty(document, 'hidden', "
        "{ configurable: true, get: () => isHidden }); "
        "document.dispatchEvent(new Event('visibilitychange')); }"
    )

    page.evaluate(show, True)
    polls, readiness = asked_for(page, "/videos"), asked_for(page, "/readyz")
    page.clock.run_for(120_000)
    assert polls == readiness == []

    page.evaluate(show, False)
    wait_until(page, lambda: bool(polls and readiness))


def test_a_poster_comes_into_the_list_and_nothing_moves(
    page: Page, service: Service
) -> None:
    video_id = service.upload("Cup final")
    page.goto("/")
    row = page.locator("#videos li")
    still = row.locator("img")
    expect(row).to_contain_text("Cup final")
    expect(still).to_be_hidden()
    before = row.bounding_box()

    service.draw_poster(video_id)

    expect(still).to_be_visible()
    expect(still).to_have_js_property("naturalWidth", 640)
    expect(still).to_have_attribute("alt", "Still from the video")
    expect(still).to_have_attribute("loading", "lazy")
    assert row.bounding_box() == before


def test_a_poster_that_cannot_be_loaded_leaves_the_place_empty(
    page: Page, service: Service
) -> None:
    video_id = service.upload("Cup final")
    service.draw_poster(video_id, data=b"no picture")
    page.goto("/")

    expect(page.locator("#videos li")).to_contain_text("Cup final")
    expect(page.locator("#videos img")).to_have_attribute(
        "src", f"/videos/{video_id}/poster"
    )
    expect(page.locator("#videos img")).to_be_hidden()
