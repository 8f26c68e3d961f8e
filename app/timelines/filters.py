"""Filters that no event can pass are refused, with what could be asked for."""

from collections.abc import Collection, Sequence

from app.core.errors import UnknownType
from app.core.storage.interface import Storage
from app.timelines.problems import UnknownTeam
from app.timelines.spotting_options import labels_of
from app.timelines.tables import Analysis


def check_types(
    types: Sequence[str],
    analysis: Analysis | None,
    storage: Storage,
    *,
    in_use: Collection[str] = (),
) -> None:
    """Refuse a filter no event can pass.

    Args:
        in_use: types that people gave to events, or that the project names.

    Raises:
        UnknownType: neither the model that ran nor a person knows such a type.
        ScoresNotFound: the file that names the types is gone.
    """
    counted = {} if analysis is None else analysis.event_counts
    if set(types) <= {*counted, *in_use}:
        return
    known = () if analysis is None else labels_of(analysis, storage)
    known = (*known, *sorted(set(in_use) - set(known)))
    unknown = [label for label in types if label not in known]
    if unknown:
        told = f"are {', '.join(known)}" if known else "are not known yet"
        raise UnknownType(
            f"No event is of type {', '.join(map(repr, unknown))}; "
            f"the types of this timeline {told}.",
            types=list(known),
        )


def check_teams(
    teams: Sequence[str],
    analysis: Analysis | None,
    *,
    in_use: Collection[str] = (),
) -> None:
    """Refuse a filter no event can pass.

    Args:
        in_use: teams that people gave to events.

    Raises:
        UnknownTeam: neither the model that ran nor a person tells such a team.
    """
    told_apart = () if analysis is None else analysis.teams
    known = (*told_apart, *sorted(set(in_use) - set(told_apart)))
    unknown = [team for team in teams if team not in known]
    if unknown:
        told = f"are {', '.join(known)}" if known else "are not told by its model"
        raise UnknownTeam(
            f"No event is of the team {', '.join(map(repr, unknown))}; "
            f"the teams of this timeline {told}.",
            teams=list(known),
        )
