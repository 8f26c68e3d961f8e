"""Labels are read, and predictions of any origin measured against them."""

import json
import math
from pathlib import Path

import pytest

import touchline
from model.data.labels import Event as LabelledEvent
from model.data.matches import find_matches
from model.errors import BadAnnotations
from model.evaluation.evaluate import evaluate_checkpoint
from tests.unit.touchline.made import make_result
from tests.videos import draw_video, match_picture
from touchline import Event, LabelScores

# Two right, one false alarm at a low score, one missed; a SHOT 0.8 s late.
SPIKES = [
    *(("PASS", 5.0, 0.9), ("PASS", 10.0, 0.8), ("PASS", 20.0, 0.3)),
    ("SHOT", 30.0, 0.7),
]
TRUTH = [
    *(LabelledEvent("PASS", 5.2), LabelledEvent("PASS", 10.0)),
    *(LabelledEvent("PASS", 40.0), LabelledEvent("SHOT", 29.2)),
]
CSV = "label,time_s\n" + "".join(f"{one.label},{one.time_s}\n" for one in TRUTH)


def test_a_result_is_measured_at_its_thresholds_and_over_all_scores() -> None:
    scores = touchline.evaluate(make_result(SPIKES), TRUTH)

    assert list(scores) == ["PASS", "SHOT"]
    passed, shot = scores["PASS"], scores["SHOT"]
    assert passed.events == 3
    assert passed.precision == 1.0
    assert passed.recall == pytest.approx(2 / 3)
    assert passed.f1 == passed.best_f1 == pytest.approx(0.8)
    assert passed.best_threshold == pytest.approx(0.8)
    assert passed.ap == pytest.approx(2 / 3)
    assert (shot.f1, shot.ap) == (1.0, 0.0)  # within 1 s, not within 0.5 s


def test_tolerances_are_the_callers() -> None:
    result = make_result(SPIKES)

    strict = touchline.evaluate(result, TRUTH, tolerance_s=0.1, ap_tolerance_s=1.0)

    assert strict["PASS"].recall == pytest.approx(1 / 3)
    assert (strict["SHOT"].f1, strict["SHOT"].ap) == (0.0, 1.0)
    with pytest.raises(ValueError, match="tolerances"):
        touchline.evaluate(result, TRUTH, tolerance_s=-1)


def test_files_are_measured_as_what_was_written_to_them(tmp_path: Path) -> None:
    result = make_result(SPIKES)
    labels = tmp_path / "labels.csv"
    labels.write_text(CSV)
    result.to_csv(tmp_path / "found.csv")
    result.to_soccernet(tmp_path / "found.json")

    expected = touchline.evaluate(result.events, TRUTH)

    for name in ("found.csv", "found.json"):
        found = touchline.evaluate(str(tmp_path / name), labels)
        for label, scores in expected.items():
            assert found[label].f1 == scores.f1
            assert found[label].ap == pytest.approx(scores.ap)


def test_labels_that_only_one_side_has_are_told() -> None:
    found = touchline.evaluate([Event("THROW", 1.0, 25, 0.5)], TRUTH)

    assert list(found) == ["PASS", "SHOT", "THROW"]
    throw, passed = found["THROW"], found["PASS"]
    assert (throw.events, throw.precision, throw.f1) == (0, 0.0, 0.0)
    assert math.isnan(throw.ap)
    assert passed == LabelScores(3, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)


@pytest.mark.costly
@pytest.mark.slow
def test_a_checkpoint_is_measured_as_the_command_line_does(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("one", "two"):
        draw_video(tmp_path / f"{name}.mp4", frames=60, paint=match_picture)
        (tmp_path / f"{name}.csv").write_text("label,time_s\nPASS,0.5\nSHOT,1.5\n")

    scores = touchline.evaluate(checkpoint, str(tmp_path), device="cpu")

    told = capsys.readouterr().err
    assert "one" in told
    assert "two" in told
    report = evaluate_checkpoint(
        checkpoint, find_matches(tmp_path), engine="openvino", log=lambda _: None
    )
    for label in report.labels:
        mine = scores[label.label]
        assert mine.events == label.events
        assert mine.f1 == label.at_threshold.f1
        assert (mine.best_f1, mine.best_threshold) == label.best_f1
        if label.events:
            assert mine.ap == label.ap[0.5]


def test_a_checkpoint_needs_a_folder(model: touchline.Model, tmp_path: Path) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text(CSV)

    for wrong in (labels, TRUTH, tmp_path / "absent"):
        with pytest.raises(BadAnnotations, match="is no folder"):
            touchline.evaluate(model, wrong)


def test_every_form_of_labels_is_read(tmp_path: Path) -> None:
    soccernet = {
        "annotations": [
            {"gameTime": "1 - 00:01", "label": "PASS", "position": "1500"},
            {"gameTime": "1 - 00:00", "label": "SHOT", "position": "500"},
        ]
    }
    events = [{"frame": 25, "label": "PASS"}]
    e2espot = [
        {"video": name, "fps": 25, "num_frames": 50, "events": events}
        for name in ("one", "two")
    ]
    (tmp_path / "Labels-ball.json").write_text(json.dumps(soccernet))
    (tmp_path / "one.json").write_text(json.dumps(e2espot[:1]))
    (tmp_path / "both.json").write_text(json.dumps(e2espot))
    (tmp_path / "match.csv").write_text("type,time_ms\nPASS,250\n")

    def read(name: str, video: str | None = None) -> list[tuple[str, float]]:
        found = touchline.read_labels(str(tmp_path / name), video)
        return [(event.label, event.time_s) for event in found]

    assert read("Labels-ball.json") == [("SHOT", 0.5), ("PASS", 1.5)]
    assert read("one.json") == read("both.json", "two") == [("PASS", 1.0)]
    assert read("match.csv") == [("PASS", 0.25)]
    with pytest.raises(BadAnnotations, match="one, two"):
        read("both.json")
    with pytest.raises(BadAnnotations, match="no labels of three"):
        read("both.json", "three")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("absent.csv", None),
        ("bad.json", "{"),
        ("bad.json", "{}"),
        ("bad.csv", "a,b\n1,2\n"),
        ("bad.csv", "label,time_s\nPASS,soon\n"),
    ],
)
def test_labels_that_cannot_be_read_name_their_file(
    tmp_path: Path, name: str, text: str | None
) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)

    with pytest.raises(BadAnnotations, match=name):
        touchline.read_labels(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("absent.csv", None),
        ("bad.json", "[]"),
        ("bad.json", "{"),
        ("bad.json", '{"predictions": [1]}'),
        ("bad.json", '{"predictions": [{"label": "PASS", "position": "1"}]}'),
        ("bad.csv", "label,time_s\nPASS,1\n"),
        ("bad.csv", "type,time_s,score\nPASS,1\n"),
        ("bad.csv", "type,time_s,score\nPASS,1,7\n"),
        ("bad.csv", "type,time_s,score\nPASS,nan,0.5\n"),
        ("bad.csv", "type,time_s,score\n,1,0.5\n"),
    ],
)
def test_predictions_that_cannot_be_read_name_their_file(
    tmp_path: Path, name: str, text: str | None
) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)

    with pytest.raises(BadAnnotations, match=name):
        touchline.evaluate(tmp_path / name, TRUTH)
