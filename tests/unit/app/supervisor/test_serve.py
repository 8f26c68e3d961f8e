"""Why `touchline serve` does not start: one line each, and nothing is left running."""

import fcntl
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from app.core.broker.redis_ping import check_redis
from app.core.errors import StartFailed
from app.core.settings import Settings
from app.supervisor.preflight import bound_sockets, listen
from app.supervisor.serve import serve
from tests.services import free_port

PATIENCE_S = 60.0


def refused(tmp_path: Path, **fields: Any) -> str:
    """Start the service where it cannot; returns why."""
    said: list[str] = []
    given = {"data_dir": tmp_path / "data", "port": free_port(), **fields}
    with pytest.raises(StartFailed) as why:
        serve(Settings.model_validate(given), report_line=said.append, show=said.append)
    assert [line for line in said if not line.endswith(" ...")] == []
    assert "\n" not in str(why.value)
    return str(why.value)


def test_a_busy_port_is_named_with_the_way_out(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        why = refused(tmp_path, port=port)

    assert str(port) in why
    assert "TOUCHLINE_PORT" in why


def test_a_full_disk_is_named_with_what_is_needed(tmp_path: Path) -> None:
    why = refused(tmp_path, min_free_space="9000PB")

    assert "are needed" in why
    assert str(tmp_path) in why


def test_a_data_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file in its place")

    assert "TOUCHLINE_DATA_DIR" in refused(tmp_path)


@pytest.mark.parametrize("name", ["two\nlines", "half\udce4"])
def test_a_data_directory_whose_name_cannot_be_passed_on_is_refused(
    tmp_path: Path, name: str
) -> None:
    assert "TOUCHLINE_DATA_DIR" in refused(tmp_path, data_dir=tmp_path / name)


def test_a_host_that_is_not_this_machine_is_one_line(tmp_path: Path) -> None:
    why = refused(tmp_path, host="192.0.2.1", api_key="secret")

    assert "192.0.2.1" in why


def test_a_name_with_several_addresses_is_listened_to_at_each(tmp_path: Path) -> None:
    settings = Settings.model_validate({"host": "localhost", "port": free_port()})
    known = {
        address[:2]
        for *_, address in socket.getaddrinfo("localhost", settings.port)
        if address[0] in ("127.0.0.1", "::1")
    }

    with bound_sockets(settings) as sockets:
        listen(sockets, settings)
        reached = {one.getsockname()[:2] for one in sockets}
        for address in reached:
            socket.create_connection(address, timeout=PATIENCE_S).close()

    assert reached
    assert reached <= known


def test_a_port_taken_between_binding_and_listening_is_named(tmp_path: Path) -> None:
    settings = Settings.model_validate({"port": free_port()})
    with bound_sockets(settings) as ours, bound_sockets(settings) as theirs:
        listen(theirs, settings)

        with pytest.raises(StartFailed, match="TOUCHLINE_PORT"):
            listen(ours, settings)


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone shares a port evenly")
def test_each_api_process_gets_its_share_of_the_connections() -> None:
    settings = Settings.model_validate({"port": free_port(), "api_processes": 3})

    with bound_sockets(settings) as sockets, ExitStack() as clients:
        listen(sockets, settings)
        for _ in range(60):
            address = ("127.0.0.1", settings.port)
            client = socket.create_connection(address, timeout=PATIENCE_S)
            clients.enter_context(closing(client))
        shares = [_accept_all(one, clients) for one in sockets]

    assert len(shares) == 3
    assert sum(shares) == 60
    assert min(shares) >= 5


def test_a_port_of_somebody_else_is_not_shared_with_api_processes() -> None:
    with socket.create_server(("127.0.0.1", 0), reuse_port=True) as theirs:
        port = theirs.getsockname()[1]
        settings = Settings.model_validate({"port": port, "api_processes": 2})

        with (
            pytest.raises(StartFailed, match="TOUCHLINE_PORT"),
            bound_sockets(settings),
        ):
            pytest.fail("the port was taken")


def _accept_all(one: socket.socket, stack: ExitStack) -> int:
    one.setblocking(False)
    count = 0
    with suppress(BlockingIOError):
        while True:
            stack.enter_context(closing(one.accept()[0]))
            count += 1
    return count


def test_a_data_directory_in_use_is_named_with_its_user(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with (tmp_path / "data" / "serve.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write(str(os.getpid()))
        lock.flush()

        why = refused(tmp_path)

    assert f"process {os.getpid()}" in why


def test_a_webhook_secret_that_cannot_sign_stops_the_start(tmp_path: Path) -> None:
    assert "TOUCHLINE_WEBHOOK_SECRET" in refused(tmp_path, webhook_secret="hello")


def test_a_database_that_does_not_answer_is_one_line(tmp_path: Path) -> None:
    url = f"postgresql://nobody@127.0.0.1:{free_port()}/none"

    assert "database" in refused(tmp_path, database_url=url)


def test_an_open_door_without_a_key_stops_the_start(tmp_path: Path) -> None:
    assert "TOUCHLINE_API_KEY" in refused(tmp_path, host="0.0.0.0")


@pytest.mark.slow
def test_a_database_that_swallows_all_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.core.db.session.CONNECT_TIMEOUT_S", 2)
    with silent_server() as port:
        url = f"postgresql://nobody@127.0.0.1:{port}/none"

        assert "timeout" in refused(tmp_path, database_url=url)


def test_a_broker_that_swallows_all_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.core.broker.redis_ping.TIMEOUT_S", 0.2)
    with (
        silent_server() as port,
        pytest.raises(StartFailed, match="TOUCHLINE_REDIS_URL"),
    ):
        check_redis(Settings(redis_url=f"redis://127.0.0.1:{port}/0"))


@contextmanager
def silent_server() -> Iterator[int]:
    """Take connections on a port and never say a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])
