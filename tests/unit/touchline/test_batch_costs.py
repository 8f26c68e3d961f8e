"""What matches cost, against sums written out here."""

import re
from pathlib import Path

import pytest

from touchline.batching.costs import EXAMPLES, BadPrices, estimate, read_prices

TABLE = """
dated = 2026-01-02
currency = "EUR"
[[machine]]
name = "mine"
device = "cpu"
price_an_hour = 3.6
spot_price_an_hour = 0.36
seconds_a_minute = 10
start_s = 0
measured = "here"
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "prices.toml"
    path.write_text(TABLE)
    return path


def test_cost_and_pace_follow_from_the_time_of_a_match(table: Path) -> None:
    (machine,) = read_prices(table).machines

    assert machine.service_s(90) == 900
    assert machine.matches_an_hour(90) == 4
    assert machine.cost(90, is_spot=False) == pytest.approx(0.9)
    assert machine.cost(90, is_spot=True) == pytest.approx(0.09)


def test_an_estimate_has_hours_and_sums(table: Path) -> None:
    told = estimate(read_prices(table), matches=1000, minutes=90, machines=5)

    (line,) = [one for one in told.splitlines() if one.startswith("mine")]
    assert re.split(r"\s+", line) == [
        *("mine", "20.0", "50.0", "0.9000", "0.0900", "900.00", "90.00")
    ]
    assert "EXAMPLES" not in told
    assert "2026-01-02" in told


def test_the_examples_say_what_they_are_and_which_speeds_are_guesses() -> None:
    prices = read_prices()

    told = estimate(prices, matches=10_000, minutes=95, machines=50)

    assert "EXAMPLES" in told
    guessed = [one.name for one in prices.machines if not one.measured]
    assert guessed
    for name in guessed:
        assert f"{name} *" in told
    assert EXAMPLES.read_text().startswith("# What machines cost")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("[[machine]]", "[machine]", "there is no"),
        ("dated = 2026-01-02", 'dated = "soon"', "must be a day"),
        ("= 3.6", "= -1", "price_an_hour must be 0 or more"),
        ("= 0.36", '= "cheap"', "spot_price_an_hour must be 0 or more"),
        ("= 10", "= 0", "seconds_a_minute must be more than 0"),
        ("= 0\n", "= \n", "prices.toml"),
        ("= 3.6", "= nan", "price_an_hour must be 0 or more"),
        ("= 10", "= inf", "seconds_a_minute must be 0 or more"),
        (TABLE, "dated = 2026-01-02\nmachine = [7]", "machine 1 is no table"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused(
    table: Path, old: str, new: str, told: str
) -> None:
    table.write_text(TABLE.replace(old, new))

    with pytest.raises(BadPrices, match=told):
        read_prices(table)


def test_a_table_that_is_no_text_is_refused(table: Path) -> None:
    table.write_bytes(b"\xff\xfe")

    with pytest.raises(BadPrices, match=r"prices\.toml"):
        read_prices(table)
