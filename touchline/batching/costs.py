"""Matches an hour and what one costs, from a table of machines that users edit."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import isfinite
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).with_name("prices.toml")
MATCH_MINUTES = 95.0  # with the time that is added, without the break


class BadPrices(ValueError):
    """A table of prices cannot be used; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A kind of machine: how fast it analyses, and what an hour of it costs.

    Attributes:
        seconds_a_minute: what a minute of video takes, all its workers together.
        start_s: what each match takes beside that.
        measured: where its speed is from; empty: it is a guess.
    """

    name: str
    device: str
    price_an_hour: float
    spot_price_an_hour: float
    seconds_a_minute: float
    start_s: float
    measured: str = ""

    def service_s(self, minutes: float) -> float:
        """Tell what a match of so many minutes takes."""
        return self.start_s + minutes * self.seconds_a_minute

    def matches_an_hour(self, minutes: float) -> float:
        return 3600 / self.service_s(minutes)

    def cost(self, minutes: float, *, is_spot: bool) -> float:
        """Tell what a match costs where the machine always has work."""
        price = self.spot_price_an_hour if is_spot else self.price_an_hour
        return price * self.service_s(minutes) / 3600


@dataclass(frozen=True, slots=True)
class Prices:
    """A table of machines, as of a day; `is_example`: it came with the software."""

    machines: Sequence[Machine]
    dated: date
    currency: str
    is_example: bool


def read_prices(path: Path | None = None) -> Prices:
    """Read a table of prices; without one, the examples.

    Raises:
        BadPrices: it lacks something, or a figure is none that can be.
        OSError: it cannot be read.
    """
    with (path or EXAMPLES).open("rb") as file:
        try:
            document = tomllib.load(file)
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
            raise BadPrices(f"{path}: {exc}") from exc
    machines = document.get("machine")
    if not isinstance(machines, list) or not machines:
        raise BadPrices(f"{path}: there is no [[machine]]")
    dated = document.get("dated")
    if not isinstance(dated, date):
        raise BadPrices(f"{path}: 'dated' must be a day, as 2026-11-27")
    return Prices(
        [_machine(one, f"{path}: machine {n}") for n, one in enumerate(machines, 1)],
        dated,
        str(document.get("currency", "USD")),
        is_example=path is None,
    )


def estimate(prices: Prices, *, matches: int, minutes: float, machines: int) -> str:
    """Write a table: matches an hour, cost of one, and all of them on so many machines.

    Args:
        matches: how many there are.
        minutes: how long one is.
        machines: of each kind, none of which dies.
    """
    money = prices.currency
    lines = [
        f"{matches:,} matches of {minutes:g} minutes on {machines} machine(s); prices "
        f"of {prices.dated}" + (", EXAMPLES" if prices.is_example else ""),
        f"{'machine':<47} {'matches/h':>9} {'hours':>8} {f'{money}/match':>10}"
        f" {'spot':>8} {f'{money} in all':>11} {'spot':>9}",
    ]
    for one in prices.machines:
        pace = one.matches_an_hour(minutes) * machines
        usual, spot = (one.cost(minutes, is_spot=is_spot) for is_spot in (False, True))
        name = one.name if one.measured else f"{one.name} *"
        lines.append(
            f"{name:<47} {pace:9,.1f} {matches / pace:8,.1f} {usual:10.4f} {spot:8.4f}"
            f" {usual * matches:11,.2f} {spot * matches:9,.2f}"
        )
    if any(not one.measured for one in prices.machines):
        lines.append("* its speed is a guess: nobody has measured it")
    return "\n".join(lines)


def _machine(said: Any, where: str) -> Machine:
    if not isinstance(said, Mapping):
        raise BadPrices(f"{where} is no table: write [[machine]]")
    figures = ("price_an_hour", "spot_price_an_hour", "seconds_a_minute", "start_s")
    for name in figures:
        value: Any = said.get(name)
        if not (type(value) in (int, float) and isfinite(value) and value >= 0):
            raise BadPrices(f"{where}: {name} must be 0 or more, not {value!r}")
    if not said["seconds_a_minute"]:
        raise BadPrices(f"{where}: seconds_a_minute must be more than 0")
    return Machine(
        name=str(said.get("name", where)),
        device=str(said.get("device", "cpu")),
        measured=str(said.get("measured", "")),
        **{name: float(said[name]) for name in figures},
    )
