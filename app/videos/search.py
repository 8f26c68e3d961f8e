"""Which videos of the library are wanted: by words, match facts and dates."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, func

from app.videos.search_words import plain_text
from app.videos.tables import Video


@dataclass(frozen=True, slots=True)
class VideoFilter:
    """What is asked for; None or "" asks for nothing. Case and accents do not matter.

    Attributes:
        words: each of them, divided by spaces, is part of the title, file name,
            competition or a team's name.
        competition: the whole name.
        team: the whole name of one of the teams.
        from_date, to_date: of the match, both included; a video without a date is on
            none.
        sha256: of the file, in hexadecimal.
    """

    words: str | None = None
    competition: str | None = None
    team: str | None = None
    from_date: date | None = None
    to_date: date | None = None
    sha256: str | None = None

    def conditions(self) -> Iterator[ColumnElement[bool]]:
        """Write what a row must hold."""
        for word in plain_text(self.words or "").split():
            yield _TEXT.contains(word, autoescape=True)
        if self.competition:
            yield Video.search["competition"].astext == plain_text(self.competition)
        if self.team:
            yield Video.search["teams"].contains([plain_text(self.team)])
        if self.from_date is not None:
            yield Video.played_on >= self.from_date
        if self.to_date is not None:
            yield Video.played_on <= self.to_date
        if self.sha256:
            yield Video.sha256 == self.sha256.lower()


# The second is for rows that code of the release before adds during an upgrade.
_TEXT = func.coalesce(
    Video.search["text"].astext,
    func.lower(func.concat_ws("\n", Video.title, Video.filename)),
)
