"""Events one after another are found, as a plain count over each match finds them."""

import random
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import pytest
from sqlalchemy import delete, insert
from sqlalchemy.orm import Session

from app.core.db.base import utc_now
from app.core.principal import DEFAULT_PROJECT_ID
from app.search import hits
from app.search.copy_queries import LAYOUT
from app.search.criteria import EventSearch, SequenceWanted
from app.search.hits import Position, find_hits
from app.search.service import count_alike
from app.search.tables import SearchedCount, SearchedEvent, SearchedTimeline
from app.videos.tables import Video
from tests.api_server import RunningApi
from tests.integration.test_api import _problem
from tests.integration.test_api_corrections import add
from tests.integration.test_api_search import analysed, found

LABELS = ("PASS", "PASS", "DRIVE", "SHOT")


class Moment(NamedTuple):
    """What the plain count needs of an event; in the order of time and id."""

    time_ms: int
    id: UUID
    label: str
    team: str | None
    state: str
    player: str | None


@pytest.fixture
def empty(api: RunningApi) -> Iterator[Session]:
    """A session on a database without a video."""
    with api.service.sessions.begin() as session:
        session.execute(delete(Video))
    with api.service.sessions() as session:
        yield session
        session.rollback()


def fill(session: Session, chance: random.Random, *, matches: int) -> list[UUID]:
    """Make matches of 40 events, some of them at the same time."""
    ids = []
    for _ in range(matches):
        video = Video(title="a match", created_at=utc_now(), revision=1)
        session.add(video)
        session.flush()
        rows = [
            {
                **{"video_id": video.id, "event_id": uuid4(), "frame": 0, "score": 0.5},
                **{"project_id": DEFAULT_PROJECT_ID, "attributes": {}},
                "label": chance.choice(LABELS),
                "time_ms": chance.randrange(0, 60) * 500,
                "state": chance.choice(("suggested", "accepted", "rejected")),
                "team": chance.choice(("left", "right", None)),
                "team_name": None,
                "player": chance.choice(("7", None, None)),
            }
            for _ in range(40)
        ]
        session.execute(insert(SearchedEvent), rows)
        session.execute(insert(SearchedCount), count_alike(rows))
        session.add(
            SearchedTimeline(
                video_id=video.id,
                project_id=DEFAULT_PROJECT_ID,
                revision=1,
                facts_version=0,
                thresholds_tag=LAYOUT,
            )
        )
        session.flush()
        ids.append(video.id)
    return ids


def counted(
    session: Session, video_id: UUID, wanted: EventSearch
) -> set[tuple[int, int]]:
    """Find from when to when minimal occurrences go, by trying everything."""
    sequence = wanted.sequence
    assert sequence is not None
    moments = sorted(
        Moment(one.time_ms, one.event_id, one.label, one.team, one.state, one.player)
        for one in session.query(SearchedEvent).filter_by(video_id=video_id)
        if one.state in wanted.states and (not wanted.teams or one.team in wanted.teams)
    )
    of_label = [
        [moment for moment in moments if moment.label == label]
        for label in sequence.labels
    ]
    spans = {(one[0].time_ms, one[-1].time_ms) for one in _chains(of_label, sequence)}
    teams = {m.team for m in moments} if sequence.same_team else {None}
    if not sequence.same_team:
        return _minimal(spans)
    every: set[tuple[int, int]] = set()
    for team in teams - {None}:
        own = [[m for m in step if m.team == team] for step in of_label]
        every |= _minimal(
            {(one[0].time_ms, one[-1].time_ms) for one in _chains(own, sequence)}
        )
    return every


def _chains(
    steps: Sequence[Sequence[Moment]], sequence: SequenceWanted
) -> Iterator[list[Moment]]:
    def longer(chain: list[Moment]) -> Iterator[list[Moment]]:
        if len(chain) == len(steps):
            yield chain
            return
        for one in steps[len(chain)]:
            if not chain or (
                chain[-1].time_ms < one.time_ms
                and one.time_ms - chain[0].time_ms <= sequence.within_ms
            ):
                yield from longer([*chain, one])

    return longer([])


def _minimal(spans: set[tuple[int, int]]) -> set[tuple[int, int]]:
    return {
        span
        for span in spans
        if not any(
            other != span and span[0] <= other[0] and other[1] <= span[1]
            for other in spans
        )
    }


SEQUENCES = [
    (("PASS", "PASS", "SHOT"), 6000),
    (("PASS", "SHOT", "PASS"), 5000),
    (("SHOT", "PASS"), 2000),
    (("PASS", "PASS"), 1500),
    (("DRIVE", "PASS", "SHOT", "PASS"), 9000),
]


