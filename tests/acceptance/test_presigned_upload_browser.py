"""A script of a page sends a file to the bucket, by the bucket's CORS rules."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from app.core.storage import part_uploads
from tests.api_server import RunningApi, make_settings, running_api
from tests.s3_server import S3OfTests
from tests.s3_storage import use_server
from tests.services import open_folder, running_postgres

PART = 5 * 2**20

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
  for (const { number, url } of broken ? items.slice(0, 1) : items) {
    const start = (number - 1) * partBytes;
    const body = file.slice(start, start + partBytes);
    const answer = await fetch(url, { method: "PUT", body });
    if (!answer.ok) throw new Error(`${number}: ${answer.status}`);
    known.set(number, answer.headers.get("etag"));
  }
  if (broken) return { sent: numbers };
  const parts = [...known].map(([number, etag]) => ({ number, etag }));
  return { sent: numbers, video: await post(`${at}/complete`, { parts }) };
}"""


@pytest.fixture(scope="module")
def api(s3: S3OfTests) -> Iterator[RunningApi]:
    bucket = s3.fresh_bucket()
    with (
        pytest.MonkeyPatch.context() as patch,
        running_postgres() as postgres,
        open_folder() as folder,
        postgres.fresh_database() as url,
    ):
        use_server(s3, patch)
        patch.setattr(part_uploads, "PART_BYTES", PART)
        settings = make_settings(
            data_dir=folder,
            database_url=url,
            storage=f"s3://{bucket}",
            presigned_uploads=True,
            presigned_endpoint=s3.url.replace("127.0.0.1", "localhost"),
        )
        with running_api(settings) as running:
            s3.client().put_bucket_cors(
                Bucket=bucket,
                CORSConfiguration={
                    "CORSRules": [
                        {
                            "AllowedOrigins": [running.url],
                            "AllowedMethods": ["PUT"],
                            "AllowedHeaders": ["*"],
                            "ExposeHeaders": ["ETag"],
                        }
                    ]
                },
            )
            yield running


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
