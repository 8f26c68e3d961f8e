"""The API is run the same way by `touchline api` and by `touchline serve`."""

import socket

from app.supervisor.api_server import api_command, server_options


def test_every_start_of_the_api_has_the_same_limits() -> None:
    options = server_options(grace_s=3)

    assert options["http"] == "app.core.http.protocol:LimitedProtocol"
    assert options["timeout_graceful_shutdown"] == 3


def test_a_process_is_told_the_sockets_it_inherits() -> None:
    with socket.socket() as one, socket.socket() as other:
        command = api_command([one, other])

        assert command[-2:] == [str(one.fileno()), str(other.fileno())]
