"""Errors by kind, intervals, and reports of them."""

import json
import math
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from model.checkpoint.manifest import Manifest
from model.checkpoint.spotting_options import LabelOptions, SpottingOptions
from model.data.labels import Event
from model.evaluation.breakdown import break_down, reliability
from model.evaluation.calibrate import Goal, calibrate
from model.evaluation.evaluate import Report, measure
from model.evaluation.intervals import interval
from model.evaluation.matching import Scored
from model.evaluation.metrics import LabelledMatch, average_precision, exact_ap
from model.evaluation.report import to_html, to_json, to_table
from model.evaluation.timed import spotted
from model.network.config import ModelConfig
from model.video.frame_spec import FrameSpec
from tests.unit.model.evaluation.cases import LABELS, noisy

pytestmark = pytest.mark.slow

MATCHES = [noisy(1, name="a"), noisy(2, name="b")]


def report_of(name: str) -> Report:
    """A report on drawn timelines."""
    options = calibrate(MATCHES, Goal(tolerance_s=0.5))
    manifest = Manifest(
        name=name,
        config=ModelConfig("rny002_gsm", "gru", 64, 2),
        labels=LABELS,
        frame_spec=FrameSpec(64, 48),
        spotting=options,
    )
    return measure(
        MATCHES,
        manifest,
        engine="openvino/float32",
        tolerance_s=0.5,
        seconds=2.0,
        parameters=4_000_000,
    )


def test_every_kind_of_error_is_told_apart() -> None:
    spots = {
        "PASS": [
            Scored(10.0, 0.9),  # a hit, 0.2 s late
            Scored(10.3, 0.8),  # the same event again
            Scored(21.4, 0.7),  # an event, but late
            Scored(30.0, 0.6),  # a DRIVE
            Scored(50.0, 0.5),  # nothing at all
        ],
        "DRIVE": [Scored(40.0, 0.9)],
    }
    events = {"PASS": [9.8, 20.0, 40.0, 59.0], "DRIVE": [30.0]}

    found = break_down([LabelledMatch("m", spots, events)], "PASS", tolerance_s=1.0)

    assert found.offsets_s == pytest.approx([0.2])
    assert (found.duplicate, found.off_time) == (1, 1)
    assert (found.wrong_class, found.background) == (1, 1)
    assert (found.mistimed, found.misclassified, found.missed) == (1, 1, 1)


def test_every_spot_and_event_is_counted_once() -> None:
    options = calibrate(MATCHES, Goal(tolerance_s=0.5))
    matches = spotted(MATCHES, options)

    for label in LABELS:
        found = break_down(matches, label, tolerance_s=0.5)
        spots = sum(len(m.spots.get(label, ())) for m in matches)
        events = sum(len(m.events.get(label, ())) for m in matches)
        false = found.duplicate + found.off_time + found.wrong_class
        assert found.hits + false + found.background == spots
        unmet = found.missed + found.misclassified + found.mistimed
        assert found.hits + unmet == events


def test_reliability_holds_scores_against_hits() -> None:
    spots = {"PASS": [Scored(float(k), 0.75) for k in range(4)]}
    match = LabelledMatch("m", spots, {"PASS": [0.0, 1.0, 2.0]})

    bins = reliability([match], ["PASS"], tolerance_s=0.1)

    assert bins == ((0.75, 0.75, 4),)


def test_an_interval_holds_the_figure_and_narrows_with_more_matches() -> None:
    few = spotted(MATCHES, calibrate(MATCHES, Goal(tolerance_s=0.5)))
    widths = []
    for copies in (1, 8):
        matches = few * copies
        low, high = interval(
            matches, "PASS", [120.0] * len(matches), exact_ap, tolerance_s=0.5
        )
        ap = average_precision(few, "PASS", tolerance_s=0.5)
        assert low <= ap <= high
        widths.append(high - low)

    assert 0 < widths[1] < 0.6 * widths[0]


