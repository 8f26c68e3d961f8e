"""What is held out: whole matches, or a share of what there is."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest

from app.datasets.card import Entry
from app.datasets.parts import Holdout, split_entries
from app.datasets.problems import ExportFailed
from model.data.labels import Event, Match, MatchLabels
from model.data.splits import read_split

MINUTE_S = 60.0


def match(name: str, events: int = 20) -> Match:
    found = tuple(Event("HIT", time_s=2.0 + 2 * n) for n in range(events))
    labels = MatchLabels(name, found, Path(name), reviewed=((0.0, MINUTE_S),))
    return Match(name, Path(name), labels)


def entries(
    groups: Sequence[str], shows: Mapping[int, Sequence[str]] | None = None
) -> list[Entry]:
    """Make an entry of each match, named by its place.

    Args:
        shows: the files that one shows, by its place; else one of its own.
    """
    found = []
    for n, group in enumerate(groups):
        sha256, *joined_of = (shows or {}).get(n, [f"file {n}"])
        truth = SimpleNamespace(
            video_id=UUID(int=n), sha256=sha256, joined_of=tuple(joined_of)
        )
        found.append(Entry(f"m{n}", group, cast("Any", truth), {}))
    return found


def test_videos_that_are_held_out_bring_the_other_half_of_their_match_along() -> None:
    groups = ["final", "cup", "final", "friendly"]
    found = [match(f"m{n}") for n in range(4)]

    split = split_entries(
        entries(groups), found, seed=0, holdout=Holdout((str(UUID(int=0)),))
    )

    assert split.parts == {"train": ("m1", "m3"), "val": ("m0", "m2"), "test": ()}


@pytest.mark.parametrize(
    ("videos", "words"),
    [
        ((str(UUID(int=7)),), "cannot be held out"),
        ((str(UUID(int=0)), str(UUID(int=1))), "none is left to learn from"),
    ],
)
def test_what_cannot_be_held_out_is_told(videos: tuple[str, ...], words: str) -> None:
    with pytest.raises(ExportFailed, match=words):
        split_entries(
            entries(["a", "b"]),
            [match("m0"), match("m1")],
            seed=0,
            holdout=Holdout(videos),
        )


def test_of_copies_of_one_match_only_one_is_split_by_stretches() -> None:
    """A moment of it would be learned from in one copy, and judged by in the other."""
    events = tuple(Event("HIT", time_s=2.0 + 2 * n) for n in range(300))
    copies = [
        Match(name, Path(name), MatchLabels(name, events, Path(name), reviewed=(span,)))
        for name, span in (("m0", (0.0, 300.0)), ("m1", (120.0, 600.0)))
    ]
    groups = ["final", "final"]

    split = split_entries(entries(groups, {0: ["a"], 1: ["a"]}), copies, seed=0)

    held = {name for part in ("val", "test") for name in split.parts[part]}
    assert held == set(split.parts["train"]) == {"m1"}
    assert "Left out: m0," in split.note
    halves = split_entries(entries(groups), copies, seed=0)
    assert set(halves.parts["train"]) == {"m0", "m1"}


def test_halves_are_taken_and_what_was_joined_of_them_is_not() -> None:
    found = [
        Match(name, Path(name), MatchLabels(name, (), Path(name), reviewed=((0.0, s),)))
        for name, s in (("m0", 300.0), ("m1", 300.0), ("m2", 60.0))
    ]
    shows = {0: ["one"], 1: ["two"], 2: ["both", "one", "two"]}

    split = split_entries(entries(["final"] * 3, shows), found, seed=0)

    assert split.parts["train"] == ("m0", "m1")


def test_a_share_of_many_matches_is_held_out_as_whole_matches() -> None:
    found = [match(f"m{n}") for n in range(10)]

    split = split_entries(
        entries([f"g{n}" for n in range(10)]),
        found,
        seed=0,
        holdout=Holdout(share=0.3),
    )

    sizes = {part: len(names) for part, names in split.parts.items()}
    assert sizes == {"train": 7, "val": 3, "test": 0}
    assert not split.stretches


def test_a_share_of_one_match_is_a_stretch_apart(tmp_path: Path) -> None:
    split = split_entries(
        entries(["only"]), [match("m0")], seed=0, holdout=Holdout(share=0.25)
    )

    ((train,), (val,)) = (split.stretches[part]["m0"] for part in ("train", "val"))
    assert split.parts["test"] == ()
    assert val[1] - val[0] == pytest.approx(0.25 * MINUTE_S, abs=2.0)
    assert max(train[0] - val[1], val[0] - train[1]) > 1.0
    assert {0.0, MINUTE_S} == {min(train[0], val[0]), max(train[1], val[1])}
    assert "third match" in split.note
    path = tmp_path / "split.json"
    path.write_text(split.to_json())
    assert read_split(path) == split


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("holdout", [None, Holdout(share=0.3)])
def test_what_the_base_has_learned_from_is_not_held_out(
    seed: int, holdout: Holdout | None
) -> None:
    groups = ["final", "cup", "final", "friendly", "derby", "league"]
    learned = {str(UUID(int=n)) for n in (0, 1, 3)}

    split = split_entries(
        entries(groups),
        [match(f"m{n}") for n in range(6)],
        seed=seed,
        holdout=holdout,
        learned=learned,
    )

    held = {*split.parts["val"], *split.parts["test"]}
    assert held
    assert held <= {"m4", "m5"}  # m2 is the other half of a match that it knows


@pytest.mark.parametrize("known", [2, 3])
def test_where_nothing_else_can_be_held_out_it_is_split_as_ever(known: int) -> None:
    found = [match(f"m{n}") for n in range(3)]
    learned = {str(UUID(int=n)) for n in range(known)}
    few = Holdout(share=0.05)  # a third of a match goes to training

    split, plain = (
        split_entries(entries(["a", "b", "c"]), found, seed=0, holdout=few, learned=of)
        for of in (learned, ())
    )

    assert split == plain
    assert split.parts["val"]
