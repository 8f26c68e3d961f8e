"""A video's file is streamed from the storage by ranges, whatever the storage is."""

import os
from collections.abc import Iterator
from dataclasses import replace
from email.parser import BytesParser
from email.policy import HTTP
from uuid import UUID

import httpx
import pytest

from app.core.storage.interface import CHUNK_BYTES
from app.core.storage.keys import source_key
from tests.api_server import RunningApi, eventually, make_settings, running_api
from tests.databases import PostgresOfTests
from tests.fakes import MemoryStorage

CONTENT = os.urandom(40 * CHUNK_BYTES + 7)
SIZE = len(CONTENT)


@pytest.fixture(scope="module", params=["local", "memory"])
def api(
    postgres: PostgresOfTests,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[RunningApi]:
    with postgres.fresh_database() as url:
        settings = make_settings(
            data_dir=tmp_path_factory.mktemp("data"), database_url=url
        )
        with running_api(settings) as running:
            if request.param == "memory":
                resources = replace(running.service, storage=MemoryStorage())
                running.app.state.resources = resources
            yield running


@pytest.fixture
def path(api: RunningApi) -> str:
    answer = api.client.post("/videos", files={"file": ("a b.mp4", CONTENT)})
    assert answer.status_code == 202
    return str(answer.json()["links"]["file"])


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("0-0", 0, 1),
        (f"{CHUNK_BYTES - 1}-{CHUNK_BYTES}", CHUNK_BYTES - 1, CHUNK_BYTES + 1),
        ("5-", 5, SIZE),
        ("-9", SIZE - 9, SIZE),
        (f"-{SIZE + 9}", 0, SIZE),
        ("0-3,2-7", 0, 8),  # joined
    ],
)
def test_a_range_is_there_to_the_byte(
    api: RunningApi, path: str, asked: str, start: int, end: int
) -> None:
    answer = api.client.get(path, headers={"range": f"bytes={asked}"})

    assert answer.status_code == 206
    assert answer.content == CONTENT[start:end]
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{SIZE}"


def test_the_whole_is_there_to_the_byte(api: RunningApi, path: str) -> None:
    answer = api.client.get(path)

    assert answer.content == CONTENT
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["content-disposition"] == "inline; filename*=utf-8''a%20b.mp4"
    assert api.client.head(path).headers["content-length"] == str(SIZE)


def test_parts_are_read_by_a_mail_parser(api: RunningApi, path: str) -> None:
    last = SIZE - 5
    answer = api.client.get(path, headers={"range": f"bytes={last}-,0-2,9-9"})

    head = f"Content-Type: {answer.headers['content-type']}\r\n\r\n".encode()
    parts = list(
        BytesParser(policy=HTTP).parsebytes(head + answer.content).iter_parts()
    )
    assert [part["content-range"] for part in parts] == [
        f"bytes {start}-{end - 1}/{SIZE}"
        for start, end in ((0, 3), (9, 10), (last, SIZE))
    ]
    assert [part.get_payload(decode=True) for part in parts[:2]] == [
        CONTENT[:3],
        CONTENT[9:10],
    ]
    assert answer.content.count(CONTENT[last:]) == 1
    assert int(answer.headers["content-length"]) == len(answer.content)


def test_more_ranges_than_anybody_needs_get_the_whole(
    api: RunningApi, path: str
) -> None:
    many = ",".join(f"{2 * at}-{2 * at}" for at in range(101))

    answer = api.client.get(path, headers={"range": f"bytes={many}"})

    assert (answer.status_code, len(answer.content)) == (200, SIZE)


def test_a_range_is_judged_by_date_too(api: RunningApi, path: str) -> None:
    modified = api.client.head(path).headers["last-modified"]

    for date, status in ((modified, 206), ("Thu, 01 Jan 1970 00:00:00 GMT", 200)):
        headers = {"range": "bytes=0-3", "if-range": date}
        assert api.client.get(path, headers=headers).status_code == status


def test_a_client_that_leaves_ends_its_answer(api: RunningApi, path: str) -> None:
    with httpx.Client(base_url=api.url) as client, client.stream("GET", path) as answer:
        next(answer.iter_bytes())

    eventually(lambda: api.busy_connections() == 0)


def test_a_video_deleted_while_it_is_played_is_played_to_its_end(
    api: RunningApi, path: str
) -> None:
    video = path.split("/")[-2]
    with api.client.stream("GET", path) as answer:
        pieces = answer.iter_bytes()
        first = next(pieces)
        assert api.client.delete(f"/videos/{video}").status_code == 204
        rest = b"".join(pieces)

    assert first + rest == CONTENT
    assert not api.service.storage.exists(f"videos/{video}/source")


def test_a_file_that_is_gone_is_missing_for_every_form(
    api: RunningApi, path: str
) -> None:
    api.service.storage.delete(source_key(UUID(path.split("/")[-2])))

    for headers in ({}, {"range": "bytes=0-3"}, {"range": "bytes=0-3,8-9"}):
        assert api.client.get(path, headers=headers).status_code == 404
