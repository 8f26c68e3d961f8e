"""What a real browser does with our pages, and lets other pages do; needs Chromium."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import sync_playwright

from tests.api_server import RunningApi, make_settings, running_api
from tests.browsers import chromium, opened_in

PATIENCE_S = 60
ATTACK = """<!doctype html><title>another page</title>
<iframe name="frame"></iframe>
<form method="post" enctype="multipart/form-data" target="frame" action="API/videos">
<input name="file" type="file"></form>
<script>
(async () => {
  const files = new DataTransfer();
  files.items.add(new File(["the bytes of a video"], "a.mp4"));
  const form = document.forms[0];
  form.elements.file.files = files.files;
  const options = { method: "POST", mode: "no-cors", body: new FormData(form) };
  await fetch("API/videos", options).catch(() => {});
  document.querySelector("iframe").onload = () => fetch("/done", { method: "POST" });
  form.submit();
})();
</script>"""


@pytest.fixture
def browser() -> str:
    return chromium()


@pytest.fixture
def api(database_url: str, tmp_path: Path) -> Iterator[RunningApi]:
    settings = make_settings(data_dir=tmp_path / "data", database_url=database_url)
    with running_api(settings) as running:
        yield running


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_a_page_on_another_port_cannot_upload(
    api: RunningApi, browser: str, tmp_path: Path, name: str
) -> None:
    url = f"http://{name}:{urlsplit(api.url).port}"
    done = threading.Event()
    with (
        _other_page(ATTACK.replace("API", url), done) as address,
        opened_in(browser, address, profile=tmp_path / "profile"),
    ):
        assert done.wait(PATIENCE_S)

    assert api.client.get("/videos").json()["items"] == []


@pytest.mark.costly
@pytest.mark.parametrize(
    ("path", "drawn"), [("/", ".readiness"), ("/docs", ".opblock-summary-path")]
)
def test_our_pages_keep_to_their_own_policy(
    api: RunningApi, browser: str, path: str, drawn: str
) -> None:
    said: list[str] = []
    with sync_playwright() as playwright:
        program = playwright.chromium.launch(
            executable_path=browser, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        page = program.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(f"Uncaught {error}"))
        page.goto(f"{api.url}{path}")
        page.locator(drawn).first.wait_for(timeout=PATIENCE_S * 1000)
        program.close()

    assert not [text for text in said if "Content Security Policy" in text]
    assert not [text for text in said if "Uncaught" in text]


@contextmanager
def _other_page(text: str, done: threading.Event) -> Iterator[str]:
    """Serve a page on a port of its own; it says when it has tried everything."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(text.encode())

        def do_POST(self) -> None:
            done.set()
            self.send_response(204)
            self.end_headers()

        def log_message(self, *words: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
