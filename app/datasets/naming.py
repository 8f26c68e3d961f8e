"""Names of folders in a data set, and which videos are of one match."""

import re
import unicodedata
from collections.abc import Sequence
from datetime import date
from pathlib import PurePath
from typing import Protocol
from uuid import UUID

from app.datasets.truth import Truth
from model.video.file_names import is_video_name

MAX_NAME = 60
_OTHER = re.compile(r"[^a-z0-9]+")
_HALF = re.compile(
    # A lone h: that of `match 2` is none.
    r"(?:[1-9]_(?P<after>.+)|(?P<before>.+?)[-_ ]*(?:half|(?<![a-z])h)[-_ ]*[1-9])"
)
_SUFFIX_OF = {
    "matroska": ".mkv",
    "mpegts": ".ts",
    "avi": ".avi",
    "webm": ".webm",
}


class OfAMatch(Protocol):
    """What tells which match a video is of; see `Truth`."""

    @property
    def title(self) -> str: ...

    @property
    def filename(self) -> str | None: ...

    @property
    def sha256(self) -> str: ...

    @property
    def played_on(self) -> date | None: ...

    @property
    def competition(self) -> str | None: ...

    @property
    def teams(self) -> tuple[str, ...]: ...

    @property
    def joined_of(self) -> tuple[str, ...]: ...


class Named(OfAMatch, Protocol):
    """What names the folder of a video; see `Truth`."""

    @property
    def video_id(self) -> UUID: ...


def folder_names(truths: Sequence[Named]) -> list[str]:
    """Name a folder for each video: by its match, and where two are alike by its id."""
    plain = [_plain(_words_of(truth)) or "match" for truth in truths]
    return [
        name if plain.count(name) == 1 else f"{name}-{truth.video_id.hex[-8:]}"
        for name, truth in zip(plain, truths, strict=True)
    ]


def video_name(truth: Truth) -> str:
    """Name the file of a video, with the ending of what it holds."""
    if truth.filename is not None and is_video_name(PurePath(truth.filename)):
        return f"video{PurePath(truth.filename).suffix.lower()}"
    container = (truth.container or "").split(",")[0]
    return f"video{_SUFFIX_OF.get(container, '.mp4')}"


def groups_of(truths: Sequence[OfAMatch]) -> list[str]:
    """Name the match of each video, as `group_of`, and with what they have in common.

    Copies of a file are of one match, and so is a video with the files that it was
    joined of: else one would be learned from and the other judged by.
    """
    leader: dict[str, str] = {}

    def find(name: str) -> str:
        while (above := leader.setdefault(name, name)) != name:
            name = above
        return name

    for truth in truths:
        own = find(group_of(truth))
        for sha256 in files_of(truth):
            leader[find(f"file {sha256}")] = own
    return [find(group_of(truth)) for truth in truths]


def files_of(truth: OfAMatch) -> frozenset[str]:
    """Name the files that a video shows: videos with one in common show the same."""
    return frozenset((truth.sha256, *truth.joined_of))


def group_of(truth: OfAMatch) -> str:
    """Name the match that a video is of: its halves are of one, and so are its copies.

    By date, competition and both teams where they are known; else by the name of a
    file that starts with the number of a half (`1_final.mp4`) or ends with it
    (`final half 2.mp4`); else it is a match of its own.
    """
    if truth.played_on is not None and len(truth.teams) == 2:
        teams = sorted(_folded(team) for team in truth.teams)
        facts = (truth.played_on.isoformat(), truth.competition or "", *teams)
        return "|".join(facts)
    stem = PurePath(truth.filename or truth.title).stem.lower()
    if half := _HALF.fullmatch(stem):
        return f"half of {half['after'] or half['before']}"
    return truth.sha256


def _words_of(truth: Named) -> str:
    title = PurePath(truth.title)
    name = title.stem if is_video_name(title) else truth.title
    return name if truth.played_on is None else f"{name} {truth.played_on.isoformat()}"


def _folded(text: str) -> str:
    """Give letters and digits of any writing, small and without accents."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in letters if letter.isalnum())


def _plain(text: str) -> str:
    """Give small letters, digits and hyphens, which every file system takes."""
    letters = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return _OTHER.sub("-", letters.lower()).strip("-")[:MAX_NAME].strip("-")
