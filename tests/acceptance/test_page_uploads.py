"""Uploads by the page: chosen, dropped, paused, broken off, resumed, sent twice."""

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.acceptance.page_service import PageService, asked_for, wait_until

BIG_BYTES = 6 * 2**20
SLOW_BYTES_PER_S = 400_000

DROP = """([names]) => {
  const files = new DataTransfer();
  for (const name of names) files.items.add(new File([name + ' has some bytes'], name));
  for (const type of ['dragenter', 'dragover', 'drop']) {
    const how = { bubbles: true, cancelable: true, dataTransfer: files };
    document.querySelector('main').dispatchEvent(new DragEvent(type, how));
  }
}"""


@pytest.fixture
def big_file(tmp_path: Path) -> Path:
    """A file that takes a while on a slow line."""
    path = tmp_path / "long match.mp4"
    path.write_bytes(os.urandom(BIG_BYTES))
    return path


class Line:
    """What is between a page and the service: may be slow, or cut."""

    def __init__(self, page: Page) -> None:
        self._session = page.context.new_cdp_session(page)
        self._session.send("Network.enable")

    def limit(self, bytes_per_s: int, *, is_cut: bool = False) -> None:
        conditions = {
            "offline": is_cut,
            "latency": 0,
            "downloadThroughput": -1,
            "uploadThroughput": bytes_per_s,
        }
        self._session.send("Network.emulateNetworkConditions", conditions)


@contextmanager
def slow_line(page: Page) -> Iterator[Line]:
    """Let the page's uploads take their time."""
    line = Line(page)
    line.limit(SLOW_BYTES_PER_S)
    yield line
    line.limit(-1)


def send(page: Page, *files: Path) -> None:
    """Choose files and send them."""
    page.locator("#file").set_input_files(list(files))
    page.locator("#send").click()


def transfer_of(page: Page, name: str) -> Locator:
    return page.locator(".transfers li", has_text=name)


def wait_for_progress(transfer: Locator, *, at_least: int) -> None:
    """Wait until a part of a file was sent, in percent."""
    bar = transfer.get_by_role("progressbar")
    wait_until(
        transfer.page,
        lambda: int(bar.get_attribute("aria-valuenow") or 0) >= at_least,
    )


def sha256s_of(service: PageService) -> list[str]:
    items = service.api.client.get("/videos").json()["items"]
    return [item["sha256"] for item in items]


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_file_that_is_sent_by_the_form_is_listed_and_opened(
    page: Page, page_service: PageService
) -> None:
    page.goto("/")
    page.locator("#file").set_input_files(page_service.file)
    page.get_by_text("More options").click()
    page.get_by_label("Title").fill("Cup final")

    page.locator("#send").click()

    expect(page.locator("#videos strong")).to_have_text("Cup final")
    page.get_by_role("link", name="Open match.mp4").click()
    expect(page).to_have_url(re.compile("#/videos/[0-9a-f-]{36}$"))
    assert sha256s_of(page_service) == [sha256_of(page_service.file)]


@pytest.mark.costly
def test_the_row_of_an_upload_stays_when_one_above_it_goes(
    page: Page, page_service: PageService
) -> None:
    page.goto("/")
    expect(page.locator("#no-videos")).to_be_visible()
    page.evaluate(DROP, [["first.mp4", "second.mkv"]])
    page.locator("#send").click()
    link = page.get_by_role("link", name="Open second.mkv")
    link.focus()

    page.evaluate("document.querySelector('.transfers li button').click()")
    expect(page.locator(".transfers li")).to_have_count(1)

    expect(link).to_be_focused()


@pytest.mark.costly
def test_files_that_are_dropped_are_sent_together(
    page: Page, page_service: PageService
) -> None:
    page.goto("/")
    expect(page.locator("#no-videos")).to_be_visible()

    page.evaluate(DROP, [["first.mp4", "second.mkv", "third.avi"]])
    expect(page.locator(".chosen li")).to_have_count(3)
    page.get_by_role("button", name="Leave second.mkv out").click()
    page.locator("#send").click()

    expect(page.locator("#videos li")).to_have_count(2)
    titles = page.locator("#videos strong").all_inner_texts()
    assert sorted(titles) == ["first.mp4", "third.avi"]


