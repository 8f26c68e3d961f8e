"""Reviewed stretches over the API."""

import json
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select

from app.videos.tables import Video
from app.webhooks.tables import Delivery
from tests.api_server import RunningApi
from tests.integration.project_webhooks import NOWHERE, messages
from tests.integration.project_webhooks import add as add_webhook
from tests.integration.test_api import SPOTS, _finish, _problem, _upload

API_SETTINGS = {"webhook_allow_nets": "127.0.0.0/8"}
ANA, BO = {"touchline-author": "Ana"}, {"touchline-author": "Bo"}


@pytest.fixture
def video(api: RunningApi) -> UUID:
    """A video of ten seconds."""
    video_id = UUID(_upload(api)["id"])
    _finish(api, video_id, SPOTS)
    return video_id


def test_nothing_is_reviewed_at_first(api: RunningApi, video: UUID) -> None:
    assert reviewed(api, video).json() == {"intervals": [], "reviewed_s": 0.0}


def test_stretches_that_meet_are_one_and_end_with_the_video(
    api: RunningApi, video: UUID
) -> None:
    for span in ((4, 6), (0, 2.5), (2.5, 3), (5, 7), (9, 99)):
        assert add(api, video, *span).status_code == 200

    body = reviewed(api, video).json()

    assert spans(body) == [(0, 3), (4, 7), (9, 10)]
    assert body["reviewed_s"] == 7.0


def test_each_stretch_stays_whose_it_was(api: RunningApi, video: UUID) -> None:
    add(api, video, 0, 4, ANA)
    body = add(api, video, 2, 6, BO).json()

    assert authors(body) == [(0, 4, "local/Ana"), (4, 6, "local/Bo")]
    whole = put(api, video, [(1, 8)], {**ANA, "if-match": "*"}).json()
    assert authors(whole) == [
        *((1, 4, "local/Ana"), (4, 6, "local/Bo"), (6, 8, "local/Ana")),
    ]


def test_the_same_stretch_again_changes_nothing(api: RunningApi, video: UUID) -> None:
    first = add(api, video, 1, 2)
    before = revision(api, video)

    again = add(api, video, 1, 2)

    assert again.json() == first.json()
    assert again.headers["etag"] == first.headers["etag"]
    assert revision(api, video) == before


def test_what_others_reviewed_is_taken_away_only_by_who_saw_it(
    api: RunningApi, video: UUID
) -> None:
    seen = add(api, video, 0, 2, ANA).headers["etag"]

    blind = put(api, video, [(5, 6)], BO)
    add(api, video, 3, 4, ANA)
    stale = put(api, video, [(5, 6)], {**BO, "if-match": seen})
    wider = put(api, video, [(0, 6)], BO)
    now = wider.headers["etag"]
    done = put(api, video, [], {**BO, "if-match": f'"x", {now}'})

    assert "local/Ana" in _problem(blind, 428, "version-needed")["detail"]
    changed = _problem(stale, 412, "reviewed-changed")
    assert spans(changed["current"]) == [(0, 2), (3, 4)]
    assert wider.status_code == 200
    assert done.json()["intervals"] == []
    _problem(put(api, video, [], {"if-match": now[1:]}), 422, "invalid-request")


def test_what_is_answered_can_be_sent_back(api: RunningApi, video: UUID) -> None:
    add(api, video, 1, 2)
    found = reviewed(api, video)

    answer = api.client.put(f"/videos/{video}/reviewed", json=found.json())

    assert answer.json() == found.json()
    kept = {"if-none-match": found.headers["etag"]}
    assert reviewed(api, video, kept).status_code == 304


def test_reviewing_changes_the_videos_revision(api: RunningApi, video: UUID) -> None:
    before = revision(api, video)

    add(api, video, 1, 2)

    assert revision(api, video) == before + 1


