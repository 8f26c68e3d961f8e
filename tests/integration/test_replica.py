"""Reads on a real streaming replica: what it has is used, what it lacks is not."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.core.db import replica as replicas
from app.core.db.replica import Replica
from app.core.db.session import Sessions, make_engine, make_sessions
from app.core.errors import StartFailed, VideoNotFound
from app.core.resources import open_resources
from app.timelines.suggestions import suggestion_id
from app.videos.tables import Video
from tests.api_server import RunningApi, eventually, make_settings, running_api
from tests.databases import PostgresOfTests
from tests.integration.test_api import SPOTS
from tests.integration.test_api_corrections import change
from tests.integration.test_api_search import analysed
from tests.replicas import Pair, running_pair

pytestmark = pytest.mark.slow

RETRY_S = 0.2
SILENT_S = 20.0  # This machine may be busy; a test says else.


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    with running_pair() as made:
        yield made


@pytest.fixture
def silent_s() -> float:
    """How long an answer of the replica is waited for."""
    return SILENT_S


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch, silent_s: float) -> None:
    """A replica that was left is tried again soon."""
    monkeypatch.setattr(replicas, "AWAY_S", RETRY_S)
    monkeypatch.setattr(replicas, "LAGGING_S", RETRY_S)
    monkeypatch.setattr("app.core.resources.REPLICA_TIMEOUT_S", silent_s)


@pytest.fixture
def api(pair: Pair, tmp_path: Path, soon: None) -> Iterator[RunningApi]:
    settings = make_settings(
        data_dir=tmp_path / "data",
        database_url=pair.url,
        database_read_url=pair.replica_url,
        database_read_lag="5 s",  # This machine may be busy; a test says else.
    )
    with running_api(settings) as running:
        running.forget_all()
        yield running


def test_events_searches_and_statistics_come_from_the_replica(api: RunningApi) -> None:
    video = analysed(api)

    for path, times in (
        (f"/videos/{video}/events", 1),
        (f"/videos/{video}/events.csv", 1),
        (f"/videos/{video}/statistics", 1),
    ):
        before = _reads(api)
        assert api.client.get(path).status_code == 200
        assert _reads(api) == {**before, "replica": before["replica"] + times}
    before = _reads(api)
    assert len(api.client.get("/events").json()["items"]) == len(SPOTS)
    assert _reads(api)["primary"] == before["primary"]
    assert _reads(api)["replica"] > before["replica"]


@pytest.mark.costly
def test_a_client_reads_its_own_corrections(api: RunningApi) -> None:
    video = analysed(api)
    event = suggestion_id(video, "PASS", 30)

    for number in range(20):
        wanted = f"player {number}"
        change(api, video, event, attributes={"player": wanted})
        listed = api.client.get(f"/videos/{video}/events").json()["items"]
        players = {one["id"]: one["attributes"].get("player") for one in listed}
        assert players[str(event)] == wanted
        found = api.client.get("/events", params={"player": wanted}).json()["items"]
        assert [one["id"] for one in found] == [str(event)]
        counted = api.client.get(f"/videos/{video}/statistics").json()
        assert sum(one["count"] for one in counted["counts"]) == len(SPOTS)
    assert _reads(api)["replica"] > _reads(api)["primary"]


def test_while_replay_is_paused_the_primary_answers(
    pair: Pair, tmp_path: Path, soon: None
) -> None:
    settings = make_settings(
        data_dir=tmp_path / "data",
        database_url=pair.url,
        database_read_url=pair.replica_url,
        database_read_lag="0.05 s",
    )
    with running_api(settings) as api:
        api.forget_all()
        video = analysed(api)
        event = suggestion_id(video, "PASS", 30)
        pair.wait()
        pair.pause()
        try:
            before = _reads(api)
            change(api, video, event, state="rejected")
            for _ in range(3):
                listed = api.client.get(f"/videos/{video}/events").json()["items"]
                found = api.client.get("/events").json()["items"]
                for shown in (listed, found):
                    assert len(shown) == len(SPOTS) - 1
                    assert str(event) not in {one["id"] for one in shown}
            assert _reads(api)["replica"] == before["replica"]
        finally:
            pair.resume()

        def is_back() -> bool:
            before = _reads(api)["replica"]
            assert api.client.get(f"/videos/{video}/events").status_code == 200
            return _reads(api)["replica"] > before

        eventually(is_back)


def test_a_replica_that_dies_is_missed_by_nobody_and_used_again(
    pair: Pair, api: RunningApi
) -> None:
    video = analysed(api)
    path = f"/videos/{video}/events"
    first = api.client.get(path).json()
    assert _reads(api)["replica"]

    pair.stop()
    try:
        before = _reads(api)
        assert [api.client.get(path).json() for _ in range(5)] == [first] * 5
        assert _reads(api) == {**before, "primary": before["primary"] + 5}
    finally:
        pair.start()
    eventually(
        lambda: (
            api.client.get(path).json() == first
            and _reads(api)["replica"] > before["replica"]
        )
    )


@pytest.mark.parametrize("silent_s", [1.0])
def test_a_replica_that_falls_silent_costs_a_bounded_time(
    pair: Pair, api: RunningApi
) -> None:
    video = analysed(api)
    path = f"/videos/{video}/events"
    first = api.client.get(path).json()

    pair.freeze()
    try:
        before = _reads(api)
        assert [api.client.get(path).json() for _ in range(3)] == [first] * 3
        assert _reads(api) == {**before, "primary": before["primary"] + 3}
    finally:
        pair.thaw()


def test_what_is_not_there_is_an_answer_of_the_replica(api: RunningApi) -> None:
    before = _reads(api)

    assert api.client.get(f"/videos/{uuid4()}/events").status_code == 404
    with pytest.raises(VideoNotFound):
        api.service.read(_raise_not_found)

    assert _reads(api) == {**before, "replica": before["replica"] + 2}


def test_a_read_that_is_in_the_way_of_replay_is_done_again_on_the_primary(
    pair: Pair, api: RunningApi
) -> None:
    with psycopg.connect(pair.url, autocommit=True) as primary:
        primary.execute("drop table if exists crowded")
        primary.execute("create table crowded as select generate_series(1, 1000) as n")
    tries = []

    def count(session: Session) -> object:
        tries.append(session.scalar(text("select count(*) from crowded")))
        if len(tries) == 1:
            with psycopg.connect(pair.url, autocommit=True) as primary:
                primary.execute("delete from crowded where n > 10")
                primary.execute("vacuum crowded")
            pair.wait()
        return session.scalar(text("select count(*) from crowded"))

    assert api.service.read(count) == 10
    assert tries == [1000, 10]
    assert not _replica(api)._is_left  # It is well.


def test_a_read_sees_one_moment(pair: Pair, api: RunningApi) -> None:
    def count_around_an_insert(session: Session) -> tuple[int, int]:
        before = len(session.scalars(select(Video)).all())
        with psycopg.connect(pair.url, autocommit=True) as primary:
            primary.execute(
                "insert into videos (id, created_at) values (gen_random_uuid(), now())"
            )
        pair.wait()
        return before, len(session.scalars(select(Video)).all())

    assert api.service.read(count_around_an_insert) == (0, 0)
    assert api.service.read(lambda one: len(one.scalars(select(Video)).all())) == 1
    assert _reads(api) == {"replica": 2, "primary": 0}


@pytest.mark.parametrize("database", ["another server's", "the primary", "postgres"])
def test_what_is_no_replica_of_the_database_is_not_read(
    pair: Pair, postgres: PostgresOfTests, database: str
) -> None:
    with postgres.fresh_database() as another, _open(pair) as (_, sessions):
        url = {"another server's": another, "the primary": pair.url}.get(
            database, pair.replica_url.replace("/touchline?", "/postgres?")
        )
        with _open(pair, url) as (replica, _):
            where = text("select current_database(), pg_is_in_recovery()")
            found = replica.read(sessions, lambda one: tuple(one.execute(where).one()))
            assert found == ("touchline", False)
            assert replica.reads == {"replica": 0, "primary": 1}


@pytest.mark.costly
def test_a_replica_that_becomes_a_primary_is_read_no_more() -> None:
    with running_pair() as own, _open(own) as (replica, sessions):
        is_replica = text("select pg_is_in_recovery()")

        def ask() -> object:
            return replica.read(sessions, lambda one: one.scalar(is_replica))

        assert ask() is True
        own.promote()
        assert ask() is False
        assert replica.reads == {"replica": 1, "primary": 1}


def test_a_url_of_another_kind_stops_the_start(tmp_path: Path) -> None:
    settings = make_settings(
        data_dir=tmp_path,
        database_url="postgresql://nobody@127.0.0.1:1/x",
        database_read_url="mysql://x/y",
    )
    with pytest.raises(StartFailed, match="TOUCHLINE_DATABASE_READ_URL names mysql"):
        open_resources(settings, pool_size=1)


@contextmanager
def _open(pair: Pair, url: str | None = None) -> Iterator[tuple[Replica, Sessions]]:
    primary = make_engine(pair.url)
    replica = Replica(
        make_engine(url or pair.replica_url), primary, max_lag=timedelta(seconds=5)
    )
    yield replica, make_sessions(primary)
    replica.close()
    primary.dispose()


def _replica(api: RunningApi) -> Replica:
    replica = api.service.replica
    assert replica is not None
    return replica


def _reads(api: RunningApi) -> dict[str, int]:
    return dict(_replica(api).reads)


def _raise_not_found(_: Session) -> None:
    raise VideoNotFound("No video has that id.")
