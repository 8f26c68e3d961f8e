"""A ball sport that is no football: rallies over a net, made up by chance.

Two events are labelled, SERVE (struck from behind the court) and SPIKE (struck down at
the net). Passes, sets, balls that are played over the net softly and a server who
bounces the ball look alike and are none.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

SERVE, SPIKE = "SERVE", "SPIKE"
HALF_M, NET_M = 9.0, 2.4
PLAYERS = 4  # of a side
GRAVITY = 9.8

Point = tuple[float, float, float]  # along the court, towards the camera, height; in m


@dataclass(frozen=True, slots=True)
class Flight:
    """The ball from one touch to the next, as a parabola.

    Attributes:
        start_s: when it is touched, `end_s` when it is touched again.
        start: where, `end` where next.
        lift_m: how far above the straight line it is half-way.
        player: who touched it, as side * PLAYERS + number; -1: nobody.
    """

    start_s: float
    end_s: float
    start: Point
    end: Point
    lift_m: float
    player: int

    def at(self, time_s: float) -> Point:
        """Say where the ball is."""
        share = (time_s - self.start_s) / max(self.end_s - self.start_s, 1e-6)
        share = min(max(share, 0.0), 1.0)
        x, y, z = (
            a + share * (b - a) for a, b in zip(self.start, self.end, strict=True)
        )
        return x, y, z + 4 * self.lift_m * share * (1 - share)


@dataclass(slots=True)
class Play:
    """What happens in a match.

    Attributes:
        flights: of the ball, one after the other.
        events: label and time, as they are.
        places: where a player is to be, from when on: time, player, x, y.
    """

    flights: list[Flight] = field(default_factory=list)
    events: list[tuple[str, float]] = field(default_factory=list)
    places: list[tuple[float, int, float, float]] = field(default_factory=list)

    def ball_at(self, time_s: float) -> Flight:
        """Give the flight that the ball is in."""
        starts = [one.start_s for one in self.flights]
        index = int(np.searchsorted(starts, time_s, side="right")) - 1
        return self.flights[max(index, 0)]


@dataclass(slots=True)
class _Court:
    """Where the game stands while it is made up."""

    rng: np.random.Generator
    play: Play
    time_s: float = 0.0
    ball: Point = (0.0, 0.0, 0.2)

    def fly(self, to: Point, seconds: float, *, lift_m: float, player: int) -> None:
        """Touch the ball, and let it fly; the player stands where it is."""
        x, y, _ = self.ball
        self.play.places.append((self.time_s - 0.7, player, x, y))
        flight = Flight(
            self.time_s, self.time_s + seconds, self.ball, to, lift_m, player
        )
        self.play.flights.append(flight)
        self.time_s += seconds
        self.ball = to

    def spread(self, low: float, high: float) -> float:
        """Draw a number."""
        return float(self.rng.uniform(low, high))

    def player(self, side: int) -> int:
        """Draw a player of a side."""
        return side * PLAYERS + int(self.rng.integers(PLAYERS))

    def note(self, label: str) -> None:
        """Note that an event happens now."""
        self.play.events.append((label, self.time_s))


def make_play(duration_s: float, *, seed: int) -> Play:
    """Make up a match; the same for the same seed."""
    court = _Court(np.random.default_rng([17, seed]), Play())
    for player in range(2 * PLAYERS):
        court.play.places.append((-1.0, player, *_home(player)))
    side = int(court.rng.integers(2))
    while court.time_s < duration_s:
        side = _rally(court, side)
    court.play.events = [one for one in court.play.events if one[1] < duration_s]
    return court.play


def _home(player: int) -> tuple[float, float]:
    side, number = divmod(player, PLAYERS)
    x = (2.0, 3.5, 6.0, 7.5)[number]
    return (x if side else -x), (-1.5, 1.5, -2.0, 2.0)[number]


def _rally(court: _Court, serving: int) -> int:
    """Play one point; give the side that serves next."""
    server = _wait(court, serving)
    court.ball = (_x(serving, court.spread(9.1, 9.6)), court.spread(-2, 2), 2.2)
    court.note(SERVE)
    receiving = 1 - serving
    court.fly(
        (_x(receiving, court.spread(4.0, 7.5)), court.spread(-2.5, 2.5), 0.8),
        court.spread(1.0, 1.5),
        lift_m=court.spread(1.4, 2.4),
        player=server,
    )
    side = receiving
    while court.rng.random() < 0.8:
        if not _attack(court, side):
            break
        side = 1 - side
    _lie(court)
    return 1 - side


def _wait(court: _Court, serving: int) -> int:
    """Walk home; the server, who is given, bounces the ball some times."""
    now = court.time_s
    for player in range(2 * PLAYERS):
        court.play.places.append((now, player, *_home(player)))
    x, y = _x(serving, 9.3), court.spread(-1, 1)
    server = court.player(serving)
    court.ball = (x, y, 1.0)
    court.fly((x, y, 1.0), court.spread(0.6, 1.2), lift_m=0.0, player=server)
    for _ in range(int(court.rng.integers(0, 4))):
        court.fly((x, y, 0.1), 0.25, lift_m=0.0, player=server)
        court.fly((x, y, 1.0), 0.3, lift_m=0.0, player=-1)
    court.fly((x, y, 2.2), court.spread(0.5, 0.8), lift_m=0.7, player=server)
    return server


def _attack(court: _Court, side: int) -> bool:
    """Pass, set and strike; whether the ball is in the other half, still in play."""
    receiver, setter, striker = (court.player(side) for _ in range(3))
    net = (_x(side, court.spread(1.2, 2.5)), court.spread(-1.5, 1.5), 2.0)
    court.fly(
        net,
        court.spread(0.9, 1.3),
        lift_m=court.spread(1.2, 2.2),
        player=receiver,
    )
    at_net = (_x(side, court.spread(0.5, 1.3)), court.spread(-2.5, 2.5), 2.9)
    court.fly(
        at_net,
        court.spread(0.7, 1.1),
        lift_m=court.spread(0.9, 1.6),
        player=setter,
    )
    deep = (_x(1 - side, court.spread(3.0, 8.0)), court.spread(-2.5, 2.5))
    if court.rng.random() < 0.3:  # played over the net softly: no SPIKE
        court.fly(
            (*deep, 0.8),
            court.spread(0.8, 1.2),
            lift_m=court.spread(0.6, 1.2),
            player=striker,
        )
        return True
    court.note(SPIKE)
    is_dug = bool(court.rng.random() < 0.55)
    height = 0.7 if is_dug else 0.1
    court.fly((*deep, height), court.spread(0.3, 0.45), lift_m=0.0, player=striker)
    return is_dug


def _lie(court: _Court) -> None:
    """Let the ball bounce and roll until it is fetched."""
    x, y, _ = court.ball
    there = (x + court.spread(-1.5, 1.5), y, 0.1)
    court.fly(there, 0.5, lift_m=0.6, player=-1)
    court.fly(there, court.spread(0.4, 1.2), lift_m=0.0, player=-1)


def _x(side: int, metres: float) -> float:
    return metres if side else -metres


def walks(
    places: Sequence[tuple[float, int, float, float]],
) -> dict[int, tuple[list[float], list[tuple[float, float]]]]:
    """Give each player's places by time: when, and where from then on."""
    found: dict[int, tuple[list[float], list[tuple[float, float]]]] = {}
    for time_s, player, x, y in sorted(places):
        if player < 0:
            continue
        times, spots = found.setdefault(player, ([], []))
        times.append(time_s)
        spots.append((x, y))
    return found
