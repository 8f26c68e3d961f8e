"""How long workers take for a video in segments, by hand."""

import pytest

from benchmarks.segments import Parts

PARTS = Parts(plan_s=1.0, segments_s=[4.0, 3.0, 3.0, 2.0], join_s=0.5, processor_s=9.0)


@pytest.mark.parametrize(
    ("workers", "busiest_s"),
    [(1, 12.0), (2, 6.0), (3, 5.0), (4, 4.0), (9, 4.0)],
)
def test_workers_take_the_next_segment_when_they_have_ended_one(
    workers: int, busiest_s: float
) -> None:
    assert PARTS.makespan_s(workers, wake_s=0.25) == 1.0 + 0.25 + busiest_s + 0.25 + 0.5
    assert PARTS.work_s == 13.5
