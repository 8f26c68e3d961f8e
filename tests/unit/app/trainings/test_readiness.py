"""What is wrong with what is reviewed, and what a mapping makes of it."""

from datetime import date
from uuid import UUID

from app.datasets.agreement import Agreement
from app.trainings.readiness import FEW_EVENTS, Finding, findings_in, plan_split
from app.trainings.reviewed_data import (
    Counts,
    ReviewedData,
    ReviewedVideo,
    TypeCount,
    mapped,
)


def video(number: int, counts: Counts, *, minutes: float = 10) -> ReviewedVideo:
    return ReviewedVideo(
        id=UUID(int=number),
        title=f"match {number}",
        filename=None,
        sha256=f"{number:064x}",
        played_on=date(2026, 1, number),
        competition=None,
        teams=(),
        fps=25.0,
        spans=((0.0, minutes * 60),),
        counts=counts,
    )


def enough(**more: TypeCount) -> Counts:
    plenty = TypeCount(FEW_EVENTS)
    return {"PASS": plenty, "SHOT": plenty, **more}


def found(data: ReviewedData) -> list[Finding]:
    return list(findings_in(data, data.counts))


def test_enough_of_three_matches_has_no_problem() -> None:
    data = ReviewedData([video(number, enough()) for number in (1, 2, 3)])

    assert found(data) == []
    assert plan_split(data).by == "matches"


def test_counts_are_added_with_the_most_frequent_type_first() -> None:
    data = ReviewedData(
        [
            video(1, {"PASS": TypeCount(1, 2)}),
            video(2, {"SHOT": TypeCount(3), "PASS": TypeCount(1)}),
        ]
    )

    assert list(data.counts.items()) == [
        ("SHOT", TypeCount(3, 0)),
        ("PASS", TypeCount(2, 2)),
    ]
    assert data.minutes == 20


def test_a_type_that_is_rejected_alone_is_no_event() -> None:
    data = ReviewedData([video(1, {"PASS": TypeCount(0, 4)})])

    assert [one.code for one in found(data) if one.is_blocking] == ["no-events"]


def test_the_least_number_of_events_is_enough() -> None:
    few = TypeCount(FEW_EVENTS - 1)
    data = ReviewedData([video(n, {}) for n in (1, 2)] + [video(3, enough(GOAL=few))])

    assert [one.code for one in found(data)] == ["few-events"]


def test_people_who_mostly_agree_are_no_problem() -> None:
    videos = [video(number, enough()) for number in (1, 2, 3)]

    def codes(twice: int, kept: int) -> list[str]:
        data = ReviewedData(videos, agreement=Agreement(twice, kept, 0, 0))
        return [one.code for one in found(data)]

    assert codes(10, 8) == []
    assert codes(10, 7) == ["reviewers-disagree"]
    assert codes(4, 0) == []


def test_a_mapping_merges_renames_and_drops() -> None:
    counts = {
        "PASS LEFT": TypeCount(2, 1),
        "PASS RIGHT": TypeCount(3),
        "THROW_IN": TypeCount(4),
        "SHOT": TypeCount(5),
    }

    merged = mapped(
        counts, {"PASS LEFT": "PASS", "PASS RIGHT": "PASS", "THROW_IN": None}
    )

    assert merged == {"PASS": TypeCount(5, 1), "SHOT": TypeCount(5)}
