"""Without a key only this service's own pages, and programs, get in."""

from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest

from tests.api_server import RunningApi, make_settings, running_api

OWN = "http://127.0.0.1:{port}"
FILES = {"file": ("a.mp4", b"the bytes of a video")}


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},  # another port of localhost
        {"sec-fetch-site": "same-site", "origin": OWN},
        {"sec-fetch-site": "something-new"},
        {"origin": "http://evil.example"},
        {"origin": "http://127.0.0.1:1"},
        {"origin": "https://127.0.0.1:{port}"},
        {"origin": "http://localhost:{port}"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "http://[::1"},
    ],
)
def test_what_a_page_of_another_origin_sends_is_refused(
    api: RunningApi, headers: dict[str, str]
) -> None:
    headers = _for_port_of(api, headers)

    upload = api.client.post("/videos", files=FILES, headers=headers)
    again = api.client.post(f"/videos/{uuid4()}/jobs", headers=headers)
    deletion = api.client.delete(f"/videos/{uuid4()}", headers=headers)
    media = api.client.get(f"/videos/{uuid4()}/file", headers=headers)

    for answer in (upload, again, deletion, media):
        _assert_refused(answer)
    assert api.client.get("/videos").json()["items"] == []
    assert not [path for path in api.kept_files() if path.is_file()]


@pytest.mark.parametrize(
    "headers",
    [
        {},  # curl and libraries send neither
        {"sec-fetch-site": "same-origin", "origin": OWN},
        {"sec-fetch-site": "none"},
        {"origin": OWN},
        {"origin": "http://LOCALHOST:{port}", "host": "localhost:{port}"},
        {"origin": "http://localhost", "host": "localhost:80"},
        {"origin": "http://localhost:80", "host": "localhost"},
        {"origin": "http://[::1]:8000", "host": "[::1]:8000"},
    ],
)
def test_own_pages_and_programs_may_write(
    api: RunningApi, headers: dict[str, str]
) -> None:
    answer = api.client.post("/videos", files=FILES, headers=_for_port_of(api, headers))

    assert answer.status_code == 202


def test_a_link_on_another_site_may_lead_here(api: RunningApi) -> None:
    followed = {
        **{"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"},
        "sec-fetch-dest": "document",
    }
    framed = {**followed, "sec-fetch-dest": "iframe"}

    assert api.client.get("/videos", headers=followed).status_code == 200
    _assert_refused(api.client.get("/videos", headers=framed))
    _assert_refused(api.client.post("/videos", files=FILES, headers=followed))


@pytest.mark.costly
def test_the_origin_of_the_public_url_is_an_own_page(
    database_url: str, tmp_path: Path
) -> None:
    settings = make_settings(
        data_dir=tmp_path,
        database_url=database_url,
        public_url="https://match.example/touchline",
    )
    headers = {"host": "match.example", "origin": "https://match.example"}
    with running_api(settings) as api:
        answer = api.client.post("/videos", files=FILES, headers=headers)

    assert answer.status_code == 202


def test_with_a_key_any_page_may_call(database_url: str, tmp_path: Path) -> None:
    settings = make_settings(data_dir=tmp_path, database_url=database_url, api_key="k")
    headers = {"authorization": "Bearer k", "sec-fetch-site": "cross-site"}
    with running_api(settings) as api:
        answer = api.client.post("/videos", files=FILES, headers=headers)

    assert answer.status_code == 202


@pytest.mark.parametrize(
    "path", ["/", "/page/app.js", "/docs", "/docs/assets/swagger-ui.css", "/nowhere"]
)
def test_no_answer_can_be_taken_for_something_else(api: RunningApi, path: str) -> None:
    headers = api.client.get(path).headers

    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin"


def _for_port_of(api: RunningApi, headers: dict[str, str]) -> dict[str, str]:
    port = str(urlsplit(api.url).port)
    return {name: value.replace("{port}", port) for name, value in headers.items()}


def _assert_refused(answer: httpx.Response) -> None:
    assert answer.status_code == 403, answer.text
    assert answer.json()["type"] == "/problems/cross-site-refused"
    assert "TOUCHLINE_API_KEY" in answer.json()["detail"]
