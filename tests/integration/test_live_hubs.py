"""Watchers of one stream at several API processes, one of them behind a pooler."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.api_server import RunningApi, running_api
from tests.integration.test_api_streams import listening
from tests.integration.test_live import (
    API_SETTINGS,
    SHOT,
    Worker,
    begin,
    live_worker,
)
from tests.poolers import running_pgbouncer
from tests.services import open_folder

pytestmark = pytest.mark.costly

__all__ = ["API_SETTINGS", "live_worker"]


@pytest.fixture
def folder() -> Iterator[Path]:
    with open_folder() as made:
        yield made


@pytest.mark.slow
@pytest.mark.usefixtures("live_worker")
def test_each_process_tells_its_own_watchers_the_same(
    api: RunningApi, folder: Path
) -> None:
    settings = api.service.settings
    video = begin(api)
    path = f"/live/{video['id']}/events/stream"
    with ExitStack() as stack:
        pooled = stack.enter_context(
            running_pgbouncer(str(settings.database_url), folder, pool_size=20)
        )
        apis = [api]
        for url in (settings.database_url, pooled):
            its = settings.model_copy(update={"database_url": url})
            apis.append(stack.enter_context(running_api(its)))
        heard = [stack.enter_context(listening(one, path)) for one in apis]
        with Worker().running(api, video["job"]["id"]) as script:
            script.step(0.0)
            script.step(1.0, SHOT)
            script.step(1.1, replace(SHOT, kind="final"))
            for one in heard:
                one.wait_for("final")
            # One that goes from a process to another has lost nothing.
            known = {"Last-Event-ID": "1"}
            moved = stack.enter_context(listening(apis[2], path, known))
            moved.wait_for("final")
            sent = [
                one.client.get(f"/live/{video['id']}").json()["latency"]["sent"]
                for one in apis
            ]
        for one in heard:
            one.wait_for("end")

    told = [_changes(one) for one in heard]
    assert told[0] == told[1] == told[2] == [("provisional", "1"), ("final", "2")]
    assert _changes(moved) == [("final", "2")]
    assert all(one["count"] >= 1 for one in sent)  # each counts what it sent itself


def _changes(heard: Any) -> list[tuple[str, str]]:
    return [(one["event"], one["sse_id"]) for one in heard.events() if one["sse_id"]]
