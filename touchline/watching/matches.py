"""Which files of a folder are parts of one match, by their names."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal

from touchline.watching.scan import Stamp

# `1_match.mp4`, `2 match.mp4`: halves, as SoccerNet's (`1_720p.mkv`), too.
_HALF = re.compile(r"(?P<part>[12])(?P<rest>[ _-].+)")
# GoPro: GX010042.MP4, GX020042.MP4 (GH: H.264, GX: HEVC), chapter before number.
_CHAPTER = re.compile(
    r"(?P<camera>G[HXL])(?P<part>[0-9]{2})(?P<rest>[0-9]{4}\.[a-z0-9]+)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Match:
    """Files that are one match.

    Attributes:
        paths: in the order of play.
        parts: how they belong together.
        missing: the name of a half that has not come yet.
    """

    paths: tuple[str, ...]
    parts: Literal["halves", "consecutive"] = "consecutive"
    missing: str | None = None

    def stamp(self, stamps: Mapping[str, Stamp]) -> Stamp:
        """Tell all its files apart from what they were before."""
        own = [stamps[path] for path in self.paths]
        return Stamp(
            sum(one.size_bytes for one in own), max(one.mtime_ns for one in own)
        )


def single(paths: Iterable[str]) -> list[Match]:
    """Take each file as a match of its own."""
    return [Match((path,)) for path in paths]


def grouped(paths: Iterable[str]) -> list[Match]:
    """Put files together whose names say that they are parts of one match.

    A half whose other half is not there is `missing` it; a chapter may be alone.
    """
    halves: dict[tuple[str, str], dict[str, str]] = {}
    chapters: dict[tuple[str, str], dict[str, str]] = {}
    others = []
    for path in sorted(paths):
        folder, name = str(PurePath(path).parent), PurePath(path).name
        if found := _CHAPTER.fullmatch(name):
            key = folder, f"{found['camera']}{found['rest']}".casefold()
            chapters.setdefault(key, {})[found["part"]] = path
        elif found := _HALF.fullmatch(name):
            halves.setdefault((folder, found["rest"]), {})[found["part"]] = path
        else:
            others.append(path)
    return [
        *single(others),
        *(
            Match(tuple(parts[key] for key in sorted(parts)))
            for parts in chapters.values()
        ),
        *(_of_halves(rest, parts) for (_, rest), parts in halves.items()),
    ]


def _of_halves(rest: str, parts: Mapping[str, str]) -> Match:
    missing = next((f"{part}{rest}" for part in "12" if part not in parts), None)
    return Match(tuple(parts[key] for key in sorted(parts)), "halves", missing)
