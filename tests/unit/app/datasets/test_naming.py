"""Folders of a data set, and which videos are of one match."""

from datetime import date
from uuid import UUID

import pytest

from app.datasets.naming import (
    folder_names,
    group_of,
    groups_of,
    video_name,
)
from app.datasets.truth import Truth
from model.data.formats.provenance import Provenance


def truth(
    title: str = "Cup final",
    filename: str | None = None,
    *,
    number: int = 1,
    played_on: date | None = None,
    teams: tuple[str, ...] = (),
    container: str | None = None,
    joined_of: tuple[int, ...] = (),
) -> Truth:
    """A video of which nothing matters but its names."""
    return Truth(
        video_id=UUID(int=number),
        title=title,
        filename=filename,
        container=container,
        storage_key="k",
        sha256=f"{number:064x}",
        size_bytes=1,
        played_on=played_on,
        competition=None,
        teams=teams,
        events=(),
        rejected=(),
        provenance=Provenance(),
        joined_of=tuple(f"{one:064x}" for one in joined_of),
    )


def test_folders_are_named_by_their_match_and_never_alike() -> None:
    names = folder_names(
        [
            truth("Tír na nÓg – Čáp, 1. Hälfte.mp4", played_on=date(2026, 1, 2)),
            truth("Cup/final", number=2),
            truth("Cup  final", number=3),
            truth("決勝", number=4),
        ]
    )

    assert names == [
        "tir-na-nog-cap-1-halfte-2026-01-02",
        "cup-final-00000002",
        "cup-final-00000003",
        "match",
    ]


@pytest.mark.parametrize(
    ("filename", "container", "name"),
    [
        ("GX01.MOV", None, "video.mov"),
        (None, "matroska,webm", "video.mkv"),
        ("download", "mpegts", "video.ts"),
        ("../../x", "mov,mp4,m4a,3gp,3g2,mj2", "video.mp4"),
        (None, None, "video.mp4"),
    ],
)
def test_a_video_keeps_the_ending_of_what_it_is(
    filename: str | None, container: str | None, name: str
) -> None:
    assert video_name(truth(filename=filename, container=container)) == name


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"filename": "1_final.mp4"}, {"filename": "2_final.mp4"}),
        ({"filename": "final half 1.mp4"}, {"filename": "final half 2.mp4"}),
        ({"filename": "Final-H1.mkv"}, {"filename": "final-h2.mkv"}),
        (
            {"played_on": date(2026, 1, 2), "teams": ("Reds", "Blues")},
            {"played_on": date(2026, 1, 2), "teams": ("Blues", "REDS")},
        ),
    ],
)
def test_halves_are_of_one_match(
    one: dict[str, object], other: dict[str, object]
) -> None:
    groups = [
        group_of(truth(number=number, **facts))  # type: ignore[arg-type] # as drawn
        for number, facts in enumerate((one, other), start=1)
    ]

    assert groups[0] == groups[1]


def test_other_matches_are_apart_and_copies_of_a_file_are_not() -> None:
    apart = [
        truth(number=1, filename="final.mp4"),
        truth(number=2, filename="final.mp4"),
        truth(number=3, played_on=date(2026, 1, 2), teams=("Reds", "Blues")),
        truth(number=4, played_on=date(2026, 1, 9), teams=("Reds", "Blues")),
        truth(number=5, filename="match 1.mp4"),
        truth(number=6, filename="match 2.mp4"),
    ]

    assert len({group_of(one) for one in apart}) == 6
    assert group_of(truth("a", number=5)) == group_of(truth("b", number=5))


def test_teams_in_any_writing_tell_matches_of_one_day_apart() -> None:
    day = date(2026, 1, 2)
    one = truth(number=1, played_on=day, teams=("Зенит", "Спартак"))
    other = truth(number=2, played_on=day, teams=("Динамо", "Торпедо"))
    half = truth(number=3, played_on=day, teams=("спартак", "Зенит "))
    latin = [
        truth(number=number, played_on=day, teams=teams)
        for number, teams in enumerate((("Málaga", "Cádiz"), ("CADIZ", "Malaga")), 4)
    ]

    assert group_of(one) == group_of(half) != group_of(other)
    assert group_of(latin[0]) == group_of(latin[1])


@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4), (4, 3, 2, 1, 0), (2, 0, 4, 1, 3)])
def test_a_video_is_of_the_match_of_the_files_that_it_was_joined_of(
    order: tuple[int, ...],
) -> None:
    videos = [
        truth("first", number=1),
        truth("second", number=2, played_on=date(2026, 1, 2), teams=("Reds", "Blues")),
        truth("both", number=3, joined_of=(1, 2)),
        truth("once more", number=4, joined_of=(2, 9)),
        truth("another", number=5, joined_of=(7, 8)),
    ]

    groups = groups_of([videos[at] for at in order])

    found = dict(zip(order, groups, strict=True))
    assert found[0] == found[1] == found[2] == found[3] != found[4]
