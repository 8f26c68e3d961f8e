"""Labels that say which stretches count, and splits of such stretches."""

import json
import time
from pathlib import Path

import pytest

from model.data.checks import check_labels
from model.data.formats.provenance import Provenance, ReviewedSpan, cut_spans
from model.data.label_files import read_labels
from model.data.labels import Event, Match, MatchLabels
from model.data.matches import find_matches
from model.data.set_checks import leaks
from model.data.splits import PARTS, read_split
from model.data.stretch_splits import GAP_S, split_stretches
from model.errors import BadAnnotations

SPANS = (ReviewedSpan(10.0, 20.0, "Ada"), ReviewedSpan(20.0, 30.0, "Bo"))
EVENTS = [{"type": "PASS", "time_s": at, "frame": at * 25} for at in (5, 12, 25, 30)]


def labels_file(path: Path, told: Provenance | None, **more: object) -> Path:
    """Write our own labels."""
    document = {"video": "m", "events": EVENTS, **more}
    if told is not None:
        document["provenance"] = told.to_dict()
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def match(name: str, *spans: tuple[float, float], rare_s: float = 40.0) -> Match:
    """A match with a PASS every two seconds and one SHOT, reviewed in parts."""
    events = [Event("PASS", float(at)) for at in range(0, 4000, 2)]
    events.append(Event("SHOT", rare_s))
    labels = MatchLabels(name, tuple(sorted(events, key=lambda e: e.time_s)), Path("x"))
    return Match(name, Path(f"{name}.mp4"), labels.within(spans))


def test_only_what_is_reviewed_is_read(tmp_path: Path) -> None:
    path = labels_file(tmp_path / "labels.json", Provenance(reviewed=SPANS))
    (tmp_path / "video.mp4").write_bytes(b"x")

    (labels,) = read_labels(path)
    (found,) = find_matches(tmp_path)

    assert labels.reviewed == ((10.0, 30.0),)
    assert [event.time_s for event in labels.events] == [12.0, 25.0]
    assert found.labels.reviewed == labels.reviewed


def test_without_a_word_on_it_all_of_the_video_counts(tmp_path: Path) -> None:
    (labels,) = read_labels(labels_file(tmp_path / "labels.json", None))

    assert labels.reviewed is None
    assert len(labels.events) == 4


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (Provenance(reviewed=()), "no stretch of the video is reviewed"),
        (Provenance(reviewed=SPANS, choice={"min_score": 0.5}), "choice of the events"),
    ],
)
def test_what_would_be_wrong_to_train_on_is_refused(
    tmp_path: Path, told: Provenance, why: str
) -> None:
    with pytest.raises(BadAnnotations, match=why):
        read_labels(labels_file(tmp_path / "labels.json", told))


def test_a_gap_in_what_somebody_looked_through_is_no_warning() -> None:
    told = match("m", (0.0, 100.0), (3000.0, 3100.0)).labels
    kinds = [found.kind for found in check_labels(told, duration_s=5000.0, fps=25.0)]

    assert "long_gap" not in kinds


@pytest.mark.parametrize("rare_s", [1.0, 400.0, 2100.0, 2499.0])
@pytest.mark.parametrize("names", [("a",), ("a", "b")])
def test_one_or_two_matches_are_split_by_far_apart_stretches(
    names: tuple[str, ...], rare_s: float, tmp_path: Path
) -> None:
    spans = ((0.0, 500.0), (2000.0, 2500.0))
    matches = [match(name, *spans, rare_s=rare_s) for name in names]
    path = tmp_path / "split.json"
    path.write_text(split_stretches(matches).to_json(), encoding="utf-8")

    split = read_split(path)
    parts = {part: split.take(matches, part) for part in PARTS}

    assert "not how well it does on another one" in split.note
    assert all(len(of) == len(names) for of in parts.values())
    for index in range(len(names)):
        of = {part: parts[part][index].labels.reviewed or () for part in PARTS}
        seconds = {part: sum(b - a for a, b in of[part]) for part in PARTS}
        assert seconds == pytest.approx({"train": 690, "val": 140, "test": 140}, abs=11)
        wide = {p: tuple((a - GAP_S + 1, b) for a, b in of[p]) for p in PARTS}
        assert not cut_spans(wide["train"], of["val"])
        assert not cut_spans(wide["val"], of["train"])
    assert any(e.label == "SHOT" for m in parts["train"] for e in m.labels.events)
    assert not leaks(parts["train"], parts["val"], parts=("train", "val"))


def test_overlapping_stretches_of_one_match_are_a_leak(tmp_path: Path) -> None:
    one, other = match("a", (0.0, 500.0)), match("a", (400.0, 900.0))
    (tmp_path / "a.mp4").write_bytes(b"x" * 100)
    one, other = (Match(m.name, tmp_path / "a.mp4", m.labels) for m in (one, other))

    assert leaks([one], [other], parts=("train", "val"))


@pytest.mark.parametrize(
    "stretches",
    [
        {"train": {"a": [[0, 50]]}, "val": {"a": [[40, 90]]}},
        {"train": {"a": [[0, 50]]}},
        {"train": {"a": [[50, 0]]}, "val": {"a": [[60, 90]]}},
    ],
)
def test_a_split_with_a_match_twice_is_refused(
    stretches: dict[str, object], tmp_path: Path
) -> None:
    parts = {"train": ["a"], "val": ["a"], "test": []}
    path = tmp_path / "split.json"
    path.write_text(json.dumps({"parts": parts, "stretches": stretches}))

    with pytest.raises(BadAnnotations):
        read_split(path)


def test_too_little_to_split_says_so() -> None:
    with pytest.raises(BadAnnotations, match="too little is reviewed"):
        split_stretches([match("a", (0.0, 0.004))])


def test_ten_thousand_stretches_are_cut_in_a_moment() -> None:
    spans = [(at * 0.5, at * 0.5 + 0.3) for at in range(10_000)]

    began_s = time.process_time()
    found = cut_spans(spans, [(start + 0.1, end + 0.1) for start, end in spans])

    assert time.process_time() - began_s < 3
    assert len(found) == len(spans)
