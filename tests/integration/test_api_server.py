"""A server that tests share tells the next one nothing of the one before."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from app.search import saved_routes
from app.search.saved import add_search
from tests.api_server import RunningApi


def test_what_a_client_that_left_asked_for_is_forgotten_too(
    api: RunningApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, goes_on = threading.Event(), threading.Event()

    def late(*args: Any, **named: Any) -> object:
        asked.set()
        assert goes_on.wait(60)
        return add_search(*args, **named)

    monkeypatch.setattr(saved_routes, "add_search", late)
    body = json.dumps({"name": "Shots", "query": {"type": ["SHOT"]}}).encode()
    head = (
        "POST /searches HTTP/1.1\r\nHost: localhost\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with api.connect() as connection:
        connection.sendall(head.encode() + body)
        assert asked.wait(60)

    with ThreadPoolExecutor(1) as thread:
        forgetting = thread.submit(api.forget_all)
        with pytest.raises(TimeoutError):
            forgetting.result(0.3)
        goes_on.set()
        forgetting.result(60)

    assert api.client.get("/searches").json()["items"] == []


def test_types_of_events_are_forgotten(api: RunningApi) -> None:
    types = {"items": [{"name": "SERVE"}]}
    assert api.client.put("/types", json=types).is_success

    api.forget_all()

    assert api.client.get("/types").json()["items"] == []
