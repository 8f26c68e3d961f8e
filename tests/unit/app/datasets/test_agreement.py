"""What the log says of two people's agreement."""

from typing import Any

from app.datasets.agreement import Agreement, agreement_in


def line(
    author: str,
    kind: str | None = "PASS",
    at_s: float = 1.0,
    state: str = "accepted",
    event: str = "a",
) -> dict[str, Any]:
    """A line of the log; without a type the decision is taken back."""
    after = None if kind is None else {"type": kind, "time_s": at_s, "state": state}
    return {"event_id": event, "author": author, "after": after}


def test_an_event_of_one_author_says_nothing() -> None:
    assert agreement_in([line("Ada"), line("Ada", "SHOT")]) == Agreement()


def test_verdict_type_and_time_are_compared_with_the_author_before() -> None:
    history = [
        *(line("Ada", event="moved"), line("Bo", at_s=1.4, event="moved")),
        *(line("Ada", event="far"), line("Bo", at_s=9.0, event="far")),
        *(line("Ada", event="retyped"), line("Bo", "SHOT", event="retyped")),
        *(line("Ada", event="gone"), line("Bo", state="rejected", event="gone")),
        line("Ada", event="alone"),
    ]

    assert agreement_in(history) == Agreement(4, 3, 2, 1)


def test_the_last_word_of_each_counts_and_what_was_taken_back_does_not() -> None:
    history = [
        *(line("Ada", "SHOT"), line("Bo"), line("Ada")),
        *(line("Ada", event="b"), line("Bo", None, event="b")),
    ]

    assert agreement_in(history) == Agreement(1, 1, 1, 1)
