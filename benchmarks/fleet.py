"""An archive on spot machines: how long it takes, what is wasted, what it costs.

    python -m benchmarks.fleet [--matches 10000] [--machines 50] [--out FIGURE.svg]

Simulates a fleet of machines whose lifetimes are exponential and that are told two
minutes before their end, with service times that were measured (docs/performance.md).
Prints a table for each mean lifetime: runs that begin anew, runs that go on from what
they saved, and matches cut in segments. Seeded: the same command prints the same.
"""

import argparse
import math
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.fleet_model import Fleet, Mode, Outcome, Service, simulate
from benchmarks.teaching.figures import Chart, Point
from touchline.batching.costs import read_prices

SERVICES: Mapping[str, Service] = {
    one.name: one
    for one in (
        # 1080p: 60 minutes in 749 s; 252 frames/s decoded alone, 25 a second.
        Service("1080p", start_s=2.5, a_minute_s=12.5, decode_a_minute_s=6.0),
        # 448x252: 60 minutes in 141 s; decoding alone 1.4 s a minute of 640x360.
        Service("small", start_s=2.5, a_minute_s=2.4, decode_a_minute_s=1.4),
    )
}
MODES: Mapping[Mode, str] = {
    "anew": "begin anew",
    "resume": "go on from saved scores",
    "segments": "segments of 10 min",
}
LIVES_H = (0.5, 1.0, 2.0, 4.0, 8.0, math.inf)
PRICE = "2 cores, 1080p"


def main() -> None:
    """Simulate, print the tables and draw the figure."""
    asked = _arguments()
    minutes = draw_minutes(asked.matches, seed=asked.seed)
    lives = [one for one in LIVES_H if one <= asked.longest_life or one == math.inf]
    prices = {one.name: one for one in read_prices().machines}
    price = prices[PRICE].spot_price_an_hour
    wasted: dict[str, list[Point]] = {words: [] for words in MODES.values()}
    service = SERVICES[asked.service]
    print(
        f"{asked.matches:,} matches, {sum(minutes) / len(minutes):.1f} minutes each; "
        f"{service.name}: {service.a_minute_s:g} s a minute; {asked.machines} machines"
    )
    print(_HEAD)
    for life_h in lives:
        fleet = Fleet(asked.machines, mean_life_s=3600 * life_h)
        for mode, words in MODES.items():
            done = simulate(minutes, service, fleet, mode, seed=asked.seed)
            _check(done)
            print(_line(life_h, words, done, price=price, matches=asked.matches))
            if life_h < math.inf:
                wasted[words].append(Point.of(life_h, [done.wasted]))
    if asked.out is not None:
        chart = Chart(
            f"{asked.matches:,} matches on {asked.machines} spot machines",
            "mean life of a machine, hours",
            "share of the work that is wasted",
            ticks=[one for one in lives if one < math.inf],
        )
        chart.write(asked.out, wasted)


def draw_minutes(count: int, *, seed: int) -> list[float]:
    """Draw lengths of matches: 95 minutes, give or take four, and none under 80."""
    chance = random.Random(seed)  # no secret
    return [max(80.0, chance.gauss(95.0, 4.0)) for _ in range(count)]


_HEAD = (
    "| mean life, h | runs | hours | machine-hours | wasted | runs cut off | deaths "
    "| USD a match, spot |\n|---|---|---|---|---|---|---|---|"
)


def _line(
    life_h: float, words: str, done: Outcome, *, price: float, matches: int
) -> str:
    life = "none dies" if life_h == math.inf else f"{life_h:g}"
    hours, up_h = done.makespan_s / 3600, done.up_s / 3600
    return (
        f"| {life} | {words} | {hours:.1f} | {up_h:,.0f} | {done.wasted:.1%} "
        f"| {done.interrupted:,} | {done.deaths:,} | {up_h * price / matches:.4f} |"
    )


def _check(done: Outcome) -> None:
    if set(done.finished) - {1}:
        raise AssertionError("a match was lost, or done twice")


def _arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--matches", type=int, default=10_000)
    parser.add_argument("--machines", type=int, default=50)
    parser.add_argument("--service", choices=sorted(SERVICES), default="1080p")
    parser.add_argument("--longest-life", type=float, default=8.0, help="in hours")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="write the figure, as SVG")
    return parser.parse_args(words)


if __name__ == "__main__":
    main()
