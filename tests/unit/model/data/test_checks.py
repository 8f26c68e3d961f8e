"""What ruined earlier training is found before it starts."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from model.data.checks import check_labels, review
from model.data.label_checks import is_rounded
from model.data.labels import Event, Match, MatchLabels
from model.data.set_checks import leaks, missing_labels, same_twice
from model.errors import UnreadableVideo

VIDEO = Path("nowhere.mp4")


@dataclass(frozen=True)
class Facts:
    """What a probe tells."""

    duration_s: float = 60.0
    fps: float = 25.0
    is_truncated: bool = False


def labels_of(
    *times: float, fps: float | None = None, name: str = "m", label: str = "PASS"
) -> MatchLabels:
    """Labels of one class at some times."""
    events = tuple(Event(label, time_s) for time_s in times)
    return MatchLabels(name, events, Path("labels.json"), fps=fps)


def match_of(name: str, *times: float, label: str = "PASS") -> Match:
    """A match whose video is not there."""
    return Match(name, VIDEO, labels_of(*times, name=name, label=label))


def kinds(labels: MatchLabels, **known: object) -> list[str]:
    """The kinds of what is found on a minute of 25 fps."""
    found = check_labels(labels, duration_s=60.0, fps=25.0, **known)  # type: ignore[arg-type]
    return [finding.kind for finding in found]


def test_clean_labels_give_no_finding() -> None:
    assert kinds(labels_of(*[k * 1.37 for k in range(30)], fps=25.0)) == []


def test_labels_beyond_the_video_are_found() -> None:
    assert kinds(labels_of(1.5, 60.5)) == ["beyond_video"]


def test_a_wrong_rate_is_found() -> None:
    assert kinds(labels_of(1.5, fps=30.0)) == ["wrong_rate"]


def test_whole_seconds_are_found() -> None:
    assert kinds(labels_of(*range(1, 30))) == ["whole_seconds"]


def test_doubles_are_found() -> None:
    assert kinds(labels_of(1.5, 1.5)) == ["duplicates"]


def test_an_event_labelled_once_for_each_team_is_a_duplicate() -> None:
    events = (Event("PASS", 1.5, "left"), Event("PASS", 1.5, "right"))

    assert kinds(replace(labels_of(), events=events)) == ["duplicates"]


@pytest.mark.parametrize("spacing_s", [1.37, 2.0])
def test_a_match_labelled_with_and_without_teams_is_one_match(spacing_s: float) -> None:
    plain = match_of("a", *[k * spacing_s for k in range(12)])
    events = tuple(replace(event, team="left") for event in plain.labels.events)
    labels = replace(plain.labels, events=events)

    found = same_twice([plain, replace(plain, name="b", labels=labels)])

    assert [finding.match for finding in found] == ["b"]


def test_events_pressed_twice_are_a_warning() -> None:
    found = check_labels(labels_of(1.5, 1.54, 3.0), duration_s=60.0, fps=25.0)

    assert [(f.kind, f.is_fatal) for f in found] == [("near_doubles", False)]
    assert "1 pairs" in found[0].text
    assert "1.540 s" in found[0].text


def test_a_long_stretch_without_an_event_is_a_warning() -> None:
    times = [k * 1.4 for k in range(30)]

    found = check_labels(
        labels_of(*times, *(t + 150 for t in times)), duration_s=200.0, fps=25.0
    )

    assert [(f.kind, f.is_fatal) for f in found] == [("long_gap", False)]
    assert "no event from 41 to 150 s" in found[0].text
    assert kinds(labels_of(*[k * 5.9 for k in range(10)])) == []


def test_labels_of_a_longer_video_are_found() -> None:
    labels = replace(labels_of(1.5, fps=25.0), frame_count=25 * 90)

    assert kinds(labels) == ["wrong_length"]
    assert kinds(replace(labels, frame_count=25 * 60 + 2)) == []


def test_unknown_labels_are_found() -> None:
    assert kinds(labels_of(1.5), known_labels=["DRIVE"]) == ["unknown_labels"]


def test_a_match_without_events_is_only_a_warning() -> None:
    found = check_labels(labels_of(), duration_s=60.0, fps=25.0)

    assert [(f.kind, f.is_fatal) for f in found] == [("no_events", False)]


def test_the_same_events_under_two_names_are_one_match() -> None:
    times = [k * 1.37 for k in range(12)]

    found = leaks(
        [match_of("a", *times)], [match_of("b", *times)], parts=("train", "val")
    )

    assert [finding.kind for finding in found] == ["same_match"]
    assert "trained on in train would be tested in val" in found[0].text


def test_a_double_inside_train_is_no_leak() -> None:
    times = [k * 1.37 for k in range(12)]
    duplicates = [match_of("a", *times), match_of("b", *times)]

    assert leaks(duplicates, [match_of("a", 1.5)], parts=("train", "val")) == []
    assert len(same_twice(duplicates)) == 1


def test_the_same_file_under_two_names_is_one_match(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.mp4").write_bytes(b"one video" * 100)
    matches = [
        Match(name, tmp_path / f"{name}.mp4", labels_of(number + 0.5))
        for number, name in enumerate("ab")
    ]

    assert [finding.match for finding in same_twice(matches)] == ["b"]


def test_one_match_labelled_by_two_people_is_one_match() -> None:
    rng = np.random.default_rng(1)
    times = np.sort(rng.uniform(0, 60, 40))
    again = np.delete(times + rng.uniform(-0.03, 0.03, 40), [7, 20])
    first = match_of("a", *times.tolist())
    second = match_of("b", *np.sort(again).tolist())

    assert [finding.match for finding in same_twice([first, second])] == ["b"]
    assert len(leaks([second], [first], parts=("train", "val"))) == 1


def test_matches_of_one_beat_are_not_taken_for_one() -> None:
    rng = np.random.default_rng(2)
    twice = [rng.choice(["PASS", "DRIVE"], 40).tolist() for _ in range(2)]
    matches = []
    for name, labels in zip("ab", twice, strict=True):
        events = tuple(Event(label, 0.9 * k) for k, label in enumerate(labels))
        matches.append(Match(name, VIDEO, MatchLabels(name, events, Path("x"))))

    assert same_twice(matches) == []


def test_matches_with_rounded_times_are_not_taken_for_one() -> None:
    first = match_of("a", *[float(k) for k in range(40)])
    second = match_of("b", *[float(k) for k in range(1, 40) if k % 7])

    assert same_twice([first, second]) == []


def test_real_matches_are_not_taken_for_one(shared: Path) -> None:
    raw = json.loads((shared / "data/futsal_world_cup_2024_labels.json").read_text())
    matches = [
        match_of(
            match["video"],
            *sorted(int(event["position"]) / 30 for event in match["events"]),
        )
        for match in raw
    ]

    assert same_twice(matches) == []
    assert len(same_twice([*matches, *matches])) == len(matches)


def test_different_matches_are_not_taken_for_one() -> None:
    first = match_of("a", *[k * 1.37 for k in range(12)])
    second = match_of("b", *[k * 1.41 for k in range(12)])

    assert same_twice([first, second]) == []


def test_a_label_of_val_that_train_lacks_is_named() -> None:
    train, val = match_of("a", 1.5), match_of("b", 1.5, label="SHOT")

    (finding,) = missing_labels([train], [val])
    assert (finding.match, finding.kind, finding.is_fatal) == (
        "b",
        "label_missing",
        True,
    )
    assert "has SHOT, which no training match has" in finding.text
    assert missing_labels([train, val], [val]) == []


def test_a_review_goes_on_after_a_video_that_cannot_be_read() -> None:
    def probe(path: Path) -> Facts:
        if path.name == "bad.mp4":
            raise UnreadableVideo("no such codec.")
        return Facts()

    bad = Match("bad", Path("bad.mp4"), labels_of(1.5, name="bad"))

    result = review([bad, match_of("good", 1.5, 30.0)], probe=probe)

    assert [finding.kind for finding in result.findings] == ["unreadable_video"]
    assert not result.is_fit
    assert result.rows[1].minutes == 1.0
    assert result.rows[1].longest_gap_s == 30.0


def test_the_traps_of_the_futsal_labels_are_found(shared: Path) -> None:
    raw = json.loads((shared / "data/futsal_world_cup_2024_labels.json").read_text())
    slow = {"FRANCE_ARGENTINE", "FRANCE_PARAGUAY", "MOROCCO_PORTUGAL"}

    assert len(raw) == 7
    for match in raw:
        name = match["video"]
        fps = 25.0 if name in slow else 30.0
        frames = [int(event["position"]) for event in match["events"]]
        rounded = [Event("PASS", float(frame // 30)) for frame in frames]
        exact = labels_of(*(frame / 30 for frame in frames), fps=30.0, name=name)

        found = check_labels(exact, duration_s=None, fps=fps)

        assert is_rounded(rounded)
        assert not is_rounded(exact.events)
        assert ("wrong_rate" in [f.kind for f in found]) == (name in slow)


def test_few_events_are_not_called_rounded() -> None:
    assert not is_rounded([Event("PASS", 1.0)] * 3)


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_rounding_is_found_by_its_share(share: float) -> None:
    whole = round(20 * share)
    events = [Event("PASS", float(k)) for k in range(whole)]
    events += [Event("PASS", k + 0.37) for k in range(20 - whole)]

    assert is_rounded(events) == (share > 0.8)
