"""What one client may take of the API: body, time and connections, for real."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from datetime import timedelta
from http.client import HTTPResponse
from uuid import UUID

import pytest

from app.core.settings import Settings
from tests.api_server import (
    RunningApi,
    eventually,
    form_part,
    read_answer,
    read_problem,
    running_api,
    upload_head,
)

MIB = 2**20
KEY = "s3cret"
SOON = timedelta(seconds=1)
NOBODY = UUID(int=7)
JOBS = f"/videos/{NOBODY}/jobs"


@pytest.fixture(scope="module")
def hasty(api_settings: Settings) -> Iterator[RunningApi]:
    """An API that waits for nobody."""
    soon = {"request_timeout": SOON, "upload_idle": SOON}
    with running_api(api_settings.model_copy(update=soon)) as running:
        yield running


@pytest.fixture
def small(api_settings: Settings) -> Iterator[RunningApi]:
    """An API that takes three connections."""
    with running_api(api_settings.model_copy(update={"max_connections": 3})) as running:
        yield running


def test_a_key_is_asked_for_before_json_is_read(api_settings: Settings) -> None:
    guarded = api_settings.model_validate({**api_settings.model_dump(), "api_key": KEY})
    with running_api(guarded) as api, api.connect() as connection:
        connection.sendall(_head("POST", JOBS, content_length=300 * MIB))
        connection.sendall(b'{"model": "')  # The rest is never sent.

        read_problem(connection, status=401, slug="not-authenticated")


def test_what_is_no_http_is_a_problem(api: RunningApi) -> None:
    with api.connect() as connection:
        connection.sendall(b"\x16\x03\x01\x02\x00 hello\r\n\r\n")

        read_problem(connection, status=400, slug="bad-request")


def test_what_follows_a_request_does_not_replace_its_answer(api: RunningApi) -> None:
    with api.connect() as connection:
        connection.sendall(_head("POST", "/nowhere", content_length=0) + b"not HTTP")

        read_problem(connection, status=404, slug="not-found")
        assert connection.recv(1) == b""


@pytest.mark.parametrize("path", [JOBS, f"/jobs/{NOBODY}/cancel", "/nowhere"])
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_large_body_is_refused_unread(
    api: RunningApi, method: str, path: str
) -> None:
    expected = {
        ("POST", JOBS): (413, "body-too-large"),
        ("POST", "/nowhere"): (404, "not-found"),
        ("PUT", "/nowhere"): (404, "not-found"),
        ("PUT", JOBS): (405, "method-not-allowed"),
    }
    status, slug = expected.get((method, path), (404, "job-not-found"))
    if method == "PUT" and path.endswith("cancel"):
        status, slug = 405, "method-not-allowed"
    with api.connect() as connection:
        connection.sendall(_head(method, path, content_length=300 * MIB))

        read_problem(connection, status=status, slug=slug)


@pytest.mark.parametrize("path", ["/", "/page/app.js", "/docs", "/videos", "/healthz"])
def test_a_body_that_nobody_asked_for_is_not_waited_for(
    api: RunningApi, path: str
) -> None:
    with api.connect() as connection:
        connection.sendall(_head("GET", path, content_length=300 * MIB))
        answer = HTTPResponse(connection)
        answer.begin()

        assert answer.status == 200
        assert answer.headers["connection"] == "close"


def test_a_body_without_a_length_is_counted_while_it_comes(api: RunningApi) -> None:
    with api.connect() as connection:
        connection.sendall(_head("POST", JOBS, chunked=True))
        for _ in range(3):
            connection.sendall(b"%x\r\n" % MIB + b" " * MIB + b"\r\n")

        problem = read_problem(connection, status=413, slug="body-too-large")

    assert problem["limit_bytes"] == MIB


@pytest.mark.parametrize(
    ("body", "status", "slug"),
    [
        (b"[" * 500_000, 400, "bad-request"),
        (b'{"model": ' * 50_000, 400, "bad-request"),
        (b'{"model": "\xff"}', 400, "bad-request"),
        (b"9" * 500_000, 400, "bad-request"),
        (b'{"\\ud800": 1}', 422, "invalid-request"),
        (b'{"model": "\\ud800"}', 422, "invalid-request"),
        (b'{"model": "a\\u0000b"}', 422, "unknown-model"),
        (b"[]", 422, "invalid-request"),
    ],
)
def test_json_that_cannot_be_read_is_a_problem_of_its_sender(
    api: RunningApi, body: bytes, status: int, slug: str
) -> None:
    answer = api.client.post(
        JOBS, content=body, headers={"content-type": "application/json"}
    )

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == f"/problems/{slug}"
    assert api.client.get(answer.json()["type"]).status_code == 200


@pytest.mark.parametrize(
    ("method", "address", "body"),
    [
        ("POST", "/keys", {"name": "a\0b"}),
        ("POST", "/batches", {"items": [], "open": True, "name": "a\0b"}),
        ("DELETE", "/keys/%00", None),
    ],
)
def test_the_character_nul_is_a_problem_of_its_sender(
    api: RunningApi, method: str, address: str, body: object
) -> None:
    answer = api.client.request(method, address, json=body)

    assert answer.status_code == 422
    assert answer.json()["type"] == "/problems/invalid-request"
    assert "NUL" in answer.json()["detail"]


def test_of_many_wrong_fields_only_some_are_named(api: RunningApi) -> None:
    answer = api.client.post(JOBS, json={f"field{index}": 1 for index in range(50_000)})

    assert answer.status_code == 422
    assert len(answer.json()["errors"]) == 20


def test_json_that_never_ends_is_given_up(hasty: RunningApi) -> None:
    with hasty.connect() as connection:
        connection.sendall(_head("POST", JOBS, content_length=1000) + b'{"model":')

        read_problem(connection, status=408, slug="request-timeout")


def test_headers_that_never_end_are_given_up(hasty: RunningApi) -> None:
    with hasty.connect() as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-More: a")

        read_problem(connection, status=408, slug="request-timeout")
        assert connection.recv(1) == b""


def test_headers_that_trickle_get_no_more_time(hasty: RunningApi) -> None:
    with hasty.connect() as connection:
        connection.settimeout(0.1)
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-More: ")
        for _ in range(200):
            try:
                connection.sendall(b"a")
                assert connection.recv(100).startswith(b"HTTP/1.1 408 ")
                break
            except TimeoutError:
                continue
        else:
            pytest.fail("the headers were waited for")


def test_a_connection_that_says_nothing_is_closed(hasty: RunningApi) -> None:
    with hasty.connect() as connection:
        assert connection.recv(1) == b""


def test_the_second_request_of_a_connection_has_no_more_time(
    hasty: RunningApi,
) -> None:
    with hasty.connect() as connection:
        connection.sendall(_head("GET", "/healthz"))
        answer = HTTPResponse(connection)
        answer.begin()
        assert answer.read() == b'{"status":"alive"}'
        connection.sendall(b"GET /healthz HT")

        read_problem(connection, status=408, slug="request-timeout")


def test_headers_too_large_are_refused(api: RunningApi) -> None:
    with api.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nX-Large: " + b"a" * 100_000)

        read_problem(connection, status=431, slug="headers-too-large")


def trickle(connection: socket.socket, head: bytes, body: bytes) -> bytes:
    """Send a byte each tenth of a second until there is an answer; return it."""
    connection.settimeout(0.1)
    connection.sendall(head)
    for byte in body:
        with suppress(TimeoutError):
            connection.sendall(bytes([byte]))
            begun = connection.recv(65536)
            connection.settimeout(20)
            return read_answer(connection, begun)
    pytest.fail("the upload was waited for")


def test_an_upload_that_trickles_is_given_up_and_frees_its_key(
    hasty: RunningApi,
) -> None:
    body = form_part("file", b"x" * 10_000, filename="a.mp4")
    head = upload_head(content_length=MIB, extra="Idempotency-Key: k1\r\n")
    data = b""
    while not data:  # A byte that crosses the answer has the kernel drop that.
        with suppress(ConnectionError), hasty.connect() as connection:
            data = trickle(connection, head, body)

    assert b"upload-broken" in data
    assert b"TOUCHLINE_UPLOAD_MIN_RATE" in data
    again = hasty.client.post(
        "/videos",
        files={"file": ("a.mp4", b"x")},
        headers={"idempotency-key": "k1"},
    )
    assert again.status_code == 202


def test_an_answer_that_is_not_read_is_cut_off(hasty: RunningApi) -> None:
    size = 32 * MIB
    video = hasty.client.post("/videos", files={"file": ("a.mp4", b"x" * size)}).json()
    with hasty.connect() as connection:
        connection.sendall(_head("GET", video["links"]["file"]))
        connection.recv(1)
        eventually(lambda: hasty.busy_connections() == 0)

        assert _count_until_closed(connection) < size


@pytest.mark.costly
def test_answers_that_are_not_read_block_nobody_else(api: RunningApi) -> None:
    size = 16 * MIB
    video = api.client.post("/videos", files={"file": ("a.mp4", b"x" * size)}).json()
    with ExitStack() as stack:
        for _ in range(50):
            connection = stack.enter_context(api.connect())
            connection.sendall(_head("GET", video["links"]["file"]))
            connection.recv(1)

        assert api.client.get("/videos").status_code == 200


def test_the_connection_that_idles_longest_makes_room(small: RunningApi) -> None:
    with ExitStack() as stack:
        idle = [stack.enter_context(small.connect()) for _ in range(3)]
        with small.connect() as connection:
            connection.sendall(_head("GET", "/healthz"))
            answer = HTTPResponse(connection)
            answer.begin()

            assert answer.status == 200
        assert idle[0].recv(1) == b""


def test_a_connection_too_many_is_refused_in_words(small: RunningApi) -> None:
    with ExitStack() as stack:
        for _ in range(3):
            busy = stack.enter_context(small.connect())
            busy.sendall(upload_head(content_length=MIB))
        eventually(lambda: small.busy_connections() == 3)
        with small.connect() as connection:
            read_problem(connection, status=503, slug="too-many-connections")


def _head(
    method: str, path: str, *, content_length: int | None = None, chunked: bool = False
) -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n"
    if content_length is not None:
        head += f"Content-Length: {content_length}\r\n"
    if chunked:
        head += "Transfer-Encoding: chunked\r\n"
    return f"{head}Content-Type: application/json\r\n\r\n".encode()


def _count_until_closed(connection: socket.socket) -> int:
    count = 0
    try:
        while data := connection.recv(MIB):
            count += len(data)
    except ConnectionResetError:
        pass
    return count
