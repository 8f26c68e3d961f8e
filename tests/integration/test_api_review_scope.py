"""Who may correct a timeline: keys with the scope `review`, and they no more."""

from typing import Any
from uuid import UUID

import pytest

from app.core.principal import KeyScope
from tests.api_server import RunningApi
from tests.integration.test_api import SPOTS, _finish
from tests.integration.test_api_keys import (
    FILES,
    OWN_KEY,
    api,  # noqa: F401  # a fixture: the API with a key
    make_key,
    with_key,
)

CORRECTIONS: list[tuple[str, str, Any]] = [
    ("POST", "events", {"type": "PASS", "frame": 3}),
    ("POST", "events:batch", {"changes": [{"type": "PASS", "frame": 4}]}),
    ("POST", "events/undo", None),
    ("POST", "events/redo", None),
    ("PUT", "reviewed", {"intervals": [{"from_s": 0, "to_s": 1}]}),
    ("POST", "reviewed", {"from_s": 1, "to_s": 2}),
    ("PUT", "thresholds", {"thresholds": {}}),
]


@pytest.mark.parametrize(
    ("scope", "may"),
    [("read", False), ("write", False), ("review", True), ("admin", True)],
)
def test_a_timeline_is_corrected_with_the_scope_for_it(
    api: RunningApi,  # noqa: F811  # a fixture
    scope: KeyScope,
    may: bool,
) -> None:
    own = with_key(OWN_KEY)
    video = api.client.post("/videos", files=FILES, headers=own).json()["id"]
    _finish(api, UUID(video), SPOTS)
    headers = with_key(make_key(api, scope))

    for method, path, body in CORRECTIONS:
        answer = api.client.request(
            method, f"/videos/{video}/{path}", json=body, headers=headers
        )

        if may:
            assert answer.is_success, (path, answer.text)
        else:
            assert answer.status_code == 403, path
            assert answer.json()["scope"] == "review"


def test_who_corrects_does_not_delete_and_changes_no_model(
    api: RunningApi,  # noqa: F811  # a fixture
) -> None:
    video = api.client.post("/videos", files=FILES, headers=with_key(OWN_KEY)).json()
    headers = with_key(make_key(api, "review"))

    answers = [
        api.client.delete(f"/videos/{video['id']}", headers=headers),
        api.client.post("/videos", files=FILES, headers=headers),
        api.client.put(
            "/models/arena-rny002/thresholds",
            json={"thresholds": {}},
            headers=headers,
        ),
    ]

    assert [one.status_code for one in answers] == [403] * 3


@pytest.mark.parametrize(
    ("scope", "may"),
    [("read", False), ("write", False), ("review", True), ("admin", True)],
)
def test_searches_are_saved_with_the_scope_to_review(
    api: RunningApi,  # noqa: F811  # a fixture
    scope: KeyScope,
    may: bool,
) -> None:
    headers = with_key(make_key(api, scope))
    body = {"name": f"of {scope}", "query": {"type": ["SHOT"]}}

    made = api.client.post("/searches", json=body, headers=headers)

    listed = api.client.get("/searches", headers=headers)
    assert listed.status_code == 200
    assert made.status_code == (201 if may else 403)
    names = [one["name"] for one in listed.json()["items"]]
    assert (body["name"] in names) == may
