"""The charts of a report: the timeline in lanes, and columns over time."""

from collections.abc import Callable, Sequence
from itertools import pairwise

from app.reports.markup import Html, element
from app.reports.series import Series, shape
from app.reports.words import clock, half_name
from app.statistics.counts import Bin
from app.statistics.match import MatchStatistics

WIDTH = 1000
_NAMES, _LANE, _TOP, _TICKS = 170, 24, 24, 20
_ROW, _COLUMN_GAP, _HALF_GAP = 100, 0.24, 16


def timeline(match: MatchStatistics, series: Sequence[Series], *, end_s: float) -> Html:
    """Draw a lane for each type, with a line for each event.

    The first team's lines stand in the upper part of a lane, the second one's in the
    lower part, others all through it.
    """
    scale = (WIDTH - _NAMES - 50) / max(end_s, 1e-3)
    height = _TOP + _LANE * len(match.labels) + _TICKS

    def x_of(time_s: float) -> float:
        return round(_NAMES + time_s * scale, 1)

    grounds = [
        element(
            *("rect",),
            class_="ground",
            x=x_of(half.start_s),
            y=0,
            width=max(0.1, round((half.end_s - half.start_s) * scale, 1)),
            height=height - _TICKS,
        )
        for half in match.halves
    ]
    names = [
        element(
            *("text", half_name(half.number, len(match.halves))),
            x=x_of(half.start_s) + 5,
            y=15,
        )
        for half in match.halves
    ]
    lanes = [
        _lane(match, series, label, _TOP + index * _LANE, x_of)
        for index, label in enumerate(match.labels)
    ]
    ticks = [
        element("text", words, class_="tick", x=x_of(at_s), y=height - 5)
        for at_s, words in _ticks(match.bins, scale)
    ]
    words = f"Timeline of {match.count} events in {len(match.labels)} lanes."
    return _chart(height, words, grounds, names, lanes, ticks)


def bins_chart(match: MatchStatistics, series: Sequence[Series]) -> Html:
    """Draw a row of columns for each series, a column for each bin."""
    places = _places(match.bins)
    values = [[_sum(one, each) for each in match.bins] for one in series]
    most = max([1, *(value for row in values for value in row)])
    height = _TOP + len(series) * (_ROW + 14) + _TICKS
    grounds, names = _halves(match, places, height)
    rows = [
        _row(one, row, places, most, base=_TOP + index * (_ROW + 14) + _ROW - 6)
        for index, (one, row) in enumerate(zip(series, values, strict=True))
    ]
    ticks = [
        element("text", _minute(each), class_="tick", x=x, y=height - 5)
        for each, (x, width) in zip(match.bins, places, strict=True)
        if width >= 24
    ]
    words = "Columns of events in each five minutes, for each team."
    return _chart(height, words, grounds, names, rows, ticks)


def _lane(
    match: MatchStatistics,
    series: Sequence[Series],
    label: str,
    top: int,
    x_of: Callable[[float], float],
) -> Html:
    own = [one for one in match.moments if one.label == label]
    lines = []
    for each in series:
        start, length = _part(each)
        path = "".join(
            f"M{x_of(one.time_s)} {top + start}v{length}"
            for one in own
            if each.has(one.team)
        )
        if path:
            lines.append(
                element("path", d=path, class_="series event", style=each.style)
            )
    return element(
        "g",
        element("text", label, x=0, y=top + 16, class_="name"),
        element("line", class_="base", x1=0, x2=WIDTH, y1=top + 23.5, y2=top + 23.5),
        lines,
        element("text", len(own), x=WIDTH, y=top + 16, class_="count"),
    )


def _part(series: Series) -> tuple[int, int]:
    """Tell where in a lane lines of a series begin, and how long they are."""
    if series.is_all or series.index not in (0, 1):
        return 3, 18
    return (2, 9) if series.index == 0 else (12, 9)


def _row(
    series: Series,
    values: Sequence[int],
    places: Sequence[tuple[float, float]],
    most: int,
    *,
    base: float,
) -> Html:
    columns = []
    for value, (x, width) in zip(values, places, strict=True):
        if not value:
            continue
        high = max(2.0, round(value / most * (_ROW - 50), 1))
        inner = round(min(56.0, max(1.0, width * (1 - _COLUMN_GAP))), 1)
        left = round(x + (width - inner) / 2, 1)
        columns.append(shape(series, x=left, y=base - high, width=inner, height=high))
        if width >= 17:
            columns.append(
                [
                    element(
                        *("text", value),
                        class_="told",
                        x=round(left + inner / 2, 1),
                        y=base - high - 4,
                    )
                ]
            )
    return element(
        "g",
        None
        if series.is_all
        else element("text", series.name, class_="name", x=8, y=base - _ROW + 28),
        element("line", class_="base", x1=0, x2=WIDTH, y1=base, y2=base),
        columns,
        class_="series",
        style=series.style,
    )


def _halves(
    match: MatchStatistics, places: Sequence[tuple[float, float]], height: float
) -> tuple[list[Html], list[Html]]:
    grounds, names = [], []
    for half in match.halves:
        own = [
            place
            for each, place in zip(match.bins, places, strict=True)
            if each.half == half.number
        ]
        left, right = own[0][0], own[-1][0] + own[-1][1]
        size = {"x": left, "y": 0, "width": right - left, "height": height - _TICKS}
        grounds.append(element("rect", class_="ground", **size))
        words = half_name(half.number, len(match.halves))
        names.append(element("text", words, x=left + 8, y=15))
    return grounds, names


def _places(bins: Sequence[Bin]) -> list[tuple[float, float]]:
    """Give each bin its place and width: as wide as it lasts, halves apart."""
    gaps = sum(one.half != other.half for one, other in pairwise(bins))
    seconds = sum(one.to_s - one.from_s for one in bins) or 1.0
    scale = (WIDTH - gaps * _HALF_GAP) / seconds
    found: list[tuple[float, float]] = []
    x, before = 0.0, None
    for one in bins:
        if before is not None and one.half != before.half:
            x += _HALF_GAP
        width = (one.to_s - one.from_s) * scale
        found.append((round(x, 1), round(width, 1)))
        x, before = x + width, one
    return found


def _ticks(bins: Sequence[Bin], scale: float) -> list[tuple[float, str]]:
    """Choose bins whose start is told: as many as there is room for."""
    found: list[tuple[float, str]] = []
    last = float("-inf")
    for one in bins:
        if (one.from_s - last) * scale >= 44:
            found.append((one.from_s, _minute(one)))
            last = one.from_s
    return found


def _minute(one: Bin) -> str:
    if one.clock_from_s is None:
        return clock(one.from_s)
    return f"{int(one.clock_from_s // 60)}′"


def _sum(series: Series, one: Bin) -> int:
    return sum(each.count for each in one.counts if series.has(each.team))


def _chart(height: float, words: str, *parts: object) -> Html:
    drawn = element(
        "svg",
        *parts,
        viewBox=f"0 0 {WIDTH} {height}",
        role="img",
        aria_label=words,
        class_="chart",
    )
    return element("div", drawn, class_="wide")
