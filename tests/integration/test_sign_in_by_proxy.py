"""The nginx configurations of docs/deployment.md, run as they stand, let people in.

A server of the test's answers for oauth2-proxy, as its `/oauth2/auth` does.
"""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from sqlalchemy import update

from app.core.principal import DEFAULT_PROJECT_ID, KeyScope
from app.keys.queries import revoke
from app.keys.service import create_key
from app.keys.tables import ApiKey
from tests.api_server import RunningApi, make_settings, running_api
from tests.reverse_proxy import nginx_with
from tests.services import free_port

DOCS = Path(__file__).resolve().parents[2] / "docs" / "deployment.md"
SECRET = "a-secret-of-the-proxy-of-32-characters-and-more"
HEADER = "X-Auth-Request-Email"
GROUPS = {"anna@club.example": "reviewers", "ben@club.example": "staff,analysts"}
OUR_PAGE = {"sec-fetch-site": "same-origin"}


class _OAuth2Proxy(BaseHTTPRequestHandler):
    """Takes the cookie `user` for a session; no cookie: signed out."""

    def do_GET(self) -> None:
        cookie = self.headers.get("cookie", "")
        user = re.search(r"user=([^;]+)", cookie)
        if self.path != "/oauth2/auth":
            self._answer(403, b"<p>Sign in</p>")
        elif user is None:
            self._answer(401)
        else:
            self._answer(202, user=user[1])

    def _answer(self, status: int, body: bytes = b"", *, user: str = "") -> None:
        self.send_response(status)
        if user:
            self.send_header("X-Auth-Request-Email", user)
            self.send_header("X-Auth-Request-Groups", GROUPS.get(user, ""))
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Stay quiet."""


@contextmanager
def oauth2_proxy() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _OAuth2Proxy) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def documented(heading: str) -> str:
    """Give the nginx configuration below a heading of the docs."""
    below = DOCS.read_text().split(f"{heading}\n", 1)[1]
    found = re.search(r"```nginx\n(.*?)```", below, re.DOTALL)
    assert found is not None
    return found[1]


def placed(config: str, *, port: int, api: str, oauth2: int) -> str:
    """Put a documented configuration at this machine's ports, without TLS."""
    config = config.replace("listen 443 ssl;", f"listen 127.0.0.1:{port};")
    config = config.replace("http://127.0.0.1:4180", f"http://127.0.0.1:{oauth2}")
    return config.replace("http://127.0.0.1:8000", api.rstrip("/"))


@pytest.fixture
def api(database_url: str, tmp_path: Path) -> Iterator[RunningApi]:
    settings = make_settings(
        data_dir=tmp_path / "data",
        database_url=database_url,
        require_key=True,
        proxy_user_header=HEADER,
        proxy_secret=SECRET,
    )
    with running_api(settings) as found:
        yield found


def make_key(api: RunningApi, name: str, scope: KeyScope) -> str:
    from app.core.db.base import utc_now

    with api.service.sessions.begin() as session:
        made = create_key(
            session,
            name=name,
            scopes=[scope],
            project_id=DEFAULT_PROJECT_ID,
            now=utc_now(),
        )
        return made.text


def client(url: str, user: str | None, **headers: str) -> httpx.Client:
    cookies = {} if user is None else {"user": user}
    return httpx.Client(
        base_url=url, cookies=cookies, headers={**OUR_PAGE, **headers}, trust_env=False
    )


def upload(through: httpx.Client) -> httpx.Response:
    file = {"file": ("a.mp4", b"the bytes of a video")}
    return through.post("/videos", files=file, data={"model": "none"})


@pytest.fixture
def with_keys_of_groups(api: RunningApi, tmp_path: Path) -> Iterator[str]:
    """The first configuration: the proxy has a key for each group."""
    config = documented("## People who sign in by OpenID Connect")
    for name, scope in (("reviewers", "review"), ("analysts", "write")):
        key = make_key(api, name, scope)  # type: ignore[arg-type]  # of the two
        config = config.replace('"touchline_…"', f'"{key}"', 1)
    port = free_port()
    with oauth2_proxy() as oauth2:
        config = placed(config, port=port, api=api.url, oauth2=oauth2)
        with nginx_with(config, tmp_path, port=port) as url:
            yield url


def test_groups_have_the_scope_of_their_key_and_people_their_name(
    with_keys_of_groups: str,
) -> None:
    with (
        client(with_keys_of_groups, "anna@club.example") as anna,
        client(with_keys_of_groups, "ben@club.example") as ben,
        client(with_keys_of_groups, None) as nobody,
    ):
        told = [one.get("/session").json() for one in (anna, ben)]
        uploads = [upload(one).status_code for one in (anna, ben, nobody)]
        signed_out = nobody.get("/videos")
        elsewhere = anna.get("/videos", headers={"sec-fetch-site": "cross-site"})

    assert [one["name"] for one in told] == ["reviewers", "analysts"]
    assert uploads == [403, 202, 403]
    assert signed_out.text == "<p>Sign in</p>"
    assert elsewhere.status_code == 403


