"""Whoever deletes the row of an upload first decides what becomes of its bytes."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select, update

from app.core.db.session import Sessions, make_engine, make_sessions
from app.core.errors import UploadBroken
from app.core.process_identity import ProcessIdentity
from app.core.resources import Resources
from app.core.settings import Settings
from app.core.storage.interface import Storage
from app.core.storage.keys import source_key
from app.videos.cleanup import clean_up
from app.videos.in_flight import (
    SILENT,
    UploadInFlight,
    begin_upload,
    upload_in_flight,
)
from app.videos.tables import Upload
from tests.api_server import RunningApi, eventually, running_api
from tests.integration.uploaded import upload


@pytest.fixture
def api(settings: Settings) -> Iterator[RunningApi]:
    with running_api(settings) as running:
        yield running


@pytest.fixture
def service(api: RunningApi) -> Resources:
    return api.service


def in_flight(sessions: Sessions) -> list[UUID]:
    with sessions() as session:
        return list(session.scalars(select(Upload.id)))


def begin(sessions: Sessions, storage: Storage) -> UUID:
    video_id = uuid4()
    begin_upload(video_id, sessions)
    storage.put(source_key(video_id), b"bytes")
    return video_id


def silence(sessions: Sessions) -> None:
    with sessions.begin() as session:
        session.execute(update(Upload).values(touched_at=func.now() - 2 * SILENT))


def give_to_a_dead_process(sessions: Sessions) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=-1) as process:
        owner = str(ProcessIdentity.of(process.pid))
        process.kill()
    with sessions.begin() as session:
        session.execute(update(Upload).values(owner=owner))


def test_an_upload_that_goes_on_is_left_alone(
    sessions: Sessions, storage: Storage
) -> None:
    video_id = begin(sessions, storage)

    assert clean_up(sessions=sessions, storage=storage) == 0
    assert in_flight(sessions) == [video_id]
    assert storage.exists(source_key(video_id))


@pytest.mark.parametrize("end", [silence, give_to_a_dead_process])
def test_an_upload_that_died_is_removed(
    sessions: Sessions, storage: Storage, end: object
) -> None:
    video_id = begin(sessions, storage)
    assert callable(end)
    end(sessions)

    assert clean_up(sessions=sessions, storage=storage) == 1
    assert in_flight(sessions) == []
    assert not storage.exists(source_key(video_id))


def test_an_upload_of_the_containers_earlier_run_is_given_up_at_its_start_alone(
    sessions: Sessions, storage: Storage
) -> None:
    video_id = begin(sessions, storage)
    own = ProcessIdentity.current()
    earlier = replace(own, machine=f"{own.machine.partition('/')[0]}/1")
    with sessions.begin() as session:
        session.execute(update(Upload).values(owner=str(earlier)))

    clean_up(sessions=sessions, storage=storage)
    assert in_flight(sessions) == [video_id]
    clean_up(sessions=sessions, storage=storage, is_start=True)

    assert in_flight(sessions) == []
    assert not storage.exists(source_key(video_id))


def test_an_upload_whose_video_is_recorded_loses_no_byte(
    tmp_path: Path, sessions: Sessions, storage: Storage
) -> None:
    (tmp_path / "video").write_bytes(b"bytes")
    job = upload(tmp_path / "video", sessions=sessions, storage=storage)
    begin_upload(job.video_id, sessions)
    silence(sessions)

    clean_up(sessions=sessions, storage=storage)

    assert in_flight(sessions) == []
    assert storage.exists(source_key(job.video_id))


def test_an_upload_that_is_just_recorded_is_left_alone(
    service: Resources, sessions: Sessions, storage: Storage
) -> None:
    video_id = begin(sessions, storage)
    silence(sessions)

    with sessions.begin() as session:
        UploadInFlight(video_id, service).close(session)
        assert clean_up(sessions=sessions, storage=storage) == 0

    assert storage.exists(source_key(video_id))


def test_an_upload_that_was_given_up_records_nothing(
    service: Resources, sessions: Sessions, storage: Storage
) -> None:
    video_id = begin(sessions, storage)
    silence(sessions)
    clean_up(sessions=sessions, storage=storage)

    flight = UploadInFlight(video_id, service, touched_at_s=float("-inf"))

    with sessions() as session, pytest.raises(UploadBroken, match="gave it up"):
        flight.close(session)
    with pytest.raises(UploadBroken, match="gave it up"):
        asyncio.run(flight.touch())


def test_an_upload_that_fails_leaves_neither_row_nor_object(
    service: Resources, sessions: Sessions, storage: Storage
) -> None:
    video_id = uuid4()

    async def fail() -> None:
        async with upload_in_flight(video_id, resources=service) as flight:
            flight.is_stored = True
            storage.put(source_key(video_id), b"bytes")
            raise ConnectionError

    with pytest.raises(ConnectionError):
        asyncio.run(fail())

    assert in_flight(sessions) == []
    assert not storage.exists(source_key(video_id))


def test_an_upload_that_fails_while_the_database_is_away_goes_when_it_is_back(
    service: Resources, sessions: Sessions, storage: Storage
) -> None:
    video_id = begin(sessions, storage)
    away = make_sessions(make_engine("postgresql://nobody@127.0.0.1:1/nothing"))
    flight = UploadInFlight(video_id, replace(service, sessions=away), is_stored=True)

    flight.drop()
    left = in_flight(sessions)
    flight.resources = service
    eventually(lambda: in_flight(sessions) == [])

    assert left == [video_id]
    eventually(lambda: not storage.exists(source_key(video_id)))
