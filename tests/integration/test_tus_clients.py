"""The clients that people use for tus, against the real API."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from tusclient.client import TusClient

from app.core.settings import Settings
from tests.api_server import RunningApi, eventually, make_settings, running_api
from tests.services import free_port

MIB = 2**20
TUS_JS_CLIENT = "tus-js-client@4.3.1"
SCRIPT = Path(__file__).with_name("tus_js_client.cjs")
API = (
    "import sys, uvicorn; from app.core.http.server import uvicorn_options;"
    "uvicorn.run('app.main:create_app', factory=True, port=int(sys.argv[1]),"
    " log_level='critical', **uvicorn_options())"
)


@pytest.fixture(scope="session")
def library(request: pytest.FixtureRequest) -> Path:
    """The folder of tus-js-client, from npm; skips where it cannot be had."""
    cache = request.config.cache
    assert cache is not None
    folder = cache.mkdir("tus-js-client")
    found = folder / "node_modules" / "tus-js-client"
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    if not found.is_dir():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("npm is not installed")
        command = [npm, "install", "--no-audit", "--no-fund", TUS_JS_CLIENT]
        done = subprocess.run(
            [*command, "--prefix", str(folder)], capture_output=True, check=False
        )
        if done.returncode != 0:
            pytest.skip(f"npm cannot install {TUS_JS_CLIENT}: {done.stderr[-200:]!r}")
    return found


@pytest.fixture
def content() -> bytes:
    return os.urandom(5 * MIB + 11)


@pytest.fixture
def file(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "final é.mp4"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"chunkSize": MIB},
        {"uploadDataDuringCreation": True},
        {"chunkSize": MIB, "overridePatchMethod": True},
    ],
    ids=["whole", "chunks", "with-creation", "as-post"],
)
def test_tus_js_client_uploads_a_file(
    api: RunningApi,
    library: Path,
    file: Path,
    content: bytes,
    tmp_path: Path,
    options: dict[str, Any],
) -> None:
    found = _tus_js(library, api.url, file, tmp_path, **options)

    video = api.client.get(found["video"]).json()
    assert video["sha256"] == hashlib.sha256(content).hexdigest()
    assert (video["filename"], video["title"]) == ("final é.mp4", "Cup final")
    assert api.client.get("/videos").json()["items"] == [video]


def test_tus_js_client_goes_on_where_it_was_paused(
    api: RunningApi, library: Path, file: Path, content: bytes, tmp_path: Path
) -> None:
    options = {"chunkSize": MIB}
    paused = _tus_js(library, api.url, file, tmp_path, stopAfter=2 * MIB, **options)

    found = _tus_js(library, api.url, file, tmp_path, **options)

    assert paused["stopped"] == 2 * MIB
    assert found["resumed"]
    assert found["url"] == paused["url"]
    video = api.client.get(found["video"]).json()
    assert video["sha256"] == hashlib.sha256(content).hexdigest()


@pytest.mark.costly
def test_tus_js_client_begins_anew_when_its_earlier_upload_is_gone(
    api: RunningApi, library: Path, file: Path, content: bytes, tmp_path: Path
) -> None:
    options = {"chunkSize": MIB}
    paused = _tus_js(library, api.url, file, tmp_path, stopAfter=2 * MIB, **options)
    api.client.delete(paused["url"], headers={"tus-resumable": "1.0.0"})

    found = _tus_js(library, api.url, file, tmp_path, **options)

    assert found["url"] != paused["url"]
    video = api.client.get(found["video"]).json()
    assert video["sha256"] == hashlib.sha256(content).hexdigest()


@pytest.mark.nightly
def test_an_upload_outlives_an_api_that_is_killed_again_and_again(
    settings: Settings, library: Path, tmp_path: Path
) -> None:
    content = os.urandom(40 * MIB)
    path = tmp_path / "match.mp4"
    path.write_bytes(content)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    said = _said(library, url, path, tmp_path, chunkSize=3 * MIB)

    with _node(said) as client:
        for kept in (8 * MIB, 24 * MIB):
            with _api_process(settings, port) as process:
                eventually(partial(_has_kept, kept, settings))
                os.kill(process.pid, signal.SIGKILL)
                process.wait()
        with _api_process(settings, port):
            found = json.loads(client.communicate(timeout=120)[0])
            video = httpx.get(url + found["video"], trust_env=False).json()
            videos = httpx.get(f"{url}/videos", trust_env=False).json()["items"]

    assert video["sha256"] == hashlib.sha256(content).hexdigest()
    assert videos == [video]


def test_tuspy_uploads_a_file_in_chunks_with_checksums(
    api: RunningApi, file: Path, content: bytes
) -> None:
    client = TusClient(f"{api.url}/uploads")

    with file.open("rb") as stream:
        uploader = client.uploader(
            file_stream=stream,
            chunk_size=MIB,
            metadata={"filename": "match.mp4", "title": "By tuspy"},
            upload_checksum=True,
        )
        uploader.upload()

    head = api.client.head(str(uploader.url), headers={"tus-resumable": "1.0.0"})
    video = api.client.get(head.headers["touchline-video"]).json()
    assert video["sha256"] == hashlib.sha256(content).hexdigest()
    assert video["title"] == "By tuspy"


def test_tuspy_goes_on_with_an_upload_that_broke_off(
    api: RunningApi, file: Path, content: bytes
) -> None:
    client = TusClient(f"{api.url}/uploads")
    with file.open("rb") as stream:
        first = client.uploader(file_stream=stream, chunk_size=MIB)
        first.upload_chunk()  # type: ignore[no-untyped-call]  # tuspy has no types here

    with file.open("rb") as stream:
        second = client.uploader(file_stream=stream, chunk_size=MIB, url=first.url)
        offset = second.offset
        second.upload()

    assert offset == MIB
    head = api.client.head(str(first.url), headers={"tus-resumable": "1.0.0"})
    video = api.client.get(head.headers["touchline-video"]).json()
    assert video["sha256"] == hashlib.sha256(content).hexdigest()


def test_a_client_of_another_site_may_upload_where_a_key_is_set(
    api_settings: Settings, library: Path, file: Path, tmp_path: Path
) -> None:
    values = {**api_settings.model_dump(), "api_key": "secret"}
    key = {"authorization": "Bearer secret", "origin": "https://club.example"}

    with running_api(make_settings(**values)) as api:
        preflight = api.client.options(
            "/uploads",
            headers={
                "origin": "https://club.example",
                "access-control-request-method": "POST",
                "access-control-request-headers": "authorization,tus-resumable",
            },
        )
        refused = api.client.post("/uploads", headers={"origin": "https://x.example"})
        found = _tus_js(library, api.url, file, tmp_path, headers=key)
        video = api.client.get(found["video"], headers=key)

    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-origin"] == "*"
    assert "PATCH" in preflight.headers["access-control-allow-methods"]
    assert "Tus-Resumable" in preflight.headers["access-control-allow-headers"]
    assert refused.status_code == 401
    assert refused.headers["access-control-allow-origin"] == "*"
    assert "Touchline-Video" in refused.headers["access-control-expose-headers"]
    assert "access-control-allow-credentials" not in refused.headers
    assert video.status_code == 200
    assert video.json()["created_by"] == "key:default"


def _tus_js(
    library: Path, url: str, file: Path, folder: Path, **options: object
) -> dict[str, Any]:
    with _node(_said(library, url, file, folder, **options)) as client:
        words, errors = client.communicate(timeout=120)
    assert client.returncode == 0, (words, errors)
    found: dict[str, Any] = json.loads(words)
    return found


def _said(
    library: Path, url: str, file: Path, folder: Path, **options: object
) -> dict[str, object]:
    return {
        "library": str(library),
        "endpoint": f"{url}/uploads",
        "path": str(file),
        "storage": str(folder / "earlier-uploads.json"),
        "metadata": {
            "filename": file.name,
            "filetype": "video/mp4",
            "title": "Cup final",
        },
        **options,
    }


@contextmanager
def _node(said: dict[str, object]) -> Iterator["subprocess.Popen[bytes]"]:
    with subprocess.Popen(
        ["node", str(SCRIPT), json.dumps(said)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def _api_process(settings: Settings, port: int) -> Iterator["subprocess.Popen[bytes]"]:
    environment = {
        **os.environ,
        "TOUCHLINE_DATA_DIR": str(settings.data_dir),
        "TOUCHLINE_DATABASE_URL": str(settings.database_url),
        "TOUCHLINE_MIN_FREE_SPACE": "1",
    }
    with subprocess.Popen(
        [sys.executable, "-c", API, str(port)], env=environment
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _has_kept(size_bytes: int, settings: Settings) -> bool:
    parts = (settings.data_dir / "uploads").rglob("part")
    return sum(part.stat().st_size for part in parts) >= size_bytes
