"""A split keeps matches whole and labels in proportion."""

import json
from pathlib import Path

import pytest

from model.data.labels import Event, Match, MatchLabels
from model.data.splits import PARTS, extend_split, read_split, split_matches
from model.errors import BadAnnotations


def matches_of(count: int) -> list[Match]:
    """Matches that differ in how many events they have; every third has a SHOT."""
    out = []
    for number in range(count):
        events = [Event("PASS", k + 0.5) for k in range(10 + number % 7)]
        events += [Event("SHOT", 40.5)] * (number % 3 == 0)
        name = f"m{number:02d}"
        labels = MatchLabels(name, tuple(events), Path("x"))
        out.append(Match(name, Path(f"{name}.mp4"), labels))
    return out


def test_every_match_is_in_exactly_one_part() -> None:
    matches = matches_of(20)

    split = split_matches(matches)

    names = sorted(name for part in PARTS for name in split.parts[part])
    assert names == [match.name for match in matches]
    assert [len(split.parts[part]) for part in PARTS] == [14, 3, 3]


@pytest.mark.parametrize(
    ("count", "sizes"),
    [(3, [1, 1, 1]), (4, [2, 1, 1]), (7, [5, 1, 1]), (26, [18, 4, 4])],
)
def test_parts_are_as_near_to_their_shares_as_whole_matches_allow(
    count: int, sizes: list[int]
) -> None:
    split = split_matches(matches_of(count))

    assert [len(split.parts[part]) for part in PARTS] == sizes


def test_every_part_has_its_share_of_a_rare_label() -> None:
    matches = matches_of(20)

    split = split_matches(matches)

    for part, share in zip(PARTS, (0.7, 0.15, 0.15), strict=True):
        shots = sum(
            event.label == "SHOT"
            for match in split.take(matches, part)
            for event in match.labels.events
        )
        assert abs(shots / 7 - share) < 0.1


def test_a_split_is_the_same_for_the_same_seed_and_survives_a_file(
    tmp_path: Path,
) -> None:
    split = split_matches(matches_of(9), seed=4)
    (tmp_path / "split.json").write_text(split.to_json())

    assert read_split(tmp_path / "split.json") == split
    assert split_matches(matches_of(9), seed=4) == split


def test_a_match_in_two_parts_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "split.json"
    parts = {"train": ["a", "b"], "val": ["b"], "test": []}
    path.write_text(json.dumps({"parts": parts}))

    with pytest.raises(BadAnnotations, match=r"in two parts: \['b'\]"):
        read_split(path)


def test_two_matches_cannot_be_split_in_three() -> None:
    with pytest.raises(BadAnnotations, match="cannot be split"):
        split_matches(matches_of(2))


@pytest.mark.parametrize(("first", "later"), [(3, 4), (20, 22), (7, 30), (10, 10)])
def test_new_matches_join_a_split_and_the_others_stay(first: int, later: int) -> None:
    matches = matches_of(later)
    split = split_matches(matches[:first])

    longer = extend_split(split, matches)

    for part in PARTS:
        assert set(split.parts[part]) <= set(longer.parts[part])
    names = sorted(name for part in PARTS for name in longer.parts[part])
    assert names == [match.name for match in matches]


def test_new_matches_bring_the_parts_to_their_shares() -> None:
    matches = matches_of(40)
    split = split_matches(matches[:6])

    longer = extend_split(split, matches)

    assert [len(longer.parts[part]) for part in PARTS] == [28, 6, 6]
    assert longer == extend_split(split, matches)


def test_a_match_of_the_split_that_is_gone_is_named() -> None:
    matches = matches_of(6)
    split = split_matches(matches)

    with pytest.raises(BadAnnotations, match="absent matches"):
        extend_split(split, matches[1:])
