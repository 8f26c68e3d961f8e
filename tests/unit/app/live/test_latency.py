"""Percentiles of latencies are latencies that were."""

from app.live.latency import Latencies


def test_percentiles_are_the_least_that_so_many_do_not_exceed() -> None:
    latencies = Latencies()
    for milliseconds in range(100, 0, -1):
        latencies.add(milliseconds / 1000)

    assert latencies.percentiles() == {
        **{"p50_ms": 50.0, "p95_ms": 95.0, "p99_ms": 99.0},
        "count": 100,
    }


def test_only_the_latest_count_and_none_is_none() -> None:
    latencies = Latencies(kept=2)
    assert latencies.percentiles() is None

    for seconds in (9.0, 0.001, 0.002):
        latencies.add(seconds)

    found = latencies.percentiles()
    assert found is not None
    assert (found["p99_ms"], found["count"]) == (2.0, 3)
