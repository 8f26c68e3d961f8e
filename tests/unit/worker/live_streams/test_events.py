"""What a spotter says becomes changes of rows: one a spot, whatever becomes of it."""

from datetime import UTC, datetime, timedelta

from tests.live_fakes import FakeChange
from worker.live_streams.events import EventBook, Moment

NOON = datetime(2026, 5, 31, 12, tzinfo=UTC)
NOW = Moment(10.0, NOON, NOON + timedelta(milliseconds=20))


def book() -> EventBook:
    return EventBook(fps=25.0, next_seq=7, counts={"PASS": 1})


def test_a_spot_keeps_its_row_and_its_frame_is_counted_by_the_sources_rate() -> None:
    said = [
        FakeChange("provisional", 1, "SHOT", 9.0, 0.6),
        FakeChange("final", 1, "SHOT", 9.0, 0.8, "left"),
    ]
    own = book()

    first, second = own.take(said, offset_s=0.0, now=NOW)

    assert (first.seq, second.seq) == (7, 7)
    assert (second.kind, second.score, second.team) == ("final", 0.8, "left")
    assert (second.time_ms, second.frame) == (9000, 225)
    assert second.wall == NOON - timedelta(seconds=1)
    assert own.counts == {"PASS": 1, "SHOT": 1}


def test_a_spot_that_moves_is_taken_back_and_told_anew() -> None:
    own = book()
    own.take([FakeChange("provisional", 1, "SHOT", 9.0, 0.6)], offset_s=0.0, now=NOW)

    gone, moved = own.take(
        [FakeChange("final", 1, "SHOT", 9.2, 0.8)], offset_s=0.0, now=NOW
    )

    assert (gone.kind, gone.frame) == ("retracted", 225)
    assert (moved.kind, moved.frame, moved.replaces) == ("final", 230, 225)
    assert own.counts == {"PASS": 1, "SHOT": 1}


def test_what_is_taken_back_is_told_once_and_what_nobody_knows_is_not() -> None:
    own = book()
    own.take([FakeChange("provisional", 1, "SHOT", 9.0, 0.6)], offset_s=0.0, now=NOW)

    said = [FakeChange("retracted", one, "SHOT", 9.0, 0.6) for one in (1, 1, 2)]
    changes = own.take(said, offset_s=0.0, now=NOW)

    assert [(one.kind, one.seq) for one in changes] == [("retracted", 7)]
    assert own.counts == {"PASS": 1}
