"""Pages of other origins call the API where the operator names them, and only there."""

from collections.abc import Iterator

import httpx
import pytest

from tests.api_server import RunningApi, make_settings, running_api
from tests.databases import PostgresOfTests

NAMED, STRANGER = "https://club.example", "https://club.example.org"
KEY = "s3cret"
PREFLIGHT = {
    "access-control-request-method": "PATCH",
    "access-control-request-headers": "authorization,if-match",
}
EXPOSED = ("etag", "location", "retry-after", "x-request-id", "upload-offset", "link")


@pytest.fixture(scope="module")
def database(postgres: PostgresOfTests) -> Iterator[str]:
    with postgres.fresh_database() as url:
        yield url


@pytest.fixture(scope="module")
def named(
    database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningApi]:
    """A service with a key that names two origins."""
    settings = make_settings(
        data_dir=tmp_path_factory.mktemp("data"),
        database_url=database,
        api_key=KEY,
        cors_origins=f"{NAMED}, http://localhost:5173",
    )
    with running_api(settings) as api:
        yield api


@pytest.fixture(scope="module")
def anybody(
    database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningApi]:
    """A service with a key that any page may call."""
    settings = make_settings(
        data_dir=tmp_path_factory.mktemp("data"),
        database_url=database,
        api_key=KEY,
        cors_origins="*",
    )
    with running_api(settings) as api:
        yield api


def access_of(answer: httpx.Response) -> dict[str, str]:
    return {
        name.removeprefix("access-control-"): value
        for name, value in answer.headers.items()
        if name.startswith("access-control-")
    }


@pytest.mark.parametrize(
    "path", ["/videos", "/uploads", "/videos/x/events", "/session"]
)
def test_a_named_origin_is_told_what_it_may_send(named: RunningApi, path: str) -> None:
    answer = named.client.options(path, headers={"origin": NAMED, **PREFLIGHT})

    access = access_of(answer)
    assert answer.status_code == 204
    assert access["allow-origin"] == NAMED
    assert access["allow-credentials"] == "true"
    assert "PATCH" in access["allow-methods"]
    taken = access["allow-headers"].lower().split(", ")
    assert {"authorization", "if-match", "upload-offset", "x-csrf-token"} <= set(taken)


def test_answers_to_a_named_origin_can_be_read_also_problems(named: RunningApi) -> None:
    headers = {"origin": NAMED, "authorization": f"Bearer {KEY}"}
    answers = [
        named.client.get("/videos", headers=headers),
        named.client.get("/nowhere", headers=headers),
        named.client.get("/videos", headers={"origin": NAMED}),
        named.client.post("/uploads", headers=headers),
    ]

    assert [one.status_code for one in answers] == [200, 404, 401, 412]
    for answer in answers:
        access = access_of(answer)
        assert access["allow-origin"] == NAMED
        assert set(EXPOSED) <= set(access["expose-headers"].lower().split(", "))
        assert "origin" in answer.headers["vary"].lower()


@pytest.mark.parametrize("origin", [STRANGER, "null", "http://club.example"])
def test_other_origins_are_told_nothing(named: RunningApi, origin: str) -> None:
    headers = {"origin": origin, "authorization": f"Bearer {KEY}"}
    answer = named.client.get("/videos", headers=headers)
    preflight = named.client.options("/videos", headers={"origin": origin, **PREFLIGHT})

    assert access_of(answer) == access_of(preflight) == {}
    assert "origin" in answer.headers["vary"].lower()


def test_a_named_origin_signs_in_and_comes_by_its_cookie(named: RunningApi) -> None:
    site = {"origin": NAMED, "sec-fetch-site": "same-site"}
    with httpx.Client(base_url=named.url, trust_env=False, headers=site) as browser:
        signed_in = browser.post("/session", json={"key": KEY})
        cookie = signed_in.headers["set-cookie"].partition(";")[0]
        with_cookie = {"cookie": cookie}

        assert signed_in.status_code == 201
        assert browser.get("/videos", headers=with_cookie).status_code == 200
        refused = browser.post("/videos/sample", headers=with_cookie)
        assert refused.json()["type"] == "/problems/cross-site-refused"
        stranger = {**with_cookie, "origin": STRANGER}
        assert browser.get("/videos", headers=stranger).status_code == 403


def test_any_page_may_call_with_a_key_but_never_with_a_cookie(
    anybody: RunningApi,
) -> None:
    page = {"origin": STRANGER, "sec-fetch-site": "cross-site"}
    by_key = {**page, "authorization": f"Bearer {KEY}"}

    answers = [
        anybody.client.get("/videos", headers=by_key),
        anybody.client.options("/videos", headers={**page, **PREFLIGHT}),
        anybody.client.options("/uploads", headers={**page, **PREFLIGHT}),
        anybody.client.post("/session", json={"key": KEY}, headers=page),
    ]

    assert [one.status_code for one in answers] == [200, 204, 204, 403]
    for answer in answers:
        access = access_of(answer)
        assert access["allow-origin"] == "*"
        assert "allow-credentials" not in access
