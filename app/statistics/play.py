"""What statistics are made of: events of teams, in halves with a match clock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Moment:
    """An event of a match.

    Attributes:
        label: its type.
        time_s: from the start of the video.
        team: as it is to be called; None: not known.
    """

    id: UUID
    label: str
    time_s: float
    team: str | None = None


@dataclass(frozen=True, slots=True)
class Half:
    """A stretch of play; a video whose halves are not known is one, without a number.

    Attributes:
        number: from 1; None: the whole video.
        start_s: of the kick-off, in the video; included.
        end_s: not included, but in the last one.
        clock_start_s: what the match clock shows at the start; None: there is none.
    """

    number: int | None
    start_s: float
    end_s: float
    clock_start_s: float | None = None

    @property
    def minutes(self) -> float:
        """How long it is."""
        return (self.end_s - self.start_s) / 60


def halves_of(facts: Sequence[Mapping[str, Any]] | None, *, end_s: float) -> list[Half]:
    """Give the stretches of play of a video, by time.

    A half without an end lasts until the next one, or the video's end. The clock
    starts at 0, and goes on in later halves where the one before ended, unless the
    facts say otherwise.

    Args:
        facts: a video's `halves`; see `HalfFacts`.
        end_s: of the video, or of its last event where its length is not known.
    """
    if not facts:
        return [Half(None, 0.0, end_s)]
    found: list[Half] = []
    clock_s = 0.0
    for index, half in enumerate(facts):
        start_s = float(half["start_s"])
        following = facts[index + 1 :]
        until_s = following[0]["start_s"] if following else end_s
        stop_s = half["end_s"] if half["end_s"] is not None else until_s
        stop_s = max(start_s, min(float(stop_s), end_s))
        given = half["clock_start_s"]
        clock_s = clock_s if given is None else given
        found.append(Half(index + 1, start_s, stop_s, clock_s))
        clock_s += stop_s - start_s
    return found


def half_at(halves: Sequence[Half], time_s: float) -> Half | None:
    """Find the half that a time lies in; None: before, between or after them."""
    for half in reversed(halves):
        if time_s >= half.start_s:
            is_last = half is halves[-1]
            is_inside = time_s < half.end_s or (is_last and time_s == half.end_s)
            return half if is_inside else None
    return None


def team_names(facts: Sequence[Mapping[str, Any]] | None) -> dict[str, str]:
    """Tell how teams are to be called, by what events call them: a name, or a side."""
    names: dict[str, str] = {}
    for team in facts or ():
        for word in (team["side"], team["name"]):
            if word:
                names[word] = team["name"]
    return names


def swapped_names(facts: Sequence[Mapping[str, Any]] | None) -> dict[str, str]:
    """Tell the same for a half in which two teams have each other's side.

    Names stay what they are; so does a side that is not one of two.
    """
    names = team_names(facts)
    teams = list(facts or ())
    if len(teams) == 2 and teams[0]["side"] and teams[1]["side"]:
        for team, other in (teams, teams[::-1]):
            if team["side"] not in (teams[0]["name"], teams[1]["name"]):
                names[team["side"]] = other["name"]
    return names