@pytest.mark.parametrize(
    ("from_s", "to_s"),
    [(2, 1), (1, 1), (1, 1.0001), (-1, 1), (10, 11), (1e300, 1e301), ("x", 1)],
)
def test_a_stretch_that_cannot_be_is_refused(
    api: RunningApi, video: UUID, from_s: Any, to_s: Any
) -> None:
    _problem(add(api, video, from_s, to_s), 422, "invalid-request")
    _problem(put(api, video, [(0, 1), (from_s, to_s)]), 422, "invalid-request")
    assert reviewed(api, video).json()["intervals"] == []


def test_a_deleted_video_has_no_stretches(api: RunningApi, video: UUID) -> None:
    add(api, video, 0, 1)
    api.client.delete(f"/videos/{video}")

    for answer in (
        reviewed(api, video),
        add(api, video, 0, 1),
        put(api, video, []),
    ):
        _problem(answer, 404, "video-not-found")


def test_a_review_that_comes_to_its_end_is_told_once_and_again_after_it_was_reopened(
    api: RunningApi, video: UUID
) -> None:
    webhook = add_webhook(api, NOWHERE, "review.completed")
    path = f"/videos/{video}/reviewed"
    events = api.client.get(f"/videos/{video}/events").json()["items"]
    rejected = {"state": "rejected"}
    api.client.patch(f"/videos/{video}/events/{events[0]['id']}", json=rejected)

    counts = []
    for spans in ([(0, 6)], [(0, 6), (6, 10)], [(0, 10)], [(0, 9)], [(0, 99)]):
        wanted = [{"from_s": start, "to_s": end} for start, end in spans]
        api.client.put(path, json={"intervals": wanted}, headers={"if-match": "*"})
        counts.append(len(messages(api, webhook)))
    api.client.put(path, json={"intervals": []}, headers={"if-match": "*"})
    for start, end in ((5, 10), (0, 5), (1, 2)):
        api.client.post(path, json={"from_s": start, "to_s": end})
        counts.append(len(messages(api, webhook)))

    assert counts == [0, 1, 1, 1, 2, 2, 3, 3]
    with api.service.sessions() as session:
        first = messages(api, webhook)[-1]["id"]
        data = json.loads(session.get_one(Delivery, UUID(first)).body)["data"]
    shown = api.client.get(f"/videos/{video}/events").json()["items"]
    assert sum(data["events"].values()) == len(
        [one for one in shown if one["state"] != "rejected"]
    )
    assert data["states"]["rejected"] == 1
    assert data["reviewers"] == ["local"]
    assert data["links"]["reviewed"].endswith(path)


def reviewed(
    api: RunningApi, video: UUID, headers: dict[str, str] | None = None
) -> httpx.Response:
    return api.client.get(f"/videos/{video}/reviewed", headers=headers)


def add(
    api: RunningApi,
    video: UUID,
    from_s: Any,
    to_s: Any,
    headers: dict[str, str] | None = None,
) -> httpx.Response:
    body = {"from_s": from_s, "to_s": to_s}
    return api.client.post(f"/videos/{video}/reviewed", json=body, headers=headers)


def put(
    api: RunningApi,
    video: UUID,
    wanted: list[tuple[Any, Any]],
    headers: dict[str, str] | None = None,
) -> httpx.Response:
    body = {"intervals": [{"from_s": start, "to_s": end} for start, end in wanted]}
    return api.client.put(f"/videos/{video}/reviewed", json=body, headers=headers)


def spans(body: dict[str, Any]) -> list[tuple[float, float]]:
    return [(one["from_s"], one["to_s"]) for one in body["intervals"]]


def authors(body: dict[str, Any]) -> list[tuple[float, float, str]]:
    return [(one["from_s"], one["to_s"], one["author"]) for one in body["intervals"]]


def revision(api: RunningApi, video: UUID) -> int:
    with api.service.sessions() as session:
        return session.scalars(select(Video.revision).where(Video.id == video)).one()