@pytest.fixture
def with_a_key_each(api: RunningApi, tmp_path: Path) -> Iterator[str]:
    """The second configuration: the proxy names who signed in, and has a secret."""
    first = documented("## People who sign in by OpenID Connect")
    start = first[first.index("server {") : first.index("    location / {")]
    config = start + documented("### A key for each person") + "}\n"
    config = config.replace('"…"', f'"{SECRET}"')
    port = free_port()
    with oauth2_proxy() as oauth2:
        config = placed(config, port=port, api=api.url, oauth2=oauth2)
        with nginx_with(config, tmp_path, port=port) as url:
            yield url


def test_each_person_is_the_key_of_their_name(
    api: RunningApi, with_a_key_each: str
) -> None:
    make_key(api, "anna@club.example", "review")
    make_key(api, "ben@club.example", "write")
    forged = {HEADER: "ben@club.example", "Touchline-Proxy-Secret": "guessed"}
    with (
        client(with_a_key_each, "anna@club.example", **forged) as anna,
        client(with_a_key_each, "ben@club.example") as ben,
        client(with_a_key_each, "carl@club.example") as carl,
        client(with_a_key_each, None, **forged) as nobody,
    ):
        people = (anna, ben, carl)
        told = [one.get("/session").json().get("name") for one in people]
        uploads = [upload(one) for one in (*people, nobody)]
        elsewhere = anna.get("/videos", headers={"sec-fetch-site": "cross-site"})
        unknown = carl.get("/videos").json()

    assert told == ["anna@club.example", "ben@club.example", None]
    assert [one.status_code for one in uploads] == [403, 202, 401, 403]
    assert uploads[3].text == "<p>Sign in</p>"
    assert elsewhere.status_code == 403
    assert "no key is named so" in unknown["detail"]


def named(api: RunningApi, *names: str, secret: str | None = SECRET) -> httpx.Response:
    """Ask past nginx, with headers of one's own."""
    headers: list[tuple[str, str]] = [(HEADER, name) for name in names]
    if secret is not None:
        headers.append(("Touchline-Proxy-Secret", secret))
    return httpx.get(f"{api.url}/videos", headers=headers, trust_env=False)


def test_the_header_counts_for_nothing_without_the_secret(api: RunningApi) -> None:
    make_key(api, "anna@club.example", "review")

    wrong = [None, "", SECRET[:-1], SECRET.upper(), quote("ü" * 40)]
    refused = [named(api, "anna@club.example", secret=one) for one in wrong]

    assert named(api, "anna@club.example").status_code == 200
    assert {one.status_code for one in refused} == {401}


def test_a_proxy_that_names_nobody_or_several_lets_nobody_in(api: RunningApi) -> None:
    make_key(api, "anna@club.example", "review")

    asked: list[tuple[str, ...]] = [(), ("",), ("anna@club.example",) * 2, ("a" * 500,)]
    answers = [named(api, *names) for names in asked]

    assert {one.status_code for one in answers} == {401}
    assert all("names nobody" in one.json()["detail"] for one in answers)


def test_only_one_key_that_the_operator_made_stands_for_somebody(
    api: RunningApi,
) -> None:
    text = make_key(api, "anna@club.example", "review")
    assert named(api, "anna@club.example").status_code == 200
    key_id = text.split("_")[1]

    statements: dict[str, Any] = {
        "made by an admin": update(ApiKey).values(created_by="key:0123456789ab"),
        "made by the operator": update(ApiKey).values(created_by="local"),
        "revoked": revoke(key_id),
    }
    found = {}
    for what, statement in statements.items():
        with api.service.sessions.begin() as session:
            session.execute(statement)
        found[what] = named(api, "anna@club.example").status_code
    make_key(api, "ben@club.example", "review")
    make_key(api, "ben@club.example", "write")
    two = named(api, "ben@club.example")

    assert found == {
        "made by an admin": 401,
        "made by the operator": 200,
        "revoked": 401,
    }
    assert two.status_code == 401
    assert "more than one key" in two.json()["detail"]


def test_a_bearer_key_goes_before_the_header(api: RunningApi) -> None:
    own = make_key(api, "program", "read")
    headers = {
        HEADER: "nobody@club.example",
        "Touchline-Proxy-Secret": SECRET,
        "authorization": f"Bearer {own}",
    }

    answer = httpx.get(f"{api.url}/session", headers=headers, trust_env=False)

    assert answer.json()["name"] == "program"
