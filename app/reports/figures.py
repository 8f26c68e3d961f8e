"""The tables of a report; bars in their cells make them charts as well."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from app.reports.markup import Html, element
from app.reports.series import Series, key_of, shape
from app.reports.words import clock, figure, half_name, match_clock
from app.statistics.compare import Side
from app.statistics.counts import Tempo
from app.statistics.match import MatchStatistics
from app.statistics.sequences import PASSES, count_labels

_MOST_RUNS = 12


@dataclass(frozen=True, slots=True)
class Row:
    """A figure of each series.

    Attributes:
        places: after the point, where it is not whole.
    """

    name: str
    values: Sequence[float | None]
    places: int = 1


def headlines(match: MatchStatistics, series: Sequence[Series]) -> list[Row]:
    """Tell what a match comes to in a few lines."""
    sides = [Side(match, one.team) for one in series]
    nobody = [one.team is None and not one.is_all for one in series]
    counts = [
        sum(each.count for each in match.counts if one.has(each.team)) for one in series
    ]
    passes = [[] if no else side.passes for no, side in zip(nobody, sides, strict=True)]
    return [
        Row("Events", counts),
        Row(
            "Events a minute of play",
            [
                None if no else side.per_minute()
                for no, side in zip(nobody, sides, strict=True)
            ],
            places=2,
        ),
        Row("Shots in sequences", [len(found) for found in passes]),
        Row("Passes before a shot, mean", [_mean(found) for found in passes]),
        Row(
            "Longest sequence, events",
            [
                None if no else side.longest
                for no, side in zip(nobody, sides, strict=True)
            ],
        ),
    ]


def by_type(match: MatchStatistics, series: Sequence[Series]) -> list[Row]:
    """Count each type."""
    return [
        Row(
            label,
            [
                sum(
                    each.count
                    for each in match.counts
                    if each.label == label and one.has(each.team)
                )
                for one in series
            ],
        )
        for label in match.labels
    ]


def tempo_rows(match: MatchStatistics, series: Sequence[Series]) -> list[Row]:
    """Tell the events a minute of each half; for series of teams, or of all."""

    def rate(tempo: Tempo, one: Series) -> float | None:
        if one.is_all:
            return tempo.per_minute
        return tempo.rate(dict(tempo.teams).get(one.team or "", 0))

    return [
        Row(
            f"{_half(tempo.half, match)}, {tempo.minutes:.0f} min",
            [rate(tempo, one) for one in series],
            places=2,
        )
        for tempo in match.tempo
    ]


def bar_table(
    caption: str, rows: Sequence[Row], series: Sequence[Series], *, is_shared: bool
) -> Html:
    """Write figures with bars: two teams face to face, else side by side.

    Args:
        is_shared: bars of all rows have one scale; else each row its own.
    """
    known = [one for one in series if one.is_all or one.team is not None]
    facing = len(known) == 2
    has_bars = is_shared or len(known) > 1
    most = max((value or 0 for row in rows for value in row.values), default=0)
    body = []
    for row in rows:
        top = most if is_shared else max(value or 0 for value in row.values)
        name = element("th", row.name, scope="row")
        cells: list[object] = [] if facing else [name]
        for index, (one, value) in enumerate(zip(series, row.values, strict=True)):
            number = element("td", figure(value, row.places), class_="number")
            share = (value or 0) / top if top else 0.0
            if not has_bars or index >= len(known):
                cells.append(number)
            elif facing and index == 0:
                cells += [number, _bar(one, share, is_mirrored=True), name]
            elif facing:
                cells += [_bar(one, share), number]
            else:
                cells += [number, _bar(one, share)]
        body.append(element("tr", cells))
    class_ = "figures facing" if facing else "figures"
    return _table(caption, _head(series, known, facing, has_bars), body, class_)


def halves_table(match: MatchStatistics, series: Sequence[Series]) -> Html:
    """Count by type, half and team."""
    halves: list[int | None] = [half.number for half in match.halves]
    if any(one.half is None for one in match.counts):
        halves.append(None)

    def cells(label: str | None) -> list[Html]:
        return [
            element(
                "td",
                sum(
                    each.count
                    for each in match.counts
                    if each.half == half
                    and one.has(each.team)
                    and label in (None, each.label)
                ),
                class_="number",
            )
            for half in halves
            for one in series
        ]

    names = [
        element(
            *("th", half_name(half, len(match.halves))),
            scope="colgroup",
            colspan=len(series),
        )
        for half in halves
    ]
    teams = [
        element("th", key_of(one), " ", one.name, scope="col")
        for _ in halves
        for one in series
    ]
    head = [element("tr", element("td"), names)]
    if len(series) > 1:
        head.append(element("tr", element("td"), teams))
    rows = [
        element("tr", element("th", label, scope="row"), cells(label))
        for label in match.labels
    ]
    total = element(
        "tr", element("th", "All types", scope="row"), cells(None), class_="sum"
    )
    return _table("Events by type and half", head, [*rows, total], "figures grid")


def shots_table(match: MatchStatistics, series: Sequence[Series]) -> Html:
    """List each shot with the passes before it."""
    rows = [
        (
            one.shot.time_s,
            one.half,
            one.shot.team,
            [one.shot.label, element("b", one.passes)],
        )
        for one in match.before_shots
    ]
    names = ("Type", "Passes before")
    return _moments("Shots", names, rows, match, series)


def sequences_table(match: MatchStatistics, series: Sequence[Series]) -> Html:
    """List the longest sequences."""
    rows = [
        (
            chain.from_s,
            chain.half,
            chain.team,
            [
                f"{chain.to_s - chain.from_s:.1f}",
                count_labels(chain, PASSES),
                element("b", len(chain.moments)),
                _runs([one.label for one in chain.moments]),
            ],
        )
        for chain in match.longest
    ]
    names = ("Seconds", "Passes", "Events", "What happened")
    return _moments("The longest sequences", names, rows, match, series)


def _moments(
    caption: str,
    names: Sequence[str],
    rows: Sequence[tuple[float, int | None, str | None, Sequence[object]]],
    match: MatchStatistics,
    series: Sequence[Series],
) -> Html:
    """List what begins at some time, with half and team where they are known."""
    has_halves, has_teams = bool(match.halves), len(series) > 1
    looks = {one.team: one for one in series}
    known = [name for name, has in (("Half", has_halves), ("Team", has_teams)) if has]
    head = ["Match clock" if has_halves else "In the video", *known, *names]
    body = []
    for time_s, half, team, cells in rows:
        shown = match_clock(time_s, match.halves) or clock(time_s)
        look = looks.get(team)
        body.append(
            element(
                "tr",
                element("th", shown, scope="row", class_="number"),
                element("td", _half(half, match)) if has_halves else None,
                element("td", look and key_of(look), " ", team or "not known")
                if has_teams
                else None,
                [element("td", cell) for cell in cells],
            )
        )
    titles = element("tr", [element("th", name, scope="col") for name in head])
    return _table(caption, [titles], body, "figures list")


def _head(
    series: Sequence[Series], known: Sequence[Series], facing: bool, has_bars: bool
) -> list[Html]:
    empty = element("td")
    cells: list[Html] = [] if facing else [empty]
    for index, one in enumerate(series):
        if facing and index == 1:
            cells.append(empty)
        wide = has_bars and index < len(known)
        label = [key_of(one), " "] if len(series) > 1 else None
        cells.append(
            element(*("th", label, one.name), scope="col", colspan=2 if wide else None)
        )
    return [element("tr", cells)]


def _table(caption: str, head: Sequence[Html], body: Sequence[Html], look: str) -> Html:
    table = element(
        "table",
        element("caption", caption),
        element("thead", list(head)),
        element("tbody", list(body)),
        class_=look,
    )
    return element("div", table, class_="wide")


def _bar(series: Series, share: float, *, is_mirrored: bool = False) -> Html:
    width = max(0.6, round(share * 100, 1)) if share > 0 else 0.0
    x = f"{100 - width:g}%" if is_mirrored else "0"
    drawn = shape(series, x=x, y=1, width=f"{width:g}%", height=12) if width else None
    line = element(
        *("svg", drawn),
        class_="series bar",
        style=series.style,
        aria_hidden="true",
    )
    return element("td", line, class_="bar-cell")


def _half(half: int | None, match: MatchStatistics) -> str:
    """Name a half; None: all that the tempo or a sequence without halves is of."""
    return "Whole match" if half is None else half_name(half, len(match.halves))


def _runs(labels: Sequence[str]) -> str:
    """Say equal types in a row once, and not all of many."""
    runs = [(label, len(list(group))) for label, group in groupby(labels)]
    shown = runs[:_MOST_RUNS] if len(runs) > _MOST_RUNS + 1 else runs
    words = [f"{count} × {label}" if count > 1 else label for label, count in shown]
    left = sum(count for _, count in runs[len(shown) :])
    return " → ".join([*words, f"{left} more"] if left else words)


def _mean(values: Sequence[int]) -> float | None:
    return sum(values) / len(values) if values else None
