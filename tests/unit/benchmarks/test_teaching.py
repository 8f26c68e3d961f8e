"""The evidence of teaching: what is drawn, reviewed, chosen and counted."""

import xml.etree.ElementTree as ET
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest

from benchmarks.review_annotator import FIX_S
from benchmarks.teaching.choice import most_doubtful, rarest
from benchmarks.teaching.drawing import FPS, draw_matches
from benchmarks.teaching.experiments import CHANCE, Lab, work_to
from benchmarks.teaching.figures import Chart, Point
from benchmarks.teaching.footage import Footage
from benchmarks.teaching.rallies import SERVE, SPIKE, make_play
from benchmarks.teaching.report import write_report
from benchmarks.teaching.results import Results
from benchmarks.teaching.stretches import (
    STRETCH_S,
    Stretch,
    by_team,
    first_minutes,
    shuffled,
    stretches_of,
    write_dataset,
)
from benchmarks.teaching.work import with_suggestions, without_suggestions
from model.checkpoint.spotting_options import LabelOptions, SpottingOptions
from model.data.labels import Event, Match, MatchLabels
from model.data.matches import find_matches
from model.data.splits import PARTS, read_split
from model.evaluation.timed import TimedMatch
from model.spotting.timeline import Timeline
from tests.videos import draw_video

OPTIONS = SpottingOptions({"A": LabelOptions(0.5, 0.5), "B": LabelOptions(0.5, 0.5)})


def a_match(name: str, *events: Event, video: Path = Path("none.mp4")) -> Match:
    return Match(name, video, MatchLabels(name, tuple(events), Path(name)))


def scored(match: Match, peaks: dict[tuple[str, float], float]) -> TimedMatch:
    """Two minutes in which a network believes just this, ten steps a second."""
    scores = np.zeros((1200, 3), np.float32)
    for (label, time_s), score in peaks.items():
        scores[round(time_s * 10), " AB".index(label)] = score
    scores[:, 0] = 1 - scores[:, 1:].sum(axis=1)
    steps = np.arange(1200)
    timeline = Timeline(("A", "B"), scores, steps / 10, steps * 3, steps * 3)
    return TimedMatch(match.name, timeline, match.labels.events)


def test_a_rally_begins_with_a_serve_and_the_ball_is_never_lost() -> None:
    play = make_play(120, seed=3)

    assert play.events == make_play(120, seed=3).events
    assert play.events != make_play(120, seed=4).events
    assert play.events[0][0] == SERVE
    assert {label for label, _ in play.events} == {SERVE, SPIKE}
    for before, after in pairwise(play.flights):
        assert after.start_s == pytest.approx(before.end_s)
    touches = {round(flight.start_s, 6) for flight in play.flights}
    assert all(round(time_s, 6) in touches for _, time_s in play.events)


def test_a_ball_is_struck_where_it_is() -> None:
    play = make_play(120, seed=5)

    for label, time_s in play.events:
        x, _, height = play.ball_at(time_s + 1e-6).at(time_s)
        assert abs(x) > 9 if label == SERVE else abs(x) < 1.4
        assert height > 2


def test_drawn_matches_are_read_like_any_other(tmp_path: Path) -> None:
    draw_matches(tmp_path, 1, minutes=0.2, first_seed=1)
    stamp = (tmp_path / "court_00/video.mp4").stat().st_mtime_ns
    draw_matches(tmp_path, 1, minutes=0.2, first_seed=1)

    (match,) = find_matches(tmp_path)

    assert (tmp_path / "court_00/video.mp4").stat().st_mtime_ns == stamp
    true = make_play(12, seed=1).events
    assert [one.label for one in match.labels.events] == [label for label, _ in true]
    for event, (_, time_s) in zip(match.labels.events, true, strict=True):
        assert event.time_s == pytest.approx(time_s, abs=0.5 / FPS + 0.001)


def test_a_match_by_team_has_a_type_for_each_side() -> None:
    match = a_match("m", Event("PASS", 1.0, "left"), Event("PASS", 2.0))

    assert by_team(match).labels.events == (Event("PASS left", 1.0),)


def test_more_minutes_are_the_same_ones_and_more() -> None:
    stretches = stretches_of(a_match("m"), 301.0)

    order = shuffled(stretches, seed=1)

    assert len(stretches) == 10
    assert stretches[-1].span == (270.0, 300.0)
    assert order != stretches
    assert sorted(order, key=lambda one: one.span) == stretches
    assert first_minutes(order, 2) == order[:4]


def test_a_data_set_knows_the_reviewed_stretches_alone(tmp_path: Path) -> None:
    video = tmp_path / "video.mp4"
    draw_video(video, frames=90)
    events = [Event("A", 10.0), Event("B", 40.0), Event("A", 70.0)]
    matches = [a_match(f"m{n}", *events, video=video) for n in range(4)]
    for number, match in enumerate(matches):  # else they are one match, four times
        copy = tmp_path / f"{number}.mp4"
        copy.write_bytes(video.read_bytes() + bytes(number))
        matches[number] = replace(match, video=copy)
    reviewed = [Stretch(f"m{n}", (30.0, 60.0)) for n in range(4)]
    reviewed.append(Stretch("m0", (60.0, 90.0)))

    folder = write_dataset(tmp_path / "set", matches, reviewed, seed=0)

    found = {match.name: match.labels for match in find_matches(folder)}
    assert found["m0"].reviewed == ((30.0, 90.0),)
    assert [one.label for one in found["m0"].events] == ["B", "A"]
    assert found["m1"].events == (Event("B", 40.0),)
    split = read_split(folder / "split.json")
    assert sorted(name for part in PARTS for name in split.parts[part]) == list(found)


