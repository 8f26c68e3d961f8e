"""When a webhook is tried again, and when it is given up."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from worker.webhooks.retries import (
    JITTER,
    MAX_RETRY_AFTER,
    WAITS,
    next_wait,
    read_retry_after,
)

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


def test_ten_attempts_are_spread_over_about_three_days() -> None:
    waits = [next_wait(attempt, retry_after=None) for attempt in range(1, 11)]

    assert waits[-1] is None
    total = sum((wait for wait in waits if wait is not None), timedelta())
    assert timedelta(days=2.5) < total < timedelta(days=3.5)


def test_a_wait_is_stretched_but_never_shortened_by_jitter() -> None:
    drawn = {next_wait(3, retry_after=None) for _ in range(50)}

    assert len(drawn) > 1
    assert all(wait is not None and wait >= WAITS[2] for wait in drawn)
    assert all(wait is not None and wait <= WAITS[2] * (1 + JITTER) for wait in drawn)


def test_retry_after_lengthens_a_wait_up_to_a_day() -> None:
    an_hour, a_year = timedelta(hours=1), timedelta(days=365)

    assert next_wait(1, retry_after=an_hour) == an_hour
    assert next_wait(1, retry_after=a_year) == MAX_RETRY_AFTER


def test_retry_after_cannot_shorten_a_wait() -> None:
    wait = next_wait(4, retry_after=timedelta(seconds=1))

    assert wait is not None
    assert wait >= WAITS[3]


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        ("120", timedelta(seconds=120)),
        (" 7 ", timedelta(seconds=7)),
        ("Fri, 01 May 2026 12:01:00 GMT", timedelta(seconds=60)),
        ("Fri, 01 May 2026 11:00:00 GMT", timedelta(0)),
        ("Fri, 01 May 2026 12:01:00 -0000", timedelta(seconds=60)),
        ("99999999999999999999", MAX_RETRY_AFTER),
        ("9" * 5000, MAX_RETRY_AFTER),
        ("0" * 5000 + "7", timedelta(seconds=7)),
        ("Fri, 31 Dec 9999 23:59:59 GMT", MAX_RETRY_AFTER),
        ("Fri, 31 Dec 9999 23:59:59 -2359", MAX_RETRY_AFTER),
        ("Mon, 01 Jan 0001 00:00:00 +2359", timedelta(0)),
        ("Fri, 01 May 99999 12:00:00 GMT", None),
        ("Fri, 99 May 2026 12:00:00 GMT", None),
        ("Fri, 01 May 2026 12:00:00 +999999999999999", None),
        ("1.5", None),
        ("inf", None),
        ("\x00", None),
        (",", None),
        ("1" * 99 + " GMT", None),
        ("soon", None),
        ("-5", None),
        ("²", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(
    value: str | None, wait: timedelta | None
) -> None:
    assert read_retry_after(value, now=NOW) == wait


def test_no_header_at_all_makes_the_reader_fail() -> None:
    dice = random.Random(20260501)
    alphabet = '0123456789 ,:+-GMTJanFri\x00\xff²()\\"'

    for _ in range(20_000):
        value = "".join(dice.choices(alphabet, k=dice.randrange(40)))
        wait = read_retry_after(value, now=NOW)
        assert wait is None or timedelta(0) <= wait <= MAX_RETRY_AFTER, value
