"""Metrics as Prometheus reads them, and the counts of requests."""

import asyncio
import re

from fastapi import FastAPI, Response
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from app.metrics.exposition import Family, Sample, write_metrics
from app.metrics.families import FAMILIES
from app.metrics.http_requests import HttpFigures, HttpMetrics

ROOMS = Family("rooms", "gauge", "Rooms\nof a \\ house.")


def test_samples_of_a_family_stand_together_and_texts_are_escaped() -> None:
    other = Family("doors_total", "counter", "Doors.")
    written = write_metrics(
        [
            Sample(ROOMS, 2, {"floor": 'a "b"\\\n'}),
            Sample(other, 0.25),
            Sample(ROOMS, 3.0, {"floor": "1"}),
        ]
    )

    assert written == (
        "# HELP rooms Rooms\\nof a \\\\ house.\n"
        "# TYPE rooms gauge\n"
        'rooms{floor="a \\"b\\"\\\\\\n"} 2\n'
        'rooms{floor="1"} 3\n'
        "# HELP doors_total Doors.\n"
        "# TYPE doors_total counter\n"
        "doors_total 0.25\n"
    )


def test_names_are_ours_once_each_and_counters_end_in_total() -> None:
    names = [family.name for family in FAMILIES]

    assert len(set(names)) == len(names)
    for family in FAMILIES:
        assert re.fullmatch(r"touchline_[a-z_]+", family.name)
        assert family.name.endswith("_total") is (family.kind == "counter")
        assert family.words.endswith(".")


def _figures_after(*paths: str) -> str:
    """Ask a small app for addresses; tell what was counted, without the process."""
    figures = HttpFigures()
    app = FastAPI()
    app.add_middleware(HttpMetrics, figures=figures)

    @app.get("/rooms/{name}")
    async def answer(name: str) -> Response:
        return Response(status_code=int(name))

    client = TestClient(app, raise_server_exceptions=False)
    for path in paths:
        client.get(path)
    return re.sub(r',?process="\d+"', "", write_metrics(figures.samples()))


def test_requests_are_counted_by_route_and_status() -> None:
    written = _figures_after("/rooms/200", "/rooms/204", "/rooms/200", "/rooms/x", "/a")

    route = 'method="GET",route="/rooms/{name}"'
    counted = "touchline_http_requests_total"
    assert f'{counted}{{{route},status="200"}} 2\n' in written
    assert f'{counted}{{{route},status="204"}} 1\n' in written
    assert f'{counted}{{{route},status="500"}} 1\n' in written
    assert f'{counted}{{method="GET",route="other",status="404"}} 1\n' in written
    assert "touchline_http_requests_in_progress{} 0\n" in written
    assert f"touchline_http_request_seconds_count{{{route}}} 4\n" in written


def test_buckets_add_up() -> None:
    figures = HttpFigures()
    for took_s in (0.001, 0.005, 0.3, 99.0):
        figures.begin()
        figures.end("GET", "/", "200", took_s)

    found = {
        sample.labels["le"]: sample.value
        for sample in figures.samples()
        if sample.suffix == "_bucket"
    }

    assert list(found)[-1] == "+Inf"
    wanted = {"0.005": 2, "0.25": 2, "0.5": 3, "30.0": 3, "+Inf": 4}
    assert {bound: found[bound] for bound in wanted} == wanted


def test_a_request_that_nobody_waits_for_any_more_is_counted_apart() -> None:
    figures = HttpFigures()

    async def gone(scope: Scope, receive: Receive, send: Send) -> None:
        """Find that the client left."""

    async def nothing() -> Message:
        return {"type": "http.disconnect"}

    async def drop(message: Message) -> None:
        raise AssertionError(message)

    scope = {"type": "http", "method": "BREW"}
    asyncio.run(HttpMetrics(gone, figures=figures)(scope, nothing, drop))

    written = write_metrics(figures.samples())
    assert 'method="other",route="other",status="aborted"' in written
    assert "touchline_http_request_seconds" not in written
