"""Keys with scopes, an expiry and a limit; and browsers that sign in with one."""

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import select, update

from app.core.db.base import utc_now
from app.core.http.access import SESSION_COOKIE
from app.core.principal import ALL_SCOPES, DEFAULT_PROJECT_ID, KeyScope
from app.keys.service import create_key
from app.keys.tables import ApiKey, BrowserSession
from app.projects.tables import Project
from app.videos.tables import Video
from tests.api_server import RunningApi, make_settings, running_api
from tests.databases import PostgresOfTests

OWN_KEY = "the operator's own key"
FILES = {"file": ("a.mp4", b"the bytes of a video")}


@pytest.fixture(scope="module")
def api(
    postgres: PostgresOfTests, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningApi]:
    with postgres.fresh_database() as url:
        settings = make_settings(
            data_dir=tmp_path_factory.mktemp("data"),
            database_url=url,
            api_key=OWN_KEY,
        )
        with running_api(settings) as running:
            yield running


def make_key(api: RunningApi, *scopes: KeyScope, **options: Any) -> str:
    with api.service.sessions.begin() as session:
        made = create_key(
            session,
            name=options.pop("name", "scoreboard"),
            scopes=scopes or ["read"],
            project_id=options.pop("project_id", DEFAULT_PROJECT_ID),
            now=utc_now(),
            **options,
        )
        return made.text


def with_key(key: str, **headers: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}", **headers}


def problem_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rpartition("/")[2]


@pytest.mark.parametrize("scope", sorted(ALL_SCOPES))
def test_each_scope_may_read_and_only_some_may_write(
    api: RunningApi, scope: KeyScope
) -> None:
    headers = with_key(make_key(api, scope))

    read = api.client.get("/videos", headers=headers)
    write = api.client.post("/videos", files=FILES, headers=headers)
    keys = api.client.get("/keys", headers=headers)

    assert read.status_code == 200
    assert (write.status_code == 202) is (scope in ("write", "admin"))
    assert (keys.status_code == 200) is (scope == "admin")
    webhooks = api.client.get("/webhooks", headers=headers)
    assert (webhooks.status_code == 200) is (scope == "admin")
    for refused in (write, keys):
        if refused.status_code not in (200, 202):
            assert problem_of(refused) == (403, "scope-missing")
            assert "insufficient_scope" in refused.headers["www-authenticate"]


def test_a_key_is_shown_once_and_kept_as_a_digest(api: RunningApi) -> None:
    made = api.client.post(
        "/keys",
        json={"name": " score board ", "scopes": ["read", "review"]},
        headers=with_key(OWN_KEY),
    )

    assert made.status_code == 201
    body = made.json()
    prefix, key_id, _ = body["key"].split("_", 2)
    assert (prefix, key_id) == ("touchline", body["id"])
    assert body["name"] == "score board"
    assert made.headers["cache-control"] == "no-store"
    with api.service.sessions() as session:
        row = session.get_one(ApiKey, body["id"])
        kept = [str(getattr(row, column.key)) for column in ApiKey.__table__.columns]
    assert hashlib.sha256(body["key"].encode()).hexdigest() in kept
    assert not [value for value in kept if body["key"] in value]
    listed = api.client.get("/keys?limit=1000", headers=with_key(OWN_KEY))
    assert body["key"] not in listed.text
    assert body["id"] in [one["id"] for one in listed.json()["items"]]
    assert api.client.get("/videos", headers=with_key(body["key"])).status_code == 200


def test_a_key_that_outlives_all_calendars_is_refused_and_the_list_stays(
    api: RunningApi,
) -> None:
    late = {"name": "late", "expires_at": "9999-12-31T23:59:59-12:00"}

    answer = api.client.post("/keys", json=late, headers=with_key(OWN_KEY))

    assert problem_of(answer) == (422, "invalid-request")
    assert "9999" in answer.json()["detail"]
    assert api.client.get("/keys", headers=with_key(OWN_KEY)).status_code == 200


def test_a_key_with_the_character_nul_is_no_key(api: RunningApi) -> None:
    odd = f"touchline_%00{'a' * 11}_x"

    signing_in = api.client.post("/session", json={"key": odd.replace("%00", "\0")})
    poster = f"/videos/{uuid4()}/poster"
    by_cookie = api.client.get(poster, headers={"cookie": f"touchline_key={odd}"})

    assert problem_of(signing_in) == (401, "not-authenticated")
    assert problem_of(by_cookie) == (401, "not-authenticated")


def test_a_revoked_key_is_refused_at_once(api: RunningApi) -> None:
    key = make_key(api, "write")
    key_id = key.split("_")[1]
    assert api.client.get("/videos", headers=with_key(key)).status_code == 200

    gone = api.client.delete(f"/keys/{key_id}", headers=with_key(OWN_KEY))

    assert gone.status_code == 204
    answer = api.client.get("/videos", headers=with_key(key))
    assert problem_of(answer) == (401, "not-authenticated")
    assert "revoked" in answer.json()["detail"]
    again = api.client.delete("/keys/nobody", headers=with_key(OWN_KEY))
    assert problem_of(again) == (404, "key-not-found")


