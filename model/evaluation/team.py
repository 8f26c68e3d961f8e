"""Whether the right side is named: SoccerNet's team AP, and accuracy over hits.

Keeps away from torch.
"""

from collections.abc import Sequence

from model.evaluation.matching import pair_by_score
from model.evaluation.metrics import LabelledMatch, soccernet_ap


def sides_of(matches: Sequence[LabelledMatch]) -> tuple[str, ...]:
    """Name the sides that events belong to."""
    found = {
        team for match in matches for teams in match.teams.values() for team in teams
    }
    return tuple(sorted(team for team in found if team is not None))


def team_ap(
    matches: Sequence[LabelledMatch], label: str, *, delta_s: float = 1.0
) -> float:
    """Give SoccerNet's AP of a label where a hit must name the right side, too.

    The AP of each side by itself, weighted by how many events it has. NaN where no
    event has a side, or no spot.

    Source: SoccerNet's team ball action spotting, evaluation/score.py
    (`compute_amAP` with `event_team`): Team mAP@1 is the mean over the labels.
    """
    if not _names_sides(matches):
        return float("nan")
    weighted = total = 0.0
    for side in sides_of(matches):
        of_side = [_of_side(match, label, side) for match in matches]
        events = sum(len(match.events[label]) for match in of_side)
        weighted += events * soccernet_ap(of_side, label, delta_s=delta_s)
        total += events
    return weighted / total if total else float("nan")


def team_hits(
    matches: Sequence[LabelledMatch], label: str, *, tolerance_s: float
) -> tuple[int, int]:
    """Count the hits whose event has a side, and those of them that name it."""
    known = right = 0
    for match in matches:
        spots, teams = match.spots.get(label, ()), match.teams.get(label, ())
        pairing = pair_by_score(
            spots, match.events.get(label, ()), tolerance_s=tolerance_s
        )
        for spot, event in zip(spots, pairing.event_of.tolist(), strict=True):
            if event >= 0 and teams and teams[event] is not None and spot.team:
                known += 1
                right += spot.team == teams[event]
    return known, right


def _names_sides(matches: Sequence[LabelledMatch]) -> bool:
    return any(
        spot.team
        for match in matches
        for spots in match.spots.values()
        for spot in spots
    )


def _of_side(match: LabelledMatch, label: str, side: str) -> LabelledMatch:
    """Keep what one side did of one label."""
    spots = [spot for spot in match.spots.get(label, ()) if spot.team == side]
    events = match.events.get(label, ())
    teams = match.teams.get(label) or [None] * len(events)
    own = [at for at, team in zip(events, teams, strict=True) if team == side]
    return LabelledMatch(match.name, {label: spots}, {label: own})