@pytest.mark.costly
def test_files_that_are_one_match_become_one_video(
    page: Page, page_service: PageService, tmp_path: Path
) -> None:
    files = [tmp_path / "2_final.mp4", tmp_path / "1_final.mp4"]
    for path in files:
        path.write_bytes(path.name.encode())
    page.goto("/")
    page.locator("#file").set_input_files(files)
    page.get_by_label("They are one match, in this order").check()
    chosen = page.locator(".chosen .name").all_inner_texts()
    kind = page.get_by_label("Each file is").input_value()
    page.get_by_text("More options").click()
    page.get_by_label("Title").fill("Cup final")

    page.locator("#send").click()

    expect(page.locator("#videos strong").first).to_have_text("Cup final")
    expect(page.locator(".transfers li")).to_have_count(0)
    video = page_service.api.client.get("/videos").json()["items"][0]
    assert (chosen, kind) == (["1_final.mp4", "2_final.mp4"], "halves")
    assert video["source"]["join"] == "halves"
    assert [one["filename"] for one in video["parts"]["files"]] == chosen
    assert (video["job"]["kind"], video["job"]["status"]) == ("join", "queued")


@pytest.mark.costly
def test_a_video_without_a_model_waits_for_people(
    page: Page, page_service: PageService
) -> None:
    page.goto("/")
    page.get_by_label("Model").select_option("No model: label by hand")

    send(page, page_service.file)

    expect(page.locator("#videos li")).to_have_count(1)
    (video,) = page_service.api.client.get("/videos").json()["items"]
    assert video["job"]["kind"] == "probe"


@pytest.mark.costly
def test_an_upload_is_paused_and_goes_on_from_where_it_was(
    page: Page, page_service: PageService, big_file: Path
) -> None:
    page.goto("/")
    began, sent = asked_for(page, "/uploads"), page.get_by_role("progressbar")
    with slow_line(page):
        send(page, big_file)
        transfer = transfer_of(page, big_file.name)
        wait_for_progress(transfer, at_least=10)
        transfer.get_by_role("button", name="Pause").click()
        expect(transfer).to_contain_text("paused")
        stopped_at = sent.get_attribute("aria-valuenow")
        page.wait_for_timeout(500)
        assert sent.get_attribute("aria-valuenow") == stopped_at

    transfer.get_by_role("button", name="Resume").click()

    expect(transfer).to_contain_text("uploaded")
    assert len(began) == 1
    assert sha256s_of(page_service) == [sha256_of(big_file)]


@pytest.mark.costly
def test_an_upload_goes_on_after_a_reload_when_its_file_is_chosen_again(
    page: Page, page_service: PageService, big_file: Path
) -> None:
    page.on("dialog", lambda dialog: dialog.accept())  # Leaving stops an upload.
    page.goto("/")
    began = asked_for(page, "/uploads")
    with slow_line(page):
        send(page, big_file)
        wait_for_progress(transfer_of(page, big_file.name), at_least=20)
        page.reload()
    left = transfer_of(page, big_file.name)
    expect(left).to_contain_text("interrupted")
    expect(left).to_contain_text(re.compile(r"[1-9][\d.]* [kM]B of 6\.3 MB"))

    again = left.locator("input[type=file]")
    again.set_input_files(page_service.file)
    expect(left.get_by_role("alert")).to_contain_text("another file")
    again.set_input_files(big_file)

    expect(transfer_of(page, big_file.name)).to_contain_text("uploaded")
    assert len(began) == 1
    assert sha256s_of(page_service) == [sha256_of(big_file)]


@pytest.mark.costly
def test_an_upload_of_an_earlier_visit_can_be_given_up(
    page: Page, page_service: PageService, big_file: Path
) -> None:
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto("/")
    with slow_line(page):
        send(page, big_file)
        wait_for_progress(transfer_of(page, big_file.name), at_least=10)
        page.reload()

    page.get_by_role("button", name=f"Give up {big_file.name}").click()

    expect(page.locator(".transfers li")).to_have_count(0)
    page.reload()
    expect(page.locator("#no-videos")).to_be_visible()
    expect(page.locator(".transfers li")).to_have_count(0)
    assert page_service.api.kept_files() == []


