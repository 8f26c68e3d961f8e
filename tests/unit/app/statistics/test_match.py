"""Statistics of whole matches: as a table, and two side by side."""

import csv
import io

import pytest

from app.statistics.compare import Side, compare_matches, same_team
from app.statistics.match import MatchStatistics, StatisticsOptions, measure_match
from app.statistics.schemas import Statistics
from app.statistics.table import COLUMNS, to_table
from tests.unit.app.statistics.timelines import moments

ROWS: list[tuple[float, str, str | None]] = [
    *((10, "PASS", "left"), (12, "PASS", "Reds"), (13, "SHOT", "left")),
    *((20, "PASS", "right"), (130, "PASS", None)),
]
TEAMS = [
    {"name": "Reds", "side": "left", "colour": None},
    {"name": "Blues", "side": "right", "colour": None},
]
HALVES = [
    {"start_s": 0, "end_s": 60, "clock_start_s": None},
    {"start_s": 120, "end_s": None, "clock_start_s": None},
]

# The lines of the table that tell a member of the API's statistics.
FIGURES = {
    "counts": {"events"},
    "bins": {"events_in_bin"},
    "tempo": {"minutes", "events_per_minute"},
    "passes_before_shots": {"passes_before_shot"},
    "mean_passes_before_shot": {"mean_passes_before_shot"},
    "longest_sequences": {"sequence", "passes_in_sequence"},
    "longest_of_teams": {"longest_of_team", "passes_in_longest_of_team"},
}
# What a match is described by, the sum of `events`, and what the comparison has.
NO_FIGURES = {
    *("video_id", "teams", "types", "halves", "count", "compared_with", "comparison"),
    "provenance",
}


def measured(*rows: tuple[float, str, str | None]) -> MatchStatistics:
    return measure_match(
        moments(*rows),
        halves=HALVES,
        teams=TEAMS,
        duration_s=180.0,
        options=StatisticsOptions(bin_s=30),
    )


def test_the_sum_of_every_part_is_the_whole() -> None:
    match = measured(*ROWS)

    assert match.count == len(ROWS)
    assert sum(one.count for one in match.bins) == len(ROWS)
    assert match.tempo[0].count == sum(one.count for one in match.tempo[1:])
    assert match.tempo[0].minutes == 2
    assert match.teams == ("Reds", "Blues")
    assert match.labels == ("PASS", "SHOT")
    assert match.by_label()["PASS", "Reds"] == 2
    assert match.mean_passes == 2
    assert [len(one.moments) for one in match.longest] == [3]
    assert match.longest_of == match.longest


def test_a_video_of_unknown_length_ends_with_its_last_event() -> None:
    match = measure_match(
        moments((10, "PASS", None), (90, "PASS", None)),
        halves=None,
        teams=None,
        duration_s=None,
        options=StatisticsOptions(bin_s=60),
    )

    assert [(one.to_s, one.count) for one in match.bins] == [(60, 1), (90, 1)]
    assert (match.halves, match.teams) == ((), ())
    assert match.mean_passes is None


def test_a_timeline_without_events_is_no_error() -> None:
    match = measured()

    assert (match.count, match.longest, match.before_shots) == (0, (), ())
    assert [one.count for one in match.bins] == [0, 0, 0, 0]
    assert compare_matches(Side(match), Side(match))[0].difference == 0


def test_the_table_has_every_figure() -> None:
    match = measured(*ROWS)

    rows = list(csv.DictReader(io.StringIO(to_table(match))))

    assert tuple(rows[0]) == COLUMNS
    names = {row["statistic"] for row in rows}
    assert names == set().union(*FIGURES.values())
    told = [row for row in rows if row["statistic"] == "longest_of_team"]
    assert [(row["team"], row["value"]) for row in told] == [("Reds", "3")]
    events = [int(row["value"]) for row in rows if row["statistic"] == "events"]
    assert sum(events) == match.count
    empty = [row for row in rows if row["value"] == "0"]
    assert [(row["from_s"], row["to_s"]) for row in empty] == [
        ("30.000", "60.000"),
        ("150.000", "180.000"),
    ]
    (shot,) = (row for row in rows if row["statistic"] == "passes_before_shot")
    assert (shot["team"], shot["half"], shot["value"]) == ("Reds", "1", "2")


def test_a_new_figure_needs_a_line_in_the_table() -> None:
    assert set(Statistics.model_fields) == FIGURES.keys() | NO_FIGURES


def test_a_spreadsheet_computes_no_name() -> None:
    match = measured((10, "=1+1", "@SUM(A1)"), (11, "PASS", "-"))

    rows = list(csv.DictReader(io.StringIO(to_table(match))))

    assert {row["type"] for row in rows} == {"", "'=1+1", "PASS"}
    assert {row["team"] for row in rows} >= {"'@SUM(A1)", "'-"}


def test_two_matches_are_compared_by_type_and_by_minute() -> None:
    match = measured(*ROWS)
    this, other = Side(match), Side(measured((10, "PASS", "left"), (11, "OUT", None)))

    found = {(one.name, one.label): one for one in compare_matches(this, other)}

    assert found["events", None].difference == 3
    assert found["events", "PASS"].difference == 3
    assert (found["events", "OUT"].this, found["events", "OUT"].other) == (0, 1)
    assert found["events_per_minute", "PASS"].this == pytest.approx(2)
    assert found["mean_passes_before_shot", None].difference is None
    assert (found["shots", None].this, found["shots", None].other) == (1, 0)
    table = to_table(match, compare_matches(this, other))
    assert "events:other,,,,,OUT,1" in table


def test_a_team_is_compared_by_its_name_whatever_its_side_was() -> None:
    home = measured(*ROWS)
    away = measure_match(
        moments((1, "PASS", "right"), (2, "SHOT", "right"), (3, "PASS", "left")),
        halves=None,
        teams=[
            {"name": "Greens", "side": "left", "colour": None},
            {"name": "reds ", "side": "right", "colour": None},
        ],
        duration_s=60.0,
        options=StatisticsOptions(),
    )

    team = same_team("Reds", away)
    figures = compare_matches(Side(home, "Reds"), Side(away, team))
    found = {(one.name, one.label): (one.this, one.other) for one in figures}

    assert team == "reds "
    assert same_team("Blues", away) is None
    names = ("events_per_minute", "mean_passes_before_shot", "longest_sequence")
    assert [found[name, None] for name in names] == [(1.5, 2), (2, 1), (3, 2)]
    assert [found["events", label] for label in (None, "PASS")] == [(3, 2), (2, 1)]


def test_sides_change_with_each_half_where_teams_change_ends() -> None:
    rows = moments(
        *((10, "PASS", "left"), (130, "PASS", "left"), (140, "PASS", "Reds")),
        *((90, "PASS", "left"), (150, "PASS", "goal"), (160, "PASS", None)),
    )

    match = measure_match(
        sorted(rows, key=lambda one: one.time_s),
        halves=HALVES,
        teams=TEAMS,
        duration_s=180.0,
        options=StatisticsOptions(changes_ends=True),
    )

    found = {(one.team, one.half) for one in match.counts}
    assert [one.count for one in match.counts] == [1] * len(rows)
    assert found == {
        *(("Reds", 1), ("Blues", 2), ("Reds", 2)),
        *(("Reds", None), ("goal", 2), (None, 2)),
    }
