"""A name server that hangs delays those alone who want just that name."""

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.api_server import RunningApi

HANGING = 30  # more than requests of one kind may hold threads
AN_HOUR_S = 3600.0


@dataclass
class SlowNames:
    """Names that were asked for, and what ends their lookups."""

    asked: list[str] = field(default_factory=list)
    go_on: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def slow_names(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowNames]:
    """Let every name under `hangs.example` hang."""
    names = SlowNames()
    look = socket.getaddrinfo

    def hang(host: Any, *args: Any, **options: Any) -> Any:
        if not str(host).endswith("hangs.example"):
            return look(host, *args, **options)
        names.asked.append(str(host))
        names.go_on.wait(AN_HOUR_S)
        raise socket.gaierror(socket.EAI_AGAIN, "no answer")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    yield names
    names.go_on.set()


def post(api: RunningApi, callback_url: str) -> int:
    answer = api.client.post(
        "/videos",
        files={"file": ("a.mp4", b"the bytes of a video")},
        data={"callback_url": callback_url, "model": "none"},
        timeout=120,
    )
    return answer.status_code


def test_callbacks_to_addresses_and_other_names_go_past_names_that_hang(
    api: RunningApi, slow_names: SlowNames
) -> None:
    with ThreadPoolExecutor(HANGING) as threads:
        waiting = [
            threads.submit(post, api, f"https://{number % 20}.hangs.example/")
            for number in range(HANGING)
        ]
        while len(slow_names.asked) < 20:
            pass

        past = [post(api, "https://8.8.8.8/"), post(api, "https://localhost/")]
        still = [one.done() for one in waiting]

        assert past == [202, 422]  # this machine is no public address
        assert not any(still)
        slow_names.go_on.set()
        assert {one.result() for one in waiting} == {422}
    assert len(slow_names.asked) == 20  # equal ones were asked for once
