"""The words by which a video is found, without case and accents."""

import unicodedata
from collections.abc import Sequence
from typing import TypedDict


class SearchWords(TypedDict):
    """What a video's column `search` holds; each value as `plain_text` writes it.

    Attributes:
        text: title, file name, competition and names of teams, a line each.
        competition: alone, to be compared as a whole; null if there is none.
        teams: names of teams.
    """

    text: str
    competition: str | None
    teams: list[str]


def plain_text(text: str) -> str:
    """Write a text as it is compared: without case, accents and further spaces.

    It is done here and not in Postgres, whose `lower` depends on the locale that the
    database was made with, and which strips accents by an extension alone.
    """
    letters = unicodedata.normalize("NFKD", text.casefold())
    kept = "".join(one for one in letters if not unicodedata.combining(one))
    return " ".join(kept.split())


def words_of(
    *,
    title: str | None,
    filename: str | None,
    competition: str | None,
    teams: Sequence[str],
) -> SearchWords:
    """Gather the words of a video."""
    lines = [title, filename, competition, *teams]
    return SearchWords(
        text="\n".join(plain_text(line) for line in lines if line),
        competition=plain_text(competition) if competition else None,
        teams=[plain_text(team) for team in teams],
    )
