"""Filters that no event can pass are refused, with what could be asked for."""

from collections.abc import Sequence

from app.core.errors import UnknownTeam, UnknownType
from app.core.storage.interface import Storage
from app.timelines.scores import stored_curves
from app.timelines.tables import Analysis


def check_types(types: Sequence[str], analysis: Analysis, storage: Storage) -> None:
    """Refuse a filter no event can pass.

    Raises:
        UnknownType: the model that ran knows no such type.
        ScoresNotFound: the file that names the types is gone.
    """
    if set(types) <= analysis.event_counts.keys():
        return
    known = stored_curves(analysis, storage).labels
    unknown = [label for label in types if label not in known]
    if unknown:
        raise UnknownType(
            f"No event is of type {', '.join(map(repr, unknown))}; "
            f"the types of this timeline are {', '.join(known)}.",
            types=list(known),
        )


def check_teams(teams: Sequence[str], analysis: Analysis) -> None:
    """Refuse a filter no event can pass.

    Raises:
        UnknownTeam: the model that ran tells no such team, or none at all.
    """
    known = analysis.teams
    unknown = [team for team in teams if team not in known]
    if unknown:
        told = f"are {', '.join(known)}" if known else "are not told by its model"
        raise UnknownTeam(
            f"No event is of the team {', '.join(map(repr, unknown))}; "
            f"the teams of this timeline {told}.",
            teams=list(known),
        )
