"""Which files of a watched folder are one match."""

from touchline.watching.matches import Match, grouped
from touchline.watching.scan import Stamp


def test_chapters_of_a_camera_and_halves_are_put_together() -> None:
    paths = [
        *("GX020042.MP4", "GX010042.MP4", "GX010043.MP4", "gh010042.mp4"),
        *("cup/2_720p.mkv", "cup/1_720p.mkv", "cup/final.mp4", "1_other.mp4"),
        *("league/2_720p.mkv", "10_minutes.mp4", "12.mp4"),
    ]

    found = grouped(paths)

    assert sorted(found, key=lambda one: one.paths) == [
        Match(("10_minutes.mp4",)),
        Match(("12.mp4",)),
        Match(("1_other.mp4",), "halves", missing="2_other.mp4"),
        Match(("GX010042.MP4", "GX020042.MP4")),
        Match(("GX010043.MP4",)),
        Match(("cup/1_720p.mkv", "cup/2_720p.mkv"), "halves"),
        Match(("cup/final.mp4",)),
        Match(("gh010042.mp4",)),
        Match(("league/2_720p.mkv",), "halves", missing="1_720p.mkv"),
    ]


def test_a_match_is_another_once_a_chapter_has_come() -> None:
    stamps = {"a": Stamp(10, 5), "b": Stamp(20, 7)}

    assert Match(("a", "b")).stamp(stamps) == Stamp(30, 7)
    assert Match(("a",)).stamp(stamps) == stamps["a"]
