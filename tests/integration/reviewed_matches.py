"""Matches that people have reviewed, through the API, for tests of trainings."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID, uuid4

from tests.api_server import RunningApi
from tests.integration.test_api import SPOTS, _finish

Json = dict[str, Any]
FPS = 30.0


def add_match(
    api: RunningApi,
    name: str = "a.mp4",
    *,
    spots: Iterable[tuple[int, str, float]] = SPOTS,
    spans: Iterable[tuple[float, float]] = ((0, 10),),
) -> UUID:
    """Add a match of ten seconds that a model has analysed and somebody reviewed."""
    body = api.client.post("/videos", files={"file": (name, uuid4().bytes)}).json()
    video_id = UUID(body["id"])
    _finish(api, video_id, list(spots))
    for start, end in spans:
        review(api, video_id, start, end)
    return video_id


def analyse(
    api: RunningApi, video_id: UUID, spots: Iterable[tuple[int, str, float]]
) -> None:
    """Show another analysis: milliseconds, type and score of what it suggests."""
    _finish(api, video_id, list(spots))


def review(api: RunningApi, video_id: UUID, start: float, end: float) -> None:
    """Mark a stretch as reviewed."""
    span = {"from_s": start, "to_s": end}
    answer = api.client.post(f"/videos/{video_id}/reviewed", json=span)
    assert answer.status_code == 200, answer.text


def events_of(api: RunningApi, video_id: UUID) -> list[Json]:
    """List the events of a match by time."""
    answer = api.client.get(f"/videos/{video_id}/events", params={"limit": 1000})
    items: list[Json] = answer.json()["items"]
    return items


def decide(
    api: RunningApi, video_id: UUID, event: Json, author: str, **changes: object
) -> None:
    """Say something of an event, as somebody."""
    answer = api.client.patch(
        f"/videos/{video_id}/events/{event['id']}",
        json=changes,
        headers={"touchline-author": author, "if-match": "*"},
    )
    assert answer.status_code == 200, answer.text


def add_events(api: RunningApi, video_id: UUID, counts: Mapping[str, int]) -> None:
    """Add so many events of each type, at frames of their own."""
    names = [{"name": name} for name in counts]
    assert api.client.put("/types", json={"items": names}).status_code == 200
    types = [name for name, count in counts.items() for _ in range(count)]
    changes = [{"type": name, "frame": 2 * place} for place, name in enumerate(types)]
    answer = api.client.post(
        f"/videos/{video_id}/events:batch", json={"changes": changes}
    )
    assert answer.status_code == 200, answer.text


def problem_of(answer: Any, status: int, slug: str) -> str:
    """Check what a request was refused for; gives what it says."""
    assert (answer.status_code, answer.json().get("type")) == (
        status,
        f"/problems/{slug}",
    ), answer.text
    detail: str = answer.json()["detail"]
    return detail