def test_an_interval_of_a_label_that_never_happened_is_nan() -> None:
    match = LabelledMatch("m", {}, {"PASS": []})

    low, high = interval([match], "PASS", [60.0], exact_ap, tolerance_s=0.5)

    assert math.isnan(low)
    assert math.isnan(high)


@pytest.mark.costly
def test_a_table_lays_checkpoints_side_by_side() -> None:
    table = to_table([report_of("first"), report_of("second")])

    lines = table.splitlines()
    assert [line.split()[:2] for line in lines[2:6]] == [
        ["first", "PASS"],
        ["first", "DRIVE"],
        ["second", "PASS"],
        ["second", "DRIVE"],
    ]
    assert len({len(line) for line in lines[:6]}) == 1
    assert "4.00 M parameters, " in table


def test_json_carries_the_figures_of_the_table() -> None:
    report = report_of("first")

    raw = json.loads(json.dumps(to_json([report]), allow_nan=False))

    first = raw["reports"][0]
    label = first["labels"][0]
    assert label["ap"]["0.5"] == pytest.approx(report.labels[0].ap[0.5], abs=1e-6)
    assert label["at_threshold"]["f1"] == pytest.approx(
        report.labels[0].at_threshold.f1, abs=1e-6
    )
    assert first["manifest"]["name"] == "first"
    assert 0 < first["over_frames"] < first["mAP"]["1.0"] <= 1
    assert 0 < first["soccernet_tight"] <= first["soccernet_loose"] <= 1


class Tags(HTMLParser):
    """Collects what a page asks of the network, and counts its pictures."""

    def __init__(self) -> None:
        super().__init__()
        self.svgs = 0
        self.asked: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note pictures and addresses."""
        self.svgs += tag == "svg"
        self.asked += [v or "" for k, v in attrs if k in ("src", "href")]


@pytest.mark.costly
def test_a_page_has_its_plots_inside_and_asks_for_nothing() -> None:
    report = report_of("<b>odd<b> name")

    page = to_html([report, replace(report, manifest=report_of("two").manifest)])

    tags = Tags()
    tags.feed(page)
    assert tags.svgs == 8
    assert tags.asked == []
    assert "<b>odd<b>" not in page


def test_a_report_without_events_does_not_fall_over() -> None:
    empty = [replace(match, events=()) for match in MATCHES]
    report = measure(
        empty,
        report_of("x").manifest,
        engine="e",
        tolerance_s=1.0,
        seconds=1.0,
        parameters=1,
    )

    assert math.isnan(report.mean_ap(0.5))
    assert "-" in to_table([report])
    assert json.dumps(to_json([report]), allow_nan=False)
    assert np.isfinite(report.frames_per_s)


@pytest.mark.costly
def test_a_report_says_how_often_the_right_team_is_named() -> None:
    report = report_of("sides")
    labels = tuple(
        replace(label, team_ap=0.5, team_hits=(8, 6)) for label in report.labels
    )
    report = replace(report, labels=labels)

    for text in (to_table([report]), to_html([report])):
        assert "the right team in 75.0% of hits" in text
        assert "team mAP@1 0.500" in text
    raw = to_json([report])["reports"][0]
    assert (raw["team_mAP"], raw["team_accuracy"]) == (0.5, 0.75)
    assert "right team" not in to_table([report_of("none")])


def test_scores_of_labels_that_share_a_step_are_measured() -> None:
    # Both labels at once, each sure: no softmax could say so.
    match = noisy(1)
    scores = match.timeline.scores.copy()
    at = [round(event.time_s * 10) for event in match.events]
    scores[at, 1:] = 0.9
    timeline = replace(match.timeline, scores=scores, is_multilabel=True)
    events = tuple(
        Event(label, event.time_s) for event in match.events for label in LABELS
    )
    options = SpottingOptions(dict.fromkeys(LABELS, LabelOptions(0.5, 0.2)), 1.5)

    found = spotted([replace(match, timeline=timeline, events=events)], options)

    for label in LABELS:
        assert average_precision(found, label, tolerance_s=0.1) > 0.9
