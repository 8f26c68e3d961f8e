"""Stretches as sets of milliseconds."""

import time
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.annotations.reviewed_schemas import MAX_INTERVALS
from app.annotations.stretches import Stretch, difference, set_to, union

WHEN = datetime(2026, 1, 2, tzinfo=UTC)
spans_st = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=8)
thorough = settings(derandomize=True, database=None, max_examples=200, deadline=None)


def moments(spans: list[tuple[int, int]]) -> set[int]:
    return {moment for start, end in spans for moment in range(start, end)}


@thorough
@given(spans_st, spans_st)
def test_sets_of_spans_are_sets_of_moments(
    spans: list[tuple[int, int]], others: list[tuple[int, int]]
) -> None:
    joined = union(spans)
    assert moments(joined) == moments(spans)
    assert all(one[1] < two[0] for one, two in pairwise(joined))
    assert moments(difference(spans, others)) == moments(spans) - moments(others)


def test_as_many_stretches_as_a_request_takes_are_set_in_a_moment() -> None:
    spans = [(at * 500, at * 500 + 300) for at in range(MAX_INTERVALS)]
    before = set_to([], spans, author="a", now=WHEN)
    wanted = [(start + 100, end + 150) for start, end in spans]

    began_s = time.process_time()
    after = set_to(before, wanted, author="b", now=WHEN)

    assert time.process_time() - began_s < 3
    assert len(after) == 2 * MAX_INTERVALS


@pytest.mark.costly
@thorough
@given(st.lists(st.tuples(st.sampled_from("ab"), spans_st), max_size=5))
@pytest.mark.slow
def test_each_moment_stays_whose_it_was(
    steps: list[tuple[str, list[tuple[int, int]]]],
) -> None:
    stretches: list[Stretch] = []
    owners: dict[int, str] = {}
    for author, spans in steps:
        stretches = set_to(stretches, spans, author=author, now=WHEN)
        owners = {moment: owners.get(moment, author) for moment in moments(spans)}

    told = {
        moment: one.author
        for one in stretches
        for moment in range(one.from_ms, one.to_ms)
    }
    assert told == owners
    assert sum(one.to_ms - one.from_ms for one in stretches) == len(owners)
    for one, two in pairwise(stretches):
        assert one.to_ms < two.from_ms or one.author != two.author
