"""The page, and a script of a page, send a file to the bucket by its CORS rules."""

import hashlib
import os
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route, expect
from sqlalchemy import select

from app.core.storage import part_uploads
from app.uploads.tables import ResumableUpload
from tests.acceptance.page_service import PATIENCE_MS, asked_for, wait_until
from tests.api_server import RunningApi, make_settings, running_api
from tests.azure_server import AzureOfTests
from tests.bucket_storage import use_server
from tests.s3_server import S3OfTests
from tests.services import open_folder, running_postgres

pytestmark = pytest.mark.costly

PART = 5 * 2**20
ENDPOINT_GLOB = "http://localhost:*"
KEPT = """() => {
  const found = Object.keys(localStorage).find((key) => key.includes('bucket_upload'));
  return found && JSON.parse(localStorage.getItem(found)).path;
}"""

SEND = """async ([id, count, partBytes, sizeBytes, broken]) => {
  const at = `/presigned-uploads/${id}`;
  const file = new Blob([new Uint8Array(sizeBytes).map((_, place) => place % 251)]);
  const post = async (path, json) => (await fetch(path, {
    method: "POST", body: JSON.stringify(json),
    headers: { "content-type": "application/json" } })).json();
  const there = (await (await fetch(`${at}/parts`)).json()).items;
  const known = new Map(there.map((one) => [one.number, one.etag]));
  const numbers = Array.from({ length: count }, (_, place) => place + 1)
    .filter((number) => !known.has(number));
  const { items } = await post(`${at}/parts`, { numbers });
  for (const { number, url, etag } of broken ? items.slice(0, 1) : items) {
    const start = (number - 1) * partBytes;
    const body = file.slice(start, start + partBytes);
    const answer = await fetch(url, { method: "PUT", body });
    if (!answer.ok) throw new Error(`${number}: ${answer.status}`);
    known.set(number, etag ?? answer.headers.get("etag"));
  }
  if (broken) return { sent: numbers };
  const parts = [...known].map(([number, etag]) => ({ number, etag }));
  return { sent: numbers, video: await post(`${at}/complete`, { parts }) };
}"""


@pytest.fixture(scope="module", params=["s3", "azure"])
def api(request: pytest.FixtureRequest) -> Iterator[RunningApi]:
    server: S3OfTests | AzureOfTests = request.getfixturevalue(request.param)
    address = server.fresh_address()
    with (
        pytest.MonkeyPatch.context() as patch,
        running_postgres() as postgres,
        open_folder() as folder,
        postgres.fresh_database() as url,
    ):
        use_server(server, patch)
        patch.setattr(part_uploads, "PART_BYTES", PART)
        settings = make_settings(
            data_dir=folder,
            database_url=url,
            storage=address,
            presigned_uploads=True,
            presigned_endpoint=server.url.replace("127.0.0.1", "localhost"),
        )
        with running_api(settings) as running:
            server.allow_origin(address, running.url)
            yield running


@pytest.mark.nightly
def test_a_page_goes_on_after_a_reload(browser: Browser, api: RunningApi) -> None:
    size_bytes = 2 * PART + 7
    begun = api.client.post(
        "/presigned-uploads", json={"size_bytes": size_bytes, "filename": "a.mp4"}
    ).json()
    given = [begun["id"], begun["part_count"], PART, size_bytes]
    context = browser.new_context(bypass_csp=True)
    page = context.new_page()

    page.goto(f"{api.url}/healthz")
    page.evaluate(SEND, [*given, True])
    page.reload()
    told = page.evaluate(SEND, [*given, False])

    assert told["sent"] == [2, 3]
    file = api.client.get(f"/videos/{told['video']['id']}/file").content
    assert file == bytes(place % 251 for place in range(size_bytes))
    context.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "long match.mp4"
    path.write_bytes(os.urandom(3 * PART + 7))
    return path


@pytest.fixture
def page(browser: Browser, api: RunningApi) -> Iterator[Page]:
    api.forget_all()
    context = browser.new_context(base_url=api.url)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto("/")
    yield page
    context.close()


def is_third(url: str) -> bool:
    """Whether an address is that of part 3."""
    query = parse_qs(urlsplit(url).query)
    if "blockid" in query:
        return b64decode(query["blockid"][0]).endswith(b"-00003")
    return query["partNumber"] == ["3"]


def sha256s(api: RunningApi) -> list[str]:
    return [one["sha256"] for one in api.client.get("/videos").json()["items"]]


def test_the_page_sends_a_file_to_the_bucket(
    page: Page, api: RunningApi, file: Path
) -> None:
    by_tus = asked_for(page, "/uploads")

    page.locator("#file").set_input_files(file)
    page.locator("#send").click()

    expect(page.locator(".transfers li").first).to_contain_text("uploaded")
    assert sha256s(api) == [hashlib.sha256(file.read_bytes()).hexdigest()]
    assert by_tus == []
    assert page.evaluate("Object.keys(localStorage).join()").count("bucket") == 0


def test_a_later_visit_goes_on_with_what_the_bucket_has(
    page: Page, api: RunningApi, file: Path
) -> None:
    def hold_third(route: Route) -> None:
        if not is_third(route.request.url):
            route.continue_()

    page.route(f"{ENDPOINT_GLOB}/**", hold_third)
    page.locator("#file").set_input_files(file)
    page.locator("#send").click()

    def has_others() -> bool:
        kept = page.evaluate(KEPT)
        there = api.client.get(f"{kept}/parts").json()["items"] if kept else []
        return [one["number"] for one in there] == [1, 2, 4]

    wait_until(page, has_others)
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Pause").click()
    page.reload()
    expect(page.locator("[data-state=interrupted]")).to_contain_text(file.name)
    page.unroute_all(behavior="ignoreErrors")
    sent: list[str] = []
    page.on(
        "request",
        lambda one: sent.append(one.url) if one.method == "PUT" else None,
    )

    page.locator("#file").set_input_files(file)
    page.locator("#send").click()

    expect(page.locator(".transfers li").first).to_contain_text("uploaded")
    assert sha256s(api) == [hashlib.sha256(file.read_bytes()).hexdigest()]
    assert [is_third(one) for one in sent] == [True]


def test_a_bucket_that_the_browser_cannot_reach_is_left(
    page: Page, api: RunningApi, file: Path
) -> None:
    page.route(f"{ENDPOINT_GLOB}/**", lambda route: route.abort("connectionrefused"))
    by_tus = asked_for(page, "/uploads")

    page.locator("#file").set_input_files(file)
    page.locator("#send").click()

    expect(page.locator(".transfers li").first).to_contain_text("uploaded")
    assert sha256s(api) == [hashlib.sha256(file.read_bytes()).hexdigest()]
    assert by_tus
    assert api.service.part_uploads is not None
    with api.service.sessions() as session:
        rows = session.scalars(select(ResumableUpload)).all()
    assert [row.multipart_id for row in rows] == [None]