def test_an_expired_key_says_when_it_expired(api: RunningApi) -> None:
    key = make_key(api, expires_at=utc_now() + timedelta(days=1))
    assert api.client.get("/videos", headers=with_key(key)).status_code == 200
    with api.service.sessions.begin() as session:
        session.execute(
            update(ApiKey)
            .where(ApiKey.id == key.split("_")[1])
            .values(expires_at=utc_now() - timedelta(seconds=1))
        )

    answer = api.client.get("/videos", headers=with_key(key))

    assert problem_of(answer) == (401, "not-authenticated")
    assert "expired on" in answer.json()["detail"]


@pytest.mark.parametrize(
    "wrong",
    [
        *(
            "touchline_",
            "touchline_000000000000_x",
            "touchline__",
            "touchline_ü_\udc80",
        ),
        *("nothing of ours", OWN_KEY + "x", "touchline_" + "0" * 100_000),
    ],
)
def test_a_wrong_key_is_refused(api: RunningApi, wrong: str) -> None:
    sent = wrong.encode("utf-8", "surrogateescape")
    if len(sent) > 60_000:
        sent = sent[:60_000]

    answer = api.client.get("/videos", headers={b"authorization": b"Bearer " + sent})

    assert answer.status_code in (401, 431)


def test_the_secret_of_one_key_does_not_open_another(api: RunningApi) -> None:
    first, second = make_key(api), make_key(api)
    mixed = f"touchline_{first.split('_')[1]}_{second.split('_', 2)[2]}"

    assert api.client.get("/videos", headers=with_key(mixed)).status_code == 401


def test_a_key_sees_its_project_alone_and_signs_what_it_makes(api: RunningApi) -> None:
    other = UUID(int=7)
    with api.service.sessions.begin() as session:
        session.add(Project(id=other, name=f"club {other}", created_at=utc_now()))
    key = make_key(api, "write", project_id=other)

    made = api.client.post("/videos", files=FILES, headers=with_key(key)).json()

    assert made["created_by"] == f"key:{key.split('_')[1]}"
    own = api.client.get("/videos", headers=with_key(key)).json()["items"]
    assert [one["id"] for one in own] == [made["id"]]
    seen = api.client.get(f"/videos/{made['id']}", headers=with_key(OWN_KEY))
    assert seen.status_code == 404
    with api.service.sessions() as session:
        assert session.scalar(
            select(Video.project_id).where(Video.id == UUID(made["id"]))
        ) == (other)


def test_the_last_use_of_a_key_is_told(api: RunningApi) -> None:
    key = make_key(api)
    before = utc_now() - timedelta(seconds=5)

    api.client.get("/videos", headers=with_key(key))

    listed = api.client.get("/keys?limit=1000", headers=with_key(OWN_KEY)).json()
    used = {one["id"]: one["last_used_at"] for one in listed["items"]}
    assert used[key.split("_")[1]] > before.isoformat()


def test_a_key_that_asks_too_often_is_told_when_to_come_back(api: RunningApi) -> None:
    headers = with_key(make_key(api, rate_per_minute=3))

    answers = [api.client.get("/videos", headers=headers) for _ in range(4)]

    assert [one.status_code for one in answers[:3]] == [200] * 3
    assert problem_of(answers[3]) == (429, "too-many-requests")
    assert 1 <= int(answers[3].headers["retry-after"]) <= 20
    other = with_key(make_key(api))
    assert api.client.get("/videos", headers=other).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {"name": "", "scopes": ["read"]},
        {"name": "x" * 101},
        {"name": "x", "scopes": []},
        {"name": "x", "scopes": ["everything"]},
        {"name": "x", "expires_at": "2101-01-01T00:00:00"},
        {"name": "x", "rate_per_minute": 0},
        {"name": "x", "is_god": True},
    ],
)
def test_a_key_that_makes_no_sense_is_refused(
    api: RunningApi, body: dict[str, Any]
) -> None:
    answer = api.client.post("/keys", json=body, headers=with_key(OWN_KEY))

    assert problem_of(answer) == (422, "invalid-request")


def test_a_key_that_has_expired_already_is_not_made(api: RunningApi) -> None:
    body = {"name": "x", "expires_at": "2001-01-01T00:00:00Z"}
    answer = api.client.post("/keys", json=body, headers=with_key(OWN_KEY))

    assert problem_of(answer) == (422, "expiry-passed")


def sign_in(api: RunningApi, key: str) -> tuple[httpx.Client, str]:
    answer = api.client.post("/session", json={"key": key})
    assert answer.status_code == 201, answer.text
    api.client.cookies.clear()
    browser = httpx.Client(
        base_url=api.url,
        headers={"sec-fetch-site": "same-origin"},
        cookies=answer.cookies,
    )
    return browser, answer.json()["csrf_token"]