@pytest.mark.costly
def test_an_upload_goes_on_by_itself_when_the_network_is_back(
    page: Page, page_service: PageService, big_file: Path
) -> None:
    page.goto("/")
    began = asked_for(page, "/uploads")
    with slow_line(page) as line:
        send(page, big_file)
        transfer = transfer_of(page, big_file.name)
        wait_for_progress(transfer, at_least=10)
        line.limit(SLOW_BYTES_PER_S, is_cut=True)
        page_service.break_connections()
        expect(transfer).to_contain_text("interrupted, goes on by itself")

    expect(transfer).to_contain_text("uploaded")
    assert len(began) == 1
    assert sha256s_of(page_service) == [sha256_of(big_file)]


@pytest.mark.costly
def test_an_upload_goes_on_when_a_connection_breaks(
    page: Page, page_service: PageService, big_file: Path
) -> None:
    page.goto("/")
    began = asked_for(page, "/uploads")
    with slow_line(page):
        send(page, big_file)
        transfer = transfer_of(page, big_file.name)
        wait_for_progress(transfer, at_least=10)
        page_service.break_connections()

    expect(transfer).to_contain_text("uploaded")
    assert len(began) == 1
    assert sha256s_of(page_service) == [sha256_of(big_file)]


@pytest.mark.costly
def test_an_upload_that_is_canceled_leaves_nothing(
    page: Page, page_service: PageService, big_file: Path
) -> None:
    page.goto("/")
    with slow_line(page):
        send(page, big_file)
        wait_for_progress(transfer_of(page, big_file.name), at_least=10)
        page.get_by_role("button", name=f"Cancel {big_file.name}").click()
        expect(page.locator(".transfers li")).to_have_count(0)

    wait_until(page, lambda: page_service.api.kept_files() == [])
    assert sha256s_of(page_service) == []


@pytest.mark.costly
def test_a_file_that_is_there_already_is_sent_only_if_the_user_says_so(
    page: Page, page_service: PageService
) -> None:
    first = page_service.upload("Cup final")
    page.goto("/")
    began = asked_for(page, "/uploads")
    send(page, page_service.file)
    transfer = transfer_of(page, page_service.file.name)
    expect(transfer).to_contain_text("in the library already: “Cup final”")
    assert began == []
    link = transfer.get_by_role("link", name="Open that one")
    expect(link).to_have_attribute("href", f"#/videos/{first}")

    transfer.get_by_role("button", name="Upload it again").click()
    expect(page.locator("#videos li")).to_have_count(2)
    transfer.get_by_role("button", name="Open that one, delete this copy").click()

    expect(page).to_have_url(re.compile(f"#/videos/{first}$"))
    assert len(sha256s_of(page_service)) == 1


@pytest.mark.costly
def test_what_the_service_refuses_is_told_with_the_file(
    page: Page, page_service: PageService
) -> None:
    page.goto("/")
    page.get_by_text("More options").click()
    page.get_by_label("Webhook URL").fill("http://10.1.2.3/hook")

    send(page, page_service.file)

    transfer = transfer_of(page, page_service.file.name)
    expect(transfer).to_contain_text("stopped")
    expect(transfer.get_by_role("alert")).to_contain_text("10.1.2.3")
    assert sha256s_of(page_service) == []


@pytest.mark.costly
def test_a_video_is_added_from_the_folder_on_the_server(
    page: Page, page_service: PageService
) -> None:
    page.goto("/")
    page.get_by_text("Server folder").click()
    page.locator("#folder select[name=file]").select_option("cup/final.mp4")

    page.get_by_role("button", name="Add it").click()

    row = page.locator("#videos li")
    expect(row).to_contain_text("final.mp4")
    expect(row).to_contain_text("copying the file · waits for a worker")
    (video,) = page_service.api.client.get("/videos").json()["items"]
    assert video["source"]["import"] == "cup/final.mp4"


def test_a_video_is_fetched_from_an_address_unless_it_is_refused(
    page: Page, page_service: PageService
) -> None:
    page.goto("/")
    page.get_by_text("Web address").click()
    address = page.get_by_label("Address of the file")

    address.fill("https://10.1.2.3/final.mp4")
    page.get_by_role("button", name="Fetch it").click()
    expect(page.locator("#trouble")).to_contain_text("10.1.2.3")
    address.fill("https://93.184.215.14/final.mp4?key=secret")
    page.get_by_role("button", name="Fetch it").click()

    expect(page.locator("#videos li")).to_contain_text("final.mp4")
    expect(page.locator("#trouble")).to_be_hidden()
    (video,) = page_service.api.client.get("/videos").json()["items"]
    assert video["source"]["url"] == "https://93.184.215.14/final.mp4"
