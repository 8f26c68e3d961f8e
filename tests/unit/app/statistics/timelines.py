"""Small timelines made by hand."""

from uuid import UUID

from app.statistics.play import Moment


def moments(*rows: tuple[float, str, str | None]) -> list[Moment]:
    """Make events of times, types and teams; their ids count from 0."""
    return [
        Moment(UUID(int=number), label, time_s, team)
        for number, (time_s, label, team) in enumerate(rows)
    ]