@pytest.mark.parametrize("is_own", [True, False])
def test_a_browser_signs_in_reads_changes_and_signs_out(
    api: RunningApi, is_own: bool
) -> None:
    key = OWN_KEY if is_own else make_key(api, "write", "review")
    browser, csrf_token = sign_in(api, key)
    with browser:
        assert browser.get("/videos").status_code == 200
        facts = browser.get("/session").json()
        assert facts["csrf_token"] == csrf_token
        assert facts["scopes"] == (
            sorted(ALL_SCOPES) if is_own else ["review", "write"]
        )

        without = browser.post("/videos", files=FILES)
        wrong = browser.post(
            "/videos", files=FILES, headers={b"x-csrf-token": "ü".encode()}
        )
        token = {"x-csrf-token": csrf_token}
        right = browser.post("/videos", files=FILES, headers=token)

        assert problem_of(without) == (403, "cross-site-refused")
        assert problem_of(wrong) == (403, "cross-site-refused")
        assert right.status_code == 202
        video = right.json()["id"]
        # A <video> element sends the cookie by itself.
        assert browser.get(f"/videos/{video}/file").status_code == 200

        out = browser.delete("/session", headers=token)
        assert out.status_code == 204
        assert browser.get("/videos").status_code == 401


def test_no_script_can_read_the_cookie_and_no_other_site_sends_it(
    api: RunningApi,
) -> None:
    answer = api.client.post("/session", json={"key": OWN_KEY})

    attributes = answer.headers["set-cookie"].lower().split("; ")
    assert {"httponly", "samesite=strict", "path=/"} <= set(attributes)
    cookie = {"cookie": f"{SESSION_COOKIE}={answer.cookies[SESSION_COOKIE]}"}
    elsewhere = {**cookie, "sec-fetch-site": "cross-site"}
    assert api.client.get("/videos", headers=cookie).status_code == 200
    assert problem_of(api.client.get("/videos", headers=elsewhere))[0] == 403
    with api.service.sessions() as session:
        kept = session.scalars(select(BrowserSession.token_sha256)).all()
    assert answer.cookies[SESSION_COOKIE] not in kept
    api.client.cookies.clear()


def test_a_session_ends_with_its_key(api: RunningApi) -> None:
    key = make_key(api, "write")
    browser, _ = sign_in(api, key)
    with browser:
        assert browser.get("/videos").status_code == 200
        api.client.delete(f"/keys/{key.split('_')[1]}", headers=with_key(OWN_KEY))

        assert browser.get("/videos").status_code == 401


def test_a_session_that_expired_is_no_session(api: RunningApi) -> None:
    browser, _ = sign_in(api, make_key(api))
    with browser:
        with api.service.sessions.begin() as session:
            session.execute(update(BrowserSession).values(expires_at=utc_now()))

        answer = browser.get("/videos")

        assert answer.status_code == 401
        assert "sign in again" in answer.json()["detail"]


def test_a_page_of_another_site_cannot_sign_a_browser_in(api: RunningApi) -> None:
    answer = api.client.post(
        "/session", json={"key": OWN_KEY}, headers={"sec-fetch-site": "cross-site"}
    )

    assert problem_of(answer) == (403, "cross-site-refused")
    assert "set-cookie" not in answer.headers
    wrong = api.client.post("/session", json={"key": "no key"})
    assert problem_of(wrong) == (401, "not-authenticated")


def test_a_service_may_ask_for_keys_without_one_of_its_own(
    postgres: PostgresOfTests, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with postgres.fresh_database() as url:
        settings = make_settings(
            data_dir=tmp_path_factory.mktemp("data"),
            database_url=url,
            require_key=True,
            host="0.0.0.0",  # which needs keys
        )
        settings.require_key_if_exposed()
        with running_api(settings) as api:
            assert api.client.get(f"/videos/{uuid4()}").status_code == 401
            headers = with_key(make_key(api))
            assert api.client.get("/videos", headers=headers).status_code == 200


def test_this_machine_needs_no_key_but_a_key_that_is_sent_counts(
    postgres: PostgresOfTests, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with postgres.fresh_database() as url:
        data_dir = tmp_path_factory.mktemp("data")
        with running_api(make_settings(data_dir=data_dir, database_url=url)) as api:
            key = make_key(api, "read")
            refused = api.client.post("/videos", files=FILES, headers=with_key(key))

            assert api.client.post("/videos", files=FILES).status_code == 202
            assert problem_of(refused) == (403, "scope-missing")
            assert api.client.get("/session").json()["principal"] == "local"


def test_a_key_asked_for_again_is_made_once_and_told_once(api: RunningApi) -> None:
    def post(name: str) -> httpx.Response:
        headers = with_key(OWN_KEY, **{"idempotency-key": "once"})
        body = {"name": name, "scopes": ["read"]}
        return api.client.post("/keys", json=body, headers=headers)

    first, again, other = post("asked twice"), post("asked twice"), post("another")

    assert first.headers["location"] == f"/keys/{first.json()['id']}"
    assert problem_of(again) == (409, "secret-told-before")
    assert "'asked twice'" in again.json()["detail"]
    assert problem_of(other) == (422, "idempotency-key-reused")
    with api.service.sessions() as session:
        names = session.scalars(select(ApiKey.name)).all()
    assert names.count("asked twice") == 1
    assert "another" not in names
