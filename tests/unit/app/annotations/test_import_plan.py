"""Which events of a file are there already: as many as can be paired, one to one."""

from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.annotations.import_plan import Plan, plan_import
from app.annotations.merge import TimelineEvent
from model.data.formats.events import ImportedEvent, ImportedEvents

TIMES = st.lists(st.integers(0, 40), max_size=8)


@given(file=TIMES, there=TIMES, tolerance=st.integers(0, 6))
def test_as_many_are_paired_as_can_be(
    file: list[int], there: list[int], tolerance: int
) -> None:
    # Frames that never agree: time alone pairs.
    read = [
        ImportedEvent(f"row {n}", "PASS", t / 1000, 1000 + n)
        for n, t in enumerate(file)
    ]
    plan = plan_import(
        ImportedEvents("csv", tuple(sorted(read, key=lambda one: one.time_s))),
        [shown("PASS", time_ms, frame=n) for n, time_ms in enumerate(there)],
        known_labels=["PASS"],
        tolerance_ms=tolerance,
    )

    assert len(plan.duplicates) == most_pairs(file, there, tolerance)
    assert len(plan.duplicates) + len(plan.new) == len(file)
    ids = [one.event_id for one in plan.duplicates]
    assert len(set(ids)) == len(ids)


def test_the_event_at_the_very_frame_is_the_same() -> None:
    near, exact = shown("PASS", 900, frame=27), shown("PASS", 1000, frame=30)

    plan = planned([ImportedEvent("row 2", "PASS", 1.0, 30)], [near, exact])

    assert [one.event_id for one in plan.duplicates] == [exact.id]


def test_another_type_or_the_end_of_the_tolerance_is_another_event() -> None:
    there = [shown("SHOT", 1000, frame=30), shown("PASS", 1501, frame=45)]

    plan = planned([ImportedEvent("row 2", "PASS", 1.0, 30)], there)

    assert [event.where for event in plan.new] == ["row 2"]


@pytest.mark.parametrize(
    ("second", "is_twice"),
    [
        (ImportedEvent("row 3", "PASS", 1.0, 30, 0.4, "left"), True),
        (ImportedEvent("row 3", "PASS", 1.0, 30, None, "right"), False),
        (ImportedEvent("row 3", "PASS", 1.04, 31, None, "left"), False),
    ],
)
def test_what_stands_in_the_file_twice_is_taken_once(
    second: ImportedEvent, is_twice: bool
) -> None:
    plan = planned([ImportedEvent("row 2", "PASS", 1.0, 30, None, "left"), second], [])

    assert (len(plan.new), len(plan.duplicates)) == ((1, 1) if is_twice else (2, 0))


def planned(read: list[ImportedEvent], there: list[TimelineEvent]) -> Plan:
    return plan_import(
        ImportedEvents("csv", tuple(read)),
        there,
        known_labels=["PASS", "SHOT"],
        tolerance_ms=500,
    )


def shown(label: str, time_ms: int, *, frame: int) -> TimelineEvent:
    return TimelineEvent(uuid4(), "suggested", "model", label, time_ms, frame, 0.5, {})


def most_pairs(file: list[int], there: list[int], tolerance: int) -> int:
    """Count the most pairs by augmenting paths: slow and obvious."""
    partner: dict[int, int] = {}

    def place(one: int, seen: set[int]) -> bool:
        for other, time in enumerate(there):
            if other in seen or abs(time - file[one]) > tolerance:
                continue
            seen.add(other)
            if other not in partner or place(partner[other], seen):
                partner[other] = one
                return True
        return False

    return sum(place(one, set()) for one in range(len(file)))