@pytest.mark.parametrize("same_team", [False, True])
@pytest.mark.parametrize(("labels", "within_ms"), SEQUENCES)
def test_what_is_found_is_what_trying_everything_finds(
    empty: Session, labels: tuple[str, ...], within_ms: int, same_team: bool
) -> None:
    ids = fill(empty, random.Random(within_ms), matches=4)
    sequence = SequenceWanted(labels, within_ms, same_team)
    searches = [
        EventSearch(sequence=sequence),
        EventSearch(sequence=sequence, is_descending=False),
        EventSearch(sequence=sequence, states=frozenset({"accepted", "rejected"})),
        EventSearch(sequence=sequence, teams=["left"]),
    ]
    total = 0
    for wanted in searches:
        page = find_hits(empty, wanted, start=Position(), limit=1000)
        by_video = [hit.video.id for hit in page.found]
        assert by_video == sorted(by_video, reverse=wanted.is_descending)
        for video_id in ids:
            own = [hit for hit in page.found if hit.video.id == video_id]
            spans = [(hit.from_ms, hit.to_ms) for hit in own]
            if not same_team:
                assert len(spans) == len(set(spans))
            assert set(spans) == counted(empty, video_id, wanted)
            for hit in own:
                assert tuple(event.label for event in hit.events) == labels
                assert len({event.team for event in hit.events}) == 1 or not same_team
            total += len(own)
    assert total > 0


def test_pages_of_sequences_join_to_the_whole(
    empty: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(empty, random.Random(1), matches=3)
    wanted = EventSearch(sequence=SequenceWanted(("PASS", "PASS"), 3000))
    whole = [
        _ids(hit)
        for hit in find_hits(empty, wanted, start=Position(), limit=1000).found
    ]

    for most_anchors, limit in ((1000, 3), (4, 100), (4, 2)):
        monkeypatch.setattr(hits, "MOST_ANCHORS", most_anchors)
        seen: list[list[UUID]] = []
        start: Position | None = Position()
        pages = 0
        while start is not None:
            page = find_hits(empty, wanted, start=start, limit=limit)
            seen += [_ids(hit) for hit in page.found]
            start, pages = page.following, pages + 1
        assert seen == whole
        assert pages > 3


def _ids(hit: hits.Hit) -> list[UUID]:
    return [event.event_id for event in hit.events]


def test_a_sequence_is_of_the_player_who_does_one_of_its_events(
    empty: Session,
) -> None:
    fill(empty, random.Random(2), matches=3)
    sequence = SequenceWanted(("PASS", "DRIVE"), 4000)

    every = find_hits(
        empty, EventSearch(sequence=sequence), start=Position(), limit=1000
    )
    his = find_hits(
        empty,
        EventSearch(sequence=sequence, players=["7"]),
        start=Position(),
        limit=1000,
    )

    assert [_ids(hit) for hit in his.found] == [
        _ids(hit)
        for hit in every.found
        if any(event.player == "7" for event in hit.events)
    ]
    assert 0 < len(his.found) < len(every.found)


def test_a_hit_tells_its_events_and_times(api: RunningApi, empty: Session) -> None:
    video = analysed(api, [(1000, "PASS", 0.9)])
    for label, frame in (("PASS", 60), ("DRIVE", 70), ("SHOT", 90), ("SHOT", 99)):
        add(api, video, type=label, frame=frame)

    (hit,) = found(api, "sequence=PASS,+PASS,SHOT&within_s=8")

    assert (hit["from_s"], hit["to_s"]) == (1.0, 3.0)
    assert [one["type"] for one in hit["events"]] == ["PASS", "PASS", "SHOT"]
    assert [one["frame"] for one in hit["events"]] == [30, 60, 90]
    assert hit["video"]["id"] == str(video)
    assert found(api, "sequence=PASS,PASS,SHOT&within_s=1.9") == []
    assert len(found(api, "sequence=PASS,PASS,SHOT&within_s=2")) == 1
    assert found(api, "sequence=PASS,SHOT&q=nothing") == []


def test_bad_sequences_are_refused_and_say_what_to_do(api: RunningApi) -> None:
    refused = {
        "sequence=": "2 to 10 types",
        "sequence=PASS": "use type",
        "sequence=PASS,,SHOT": "at least 1 character",
        f"sequence={','.join(['PASS'] * 11)}": "shorten it",
        f"sequence=PASS,{'x' * 201}": "at most 200 characters",
        "sequence=PASS,SHOT&within_s=0": "greater than 0",
        "sequence=PASS,SHOT&within_s=301": "less than or equal to 300",
        "sequence=PASS,SHOT&within_s=nan": "",
        "sequence=PASS,SHOT&type=PASS": "leave out type",
        "within_s=8": "add one",
        "same_team=true": "add one",
        "sequence=PASS,SHOT&same_team=maybe": "boolean",
        "sequence=PASS,%00": "",
    }
    for query, words in refused.items():
        problem = _problem(api.client.get(f"/events?{query}"), 422, "invalid-request")
        assert words in problem["detail"], problem


def test_a_cursor_of_one_search_is_refused_by_another(
    api: RunningApi, empty: Session
) -> None:
    analysed(api)
    single = api.client.get("/events?limit=1").json()["next_cursor"]
    several = api.client.get("/events?sequence=PASS,DRIVE&limit=1").json()
    cursors: list[tuple[str, Any]] = [
        ("sequence=PASS,DRIVE", single),
        ("type=PASS", several["next_cursor"]),
        ("order=asc&sequence=PASS,DRIVE", several["next_cursor"]),
    ]
    for query, cursor in cursors:
        answer = api.client.get(f"/events?{query}&cursor={cursor}")
        _problem(answer, 422, "invalid-cursor")
