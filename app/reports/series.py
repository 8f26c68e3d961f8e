"""Whose figures stand side by side, and how they look: a colour and a pattern each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.reports.colours import NOBODY, Shades, shades_of
from app.reports.markup import Html, element
from app.statistics.match import MatchStatistics

_STEP, _WIDE, _HIGH = 7, 1300, 96


@dataclass(frozen=True, slots=True)
class Series:
    """Figures of a team, of nobody, or of all.

    Attributes:
        team: None: of events without a team, or of everybody; see `is_all`.
        index: by which it has its pattern.
    """

    team: str | None
    name: str
    index: int
    shades: Shades
    is_all: bool = False

    def has(self, team: str | None) -> bool:
        """Whether an event of that team belongs to it."""
        return self.is_all or team == self.team

    @property
    def kind(self) -> int:
        """Its pattern: 0 plain, 1 rising lines, 2 falling ones, 3 level ones."""
        return 3 if self.index == NOBODY else self.index % 4

    @property
    def style(self) -> str:
        """What gives an element of the class `series` its colour."""
        return f"--light:{self.shades.light};--dark:{self.shades.dark}"


def series_of(
    match: MatchStatistics, facts: Sequence[Mapping[str, Any]]
) -> list[Series]:
    """Tell whose figures to show: of teams, and of nobody; of all if no team is known.

    Args:
        facts: teams of the match facts, for their colours.
    """
    if all(one.team is None for one in match.counts):
        return [Series(None, "All events", 0, shades_of(None, 0), is_all=True)]
    colours = {team["name"]: team.get("colour") for team in facts}
    found = [
        Series(team, team, index, shades_of(colours.get(team), index))
        for index, team in enumerate(match.teams)
    ]
    if any(one.team is None for one in match.counts):
        shades = shades_of(None, NOBODY)
        found.append(Series(None, "Team not known", NOBODY, shades))
    return found


def hatches() -> Html:
    """Write the lines that shapes are filled with; once in a document."""
    paths = [
        element("path", id=f"hatch-{kind}", d=_hatch(kind)) for kind in range(1, 4)
    ]
    return element(
        "svg", paths, width=0, height=0, class_="hatches", aria_hidden="true"
    )


def shape(
    series: Series,
    *,
    x: float | str = 0,
    y: float = 0,
    width: float | str,
    height: float,
) -> list[Html]:
    """Write a rectangle in the colour and the pattern of a series."""
    place = {"x": x, "y": y, "width": width, "height": height}
    ground = "tint" if series.kind else "solid"
    lines = element("use", href=f"#hatch-{series.kind}", class_="lines")
    return [
        element(
            "svg",
            element("rect", class_=ground, width="100%", height="100%"),
            lines if series.kind else None,
            **place,
        ),
        element("rect", class_="shape", **place),
    ]


def key_of(series: Series) -> Html:
    """Write how a series looks, before its name."""
    return element(
        *("svg", shape(series, x=1, y=1, width=12, height=12)),
        class_="series key",
        style=series.style,
        width=14,
        height=14,
        aria_hidden="true",
    )


def _hatch(kind: int) -> str:
    if kind == 3:
        return "".join(f"M0 {row}h{_WIDE}" for row in range(2, _HIGH, 4))
    starts = range(0, _WIDE + _HIGH, _STEP)
    if kind == 1:
        return "".join(f"M{x} 0l{-_HIGH} {_HIGH}" for x in starts)
    return "".join(f"M{x - _HIGH} 0l{_HIGH} {_HIGH}" for x in starts)
