"""The service under a path of a site, behind proxies that strip it and that do not."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from pydantic import BaseModel

import app.main  # noqa: F401  # so that all features' schemas are there
from app.core.http.schemas import Links
from tests.api_server import RunningApi, make_settings, running_api
from tests.databases import PostgresOfTests
from tests.reverse_proxy import nginx
from tests.services import free_port

PREFIX = "/touchline"
KEY = "s3cret"
FILES = {"file": ("a.mp4", b"the bytes of a video")}
TUS = {"tus-resumable": "1.0.0", "upload-length": "7"}


@pytest.fixture(scope="module")
def port() -> int:
    """Where the proxy will be."""
    return free_port()


@pytest.fixture(scope="module")
def api(
    postgres: PostgresOfTests, tmp_path_factory: pytest.TempPathFactory, port: int
) -> Iterator[RunningApi]:
    with postgres.fresh_database() as url:
        settings = make_settings(
            data_dir=tmp_path_factory.mktemp("data"),
            database_url=url,
            api_key=KEY,
            public_url=f"http://127.0.0.1:{port}{PREFIX}/",
        )
        with running_api(settings) as running:
            yield running


@pytest.fixture(params=["stripped", "kept"])
def site(
    request: pytest.FixtureRequest, api: RunningApi, port: int, tmp_path: Path
) -> Iterator[httpx.Client]:
    """A client of the proxy; it knows the site, not the prefix."""
    strips = request.param == "stripped"
    with nginx(api.url, tmp_path, port=port, prefix=PREFIX, strips=strips) as url:
        base = url.removesuffix(PREFIX)
        headers = {"authorization": f"Bearer {KEY}"}
        with httpx.Client(base_url=base, headers=headers, trust_env=False) as client:
            yield client


def test_every_address_that_is_told_leads_back_through_the_proxy(
    site: httpx.Client,
) -> None:
    made = [site.post(f"{PREFIX}/videos", files=FILES) for _ in range(2)]
    video = made[0].json()
    job = site.post(f"{PREFIX}/videos/{video['id']}/jobs")
    upload = site.post(f"{PREFIX}/uploads", headers=TUS)
    page = site.get(f"{PREFIX}/videos", params={"limit": 1})
    following = re.search(r"<(.*?)>", page.headers["link"])
    assert following is not None
    addresses = [
        *(made[0].headers["location"], job.headers["location"], following[1]),
        *(upload.headers["location"], video["links"]["job"], video["links"]["jobs"]),
        *(video["links"]["self"], video["links"]["file"], job.json()["links"]["self"]),
    ]

    for address in addresses:
        assert address.startswith(f"{PREFIX}/"), address
        assert site.get(address).status_code == 200, address


def test_the_documents_and_the_page_name_the_prefix(site: httpx.Client) -> None:
    document = site.get(f"{PREFIX}/openapi.json").json()
    docs, page = site.get(f"{PREFIX}/docs"), site.get(f"{PREFIX}/")

    assert document["servers"] == [{"url": PREFIX}]
    for answer in (docs, page):
        told = re.findall(r'(?:src|href)="([^"#]+)"|url: \'(.*?)\'', answer.text)
        addresses = [one or other for one, other in told if one != "data:,"]
        assert addresses
        for address in addresses:
            url = answer.url.join(address)
            assert site.get(url).status_code == 200, url


def test_the_prefix_alone_leads_to_the_page(site: httpx.Client) -> None:
    answer = site.get(PREFIX)

    assert answer.is_redirect
    assert site.get(answer.headers["location"]).status_code == 200


def test_a_browsers_cookie_is_for_the_prefix_alone(site: httpx.Client) -> None:
    answer = site.post(f"{PREFIX}/session", json={"key": KEY})

    assert "path=/touchline/" in answer.headers["set-cookie"].lower().split("; ")
    del site.headers["authorization"]
    assert site.get(f"{PREFIX}/session").json()["name"] == "TOUCHLINE_API_KEY"
    token = {"x-csrf-token": answer.json()["csrf_token"]}
    gone = site.delete(f"{PREFIX}/session", headers=token)
    assert gone.status_code == 204
    assert site.get(f"{PREFIX}/session").status_code == 401


def test_events_of_the_server_come_through(site: httpx.Client) -> None:
    with site.stream("GET", f"{PREFIX}/stream") as answer:
        assert next(answer.iter_lines()) == "event: state"


def test_schemas_of_links_know_the_prefix() -> None:
    """Whatever feature sends addresses of its own sends those that clients see."""
    mine = [one for one in _subclasses(BaseModel) if one.__name__.endswith("Links")]

    assert len(mine) > 3
    assert [one for one in mine if not issubclass(one, Links)] == []


def _subclasses(root: type) -> list[type]:
    found: list[type] = []
    children: list[type] = root.__subclasses__()
    for child in children:
        if child.__module__.startswith("app."):
            found += [child, *_subclasses(child)]
    return found
