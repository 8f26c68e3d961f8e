"""Events of all matches are found as they stand, whatever has changed them."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import delete, func, select

from app.annotations.queries import lock_for_edit
from app.annotations.timelines import View
from app.core.principal import DEFAULT_PROJECT_ID
from app.search.service import refresh_stale
from app.search.tables import SearchedEvent, SearchedTimeline
from app.timelines.suggestions import suggestion_id
from app.timelines.thresholds import save_for_model
from app.videos.tables import Video
from tests.api_server import RunningApi
from tests.integration.analyses import analyse
from tests.integration.test_api import SPOTS, _finish, _problem, _upload
from tests.integration.test_api_corrections import add, change, events
from tests.integration.test_api_thresholds import OPTIONS
from tests.integration.uploaded import Uploaded
from tests.unit.model.spotting.test_spot_stream import draw_timeline


@pytest.fixture
def video(api: RunningApi) -> UUID:
    """A video whose timeline holds SPOTS; the only one there is."""
    with api.service.sessions.begin() as session:
        session.execute(delete(Video))
    return analysed(api)


def analysed(api: RunningApi, spots: list[tuple[int, str, float]] = SPOTS) -> UUID:
    video_id = UUID(_upload(api)["id"])
    _finish(api, video_id, spots)
    return video_id


def found(api: RunningApi, query: str = "") -> list[dict[str, Any]]:
    answer = api.client.get(f"/events?{query}")
    assert answer.status_code == 200, answer.text
    assert answer.json()["pending_videos"] == 0
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def test_events_of_all_matches_are_found(api: RunningApi, video: UUID) -> None:
    other = analysed(api, SPOTS[:2])

    items = found(api, "order=asc")

    assert [one["video"]["id"] for one in items] == [str(video)] * 5 + [str(other)] * 2
    one = items[0]
    assert (one["type"], one["time_s"], one["frame"]) == ("PASS", 1.0, 30)
    assert (one["score"], one["state"]) == (0.9, "suggested")
    assert one["id"] == str(suggestion_id(video, "PASS", 30))
    assert [one["id"] for one in found(api)] == [one["id"] for one in items[::-1]]


def test_what_is_found_is_always_the_timeline(api: RunningApi, video: UUID) -> None:
    first = suggestion_id(video, "PASS", 30)

    def undo() -> None:
        assert api.client.post(f"/videos/{video}/events/undo").status_code == 200

    steps: list[Callable[[], object]] = [
        lambda: change(api, video, first, state="rejected"),
        lambda: change(api, video, first, type="SHOT", frame=40),
        lambda: add(api, video, type="SHOT", frame=200, attributes={"player": 7}),
        undo,
        lambda: _finish(api, video, SPOTS[1:]),
    ]
    for step in steps:
        step()
        assert_is_the_timeline(api, video)


def test_saved_thresholds_change_what_is_found(api: RunningApi, video: UUID) -> None:
    body = api.client.post("/videos", files={"file": b"other bytes"}).json()
    drawn = Uploaded(UUID(body["id"]), UUID(body["job"]["id"]), api.service.sessions)
    analyse(drawn, draw_timeline(1), OPTIONS, storage=api.service.storage)
    assert api.client.delete(f"/videos/{video}").status_code == 204
    before = assert_is_the_timeline(api, drawn.video_id)

    def save(value: float) -> None:
        with api.service.sessions.begin() as session:
            save_for_model(
                *(session, "f00d", {"PASS": value}),
                project_id=DEFAULT_PROJECT_ID,
                author="local",
            )

    save(0.6)
    fewer = assert_is_the_timeline(api, drawn.video_id)
    save(0.1)
    more = assert_is_the_timeline(api, drawn.video_id)
    path = f"/videos/{drawn.video_id}/thresholds"
    own = api.client.put(path, json={"thresholds": {"PASS": 0.6}})
    again = assert_is_the_timeline(api, drawn.video_id)

    assert own.status_code == 200, own.text
    assert fewer < before < more
    assert again == fewer


def assert_is_the_timeline(api: RunningApi, video: UUID) -> int:
    """Compare what is found with the only timeline there is, and count it."""
    shown = events(api, video, "limit=1000")
    searched = found(api, "order=asc&limit=1000")
    assert [one["id"] for one in searched] == [one["id"] for one in shown]
    for one, its in zip(searched, shown, strict=True):
        keys = ("type", "time_s", "frame", "state", "team", "attributes", "score")
        assert [one[key] for key in keys] == [its[key] for key in keys]
    return len(shown)


def test_events_are_filtered(api: RunningApi, video: UUID) -> None:
    other = analysed(api)
    facts = {
        **{"title": "Cup final", "competition": "City Cup", "date": "2026-05-31"},
        "teams": [{"name": "Reds", "side": "left"}, {"name": "Blues"}],
    }
    assert api.client.patch(f"/videos/{video}", json=facts).status_code == 200
    for match in (video, other):
        attributes = {"team": "left", "player": 7}
        add(api, match, type="SHOT", frame=200, attributes=attributes)
    change(api, video, suggestion_id(video, "PASS", 30), state="rejected")

    def count(query: str) -> int:
        return len(found(api, query))

    assert count("") == 11
    assert count("type=SHOT") == 2
    assert count("type=SHOT&type=DRIVE") == 6
    assert count("player=7") == 2
    assert count("team=left") == 2
    assert count("team=Reds") == 1
    assert count("state=rejected") == 1
    assert count("state=all") == 12
    assert count("state=added&state=rejected") == 3
    assert count("min_score=0.8") == 7  # Two that were added among them.
    assert count("q=final+cup") == count("competition=City+Cup") == 5
    assert count("from_date=2026-05-31") == count("to_date=2026-05-31") == 5
    assert count("from_date=2026-06-01") == count("type=NONE") == 0
    (one,) = found(api, "team=Reds")
    assert one["video"] == {
        **{"id": str(video), "title": "Cup final", "filename": "a.mp4"},
        **{"date": "2026-05-31", "competition": "City Cup"},
        **{"duration_s": 10.0, "has_thumbnails": False},
    }
    assert (one["team"], one["team_name"]) == ("left", "Reds")


def test_facts_that_change_are_found(api: RunningApi, video: UUID) -> None:
    add(api, video, type="SHOT", frame=200, attributes={"team": "left"})
    assert found(api, "team=Reds") == []

    facts = {"teams": [{"name": "Reds", "side": "left"}]}
    api.client.patch(f"/videos/{video}", json=facts)

    assert len(found(api, "team=Reds")) == 1


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_pages_join_to_the_whole(api: RunningApi, video: UUID, order: str) -> None:
    analysed(api)
    whole = [one["id"] for one in found(api, f"order={order}")]

    seen, query = [], f"order={order}&limit=3"
    path: str | None = f"/events?{query}"
    while path is not None:
        answer = api.client.get(path)
        seen += [one["id"] for one in answer.json()["items"]]
        link = answer.links.get("next")
        path = link["url"] if link else None

    assert len(whole) == 10
    assert seen == whole


@pytest.mark.parametrize("name", ["player", "team"])
def test_a_name_as_long_as_it_may_be_keeps_no_event_from_being_found(
    api: RunningApi, video: UUID, name: str
) -> None:
    signs = random.Random(1).choices(range(0x4E00, 0x9FFF), k=2000)
    text = "".join(map(chr, signs))  # that nothing makes shorter

    add(api, video, type="SHOT", frame=200, attributes={name: text})

    assert len(found(api)) == len(SPOTS) + 1
    (shot,) = found(api, "type=SHOT")
    assert shot["attributes"][name] == text
    assert text.startswith(shot["team"] or "")


def test_a_deleted_match_is_found_no_more(api: RunningApi, video: UUID) -> None:
    assert len(found(api)) == len(SPOTS)

    assert api.client.delete(f"/videos/{video}").status_code == 204

    assert found(api) == []
    with api.service.sessions() as session:
        assert session.scalar(select(func.count()).select_from(SearchedTimeline)) == 0


def test_what_has_not_changed_is_not_copied_again(api: RunningApi, video: UUID) -> None:
    found(api)
    with api.service.sessions.begin() as session:
        session.execute(delete(SearchedEvent))

    assert found(api) == []  # The copy counts as made.
    change(api, video, suggestion_id(video, "PASS", 30), state="accepted")
    assert len(found(api)) == len(SPOTS)


def test_a_search_that_runs_out_of_time_says_so(api: RunningApi, video: UUID) -> None:
    for _ in range(2):
        analysed(api)
    service, view = api.service, View(api.service.settings.match_tolerance)

    def refresh() -> int:
        return refresh_stale(
            *(service.read, service.sessions, service.storage),
            view,
            has_time=lambda: False,
        )

    assert [refresh() for _ in range(4)] == [2, 1, 0, 0]


@pytest.mark.parametrize(
    "path", ["events?format=csv", "events?format=m3u8", "playlist?format=json"]
)
def test_a_file_says_how_many_matches_it_may_lack(
    api: RunningApi, video: UUID, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    for _ in range(2):
        analysed(api)
    saved = api.client.post("/searches", json={"name": str(uuid4()), "query": {}})
    at = f"{saved.headers['location']}/{path}"
    monkeypatch.setattr("app.search.answers.REFRESH_S", 0.0)

    told = [api.client.get(at).headers["touchline-pending-videos"] for _ in range(3)]

    assert told == ["2", "1", "0"]


def test_searches_at_once_copy_each_match_well(api: RunningApi, video: UUID) -> None:
    for _ in range(3):
        analysed(api)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: found(api, "limit=100"), range(4)))

    assert {len(items) for items in answers} == {4 * len(SPOTS)}


def test_a_match_that_is_being_changed_holds_up_no_search(
    api: RunningApi, video: UUID
) -> None:
    other = analysed(api, SPOTS[:2])
    with api.service.sessions.begin() as session:  # an import that takes its time
        session.execute(lock_for_edit(video)).one()
        meanwhile = api.client.get("/events", timeout=10).json()

    assert meanwhile["pending_videos"] == 1
    assert {one["video"]["id"] for one in meanwhile["items"]} == {str(other)}
    assert len(found(api)) == len(SPOTS) + 2


def test_a_match_without_events_is_nothing(api: RunningApi, video: UUID) -> None:
    _upload(api)

    assert len(found(api)) == len(SPOTS)


def test_bad_questions_are_refused(api: RunningApi) -> None:
    for query in ("state=x", "min_score=2", "from_date=x", "order=up", "q=%00"):
        _problem(api.client.get(f"/events?{query}"), 422, "invalid-request")
    _problem(api.client.get("/events?cursor=x"), 422, "invalid-cursor")
    assert found(api, f"player={uuid4()}") == []


@pytest.mark.parametrize(
    "path",
    ["/events", "/searches/{search_id}/events", "/searches/{search_id}/playlist"],
)
def test_the_document_tells_of_the_header_that_says_what_a_file_may_lack(
    api: RunningApi, path: str
) -> None:
    answers = api.client.get("/openapi.json").json()["paths"][path]["get"]["responses"]

    assert "Touchline-Pending-Videos" in answers["200"]["headers"]