def test_the_stretch_with_most_expected_errors_comes_first() -> None:
    match = a_match("m")
    timed = [scored(match, {("A", 10.0): 0.99, ("A", 40.0): 0.55, ("B", 70.0): 0.97})]
    pool = stretches_of(match, 120.0)

    (first,) = most_doubtful(timed, OPTIONS, pool, 1)

    assert first.span == (30.0, 60.0)


def test_the_stretch_with_the_rarer_type_comes_first() -> None:
    match = a_match("m")
    timed = [scored(match, {("A", 10.0): 0.9, ("A", 15.0): 0.9, ("B", 70.0): 0.9})]
    pool = stretches_of(match, 120.0)

    (first,) = rarest(timed, OPTIONS, pool, 1, known={"A": 30, "B": 2})

    assert first.span == (60.0, 90.0)


def test_no_match_takes_all_places() -> None:
    matches = [a_match("m"), a_match("n")]
    doubt = {("A", 10.0 + 30 * n): 0.5 for n in range(4)}
    timed = [scored(matches[0], doubt), scored(matches[1], {})]
    pool = [one for match in matches for one in stretches_of(match, 120.0)]

    chosen = most_doubtful(timed, OPTIONS, pool, 4)

    assert [one.match for one in chosen].count("m") == 3


def test_right_suggestions_cost_no_more_than_playing() -> None:
    match = a_match("m", Event("A", 40.0), Event("B", 50.0))
    stretch = Stretch("m", (30.0, 60.0))
    right = scored(match, {("A", 40.0): 0.9, ("B", 50.0): 0.9, ("A", 70.0): 0.9})
    wrong = scored(match, {("A", 40.0): 0.9, ("B", 50.0): 0.9, ("A", 35.0): 0.9})

    assert with_suggestions(match, right, OPTIONS, stretch) == pytest.approx(STRETCH_S)
    assert with_suggestions(match, wrong, OPTIONS, stretch) == pytest.approx(
        STRETCH_S + FIX_S
    )
    assert without_suggestions(match, stretch) > STRETCH_S


def test_work_to_a_target_lies_on_the_line_between_two_points() -> None:
    rows = [{"f1": 0.4, "work": 10.0}, {"f1": 0.6, "work": 20.0}]

    assert work_to(rows, 0.5, "work") == pytest.approx(15.0)
    assert work_to(rows, 0.3, "work") == pytest.approx(10.0)
    assert work_to(rows, 0.7, "work") is None
    assert work_to([], 0.5, "work") is None


def test_a_line_that_was_torn_is_left_out(tmp_path: Path) -> None:
    results = Results(tmp_path / "deep/results.jsonl")
    key = {"experiment": "e", "start": "s", "choice": "c", "seed": 0, "minutes": 2}
    assert results.find(key) is None

    results.add(key | {"ap": 1})
    with results.path.open("a") as file:
        file.write('{"experiment": "e", "sta')

    assert results.find(key) == key | {"ap": 1}
    assert results.find(key | {"minutes": 5}) is None


def test_a_chart_has_a_line_and_a_band_for_each_name() -> None:
    chart = Chart("a < b", "minutes", "AP", (2, 40))
    lines = {"one": [Point.of(40, [0.5, 0.7]), Point.of(2, [0.1, 0.3])]}

    root = ET.fromstring(chart.draw(lines))

    (line,) = root.findall("{*}polyline")
    (first, last) = (pair.split(",") for pair in line.attrib["points"].split())
    assert float(first[0]) < float(last[0])
    assert float(first[1]) > float(last[1])  # downwards is less
    assert len(root.findall("{*}polygon")) == 1
    assert any(each.text == "a < b" for each in root.iter())


def test_rows_become_charts_and_a_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = Results(tmp_path / "results.jsonl")
    key = {"start": "trunk", "choice": CHANCE, "recipe": "head", "seed": 0}
    for minutes, ap in ((2, 0.25), (5, 0.75)):
        measured = {"mean_ap": ap, "mean_f1": 0.5, "ap": {"A": ap}}
        results.add({"experiment": "sport", "minutes": minutes} | key | measured)
    footage = Footage("sport", (), (), tmp_path, tmp_path)
    lab = Lab(footage, tmp_path, results, teach_nothing, print)

    write_report(lab, tmp_path / "docs")

    made = [one.name for one in (tmp_path / "docs").iterdir()]
    assert made == ["teaching-sport.svg"]
    table = capsys.readouterr().out
    assert (
        "| sport | head | trunk | chance | 5 | 1 | 0.750 | 0.500 | A 0.750 |" in table
    )


def teach_nothing(_dataset: Path, _folder: Path, _point: object) -> NoReturn:
    raise AssertionError
