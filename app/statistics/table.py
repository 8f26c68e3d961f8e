"""All statistics of a match as one table, for spreadsheets."""

import csv
import io
from collections.abc import Collection, Iterable, Sequence

from app.statistics.compare import Comparison
from app.statistics.match import MatchStatistics
from app.statistics.sequences import PASSES, Chain, count_labels
from model.data.formats.provenance import KEY, Provenance, cell_of
from model.data.formats.spreadsheets import safe_text

COLUMNS = ("statistic", "half", "from_s", "to_s", "team", "type", "value")
COMPARED = ("this", "other")


def to_table(
    match: MatchStatistics,
    compared: Sequence[Comparison] = (),
    *,
    passes: Collection[str] = PASSES,
    provenance: Sequence[Provenance] = (),
) -> str:
    """Write a line for each figure (RFC 4180); cells that do not apply are empty.

    Args:
        passes: types, in upper or lower case.
        compared: figures of two matches; `statistic` ends in `:this` or `:other`.
        provenance: where the events of the matches come from; it stands in a last
            column, each in a row of its own from the first on.

    Raises:
        CannotWrite: a spreadsheet would cut the provenance off.
    """
    table = io.StringIO(newline="")
    writer = csv.writer(table)
    told = [cell_of(one) for one in provenance]
    writer.writerow((*COLUMNS, KEY) if told else COLUMNS)
    rows = [*_rows(match, passes), *_compared_rows(compared)]
    for number, row in enumerate(rows):
        last = (told[number] if number < len(told) else "",) if told else ()
        writer.writerow([*map(_cell, row), *last])
    return table.getvalue()


def _compared_rows(compared: Sequence[Comparison]) -> Iterable[tuple[object, ...]]:
    for one in compared:
        for which, value in zip(COMPARED, (one.this, one.other), strict=True):
            yield (f"{one.name}:{which}", None, None, None, None, one.label, value)


def _rows(
    match: MatchStatistics, passes: Collection[str]
) -> Iterable[tuple[object, ...]]:
    for one in match.counts:
        yield ("events", one.half, None, None, one.team, one.label, one.count)
    for each in match.bins:
        place = (each.half, each.from_s, each.to_s)
        if not each.counts:
            yield ("events_in_bin", *place, None, None, 0)
        for one in each.counts:
            yield ("events_in_bin", *place, one.team, one.label, one.count)
    for tempo in match.tempo:
        half = (tempo.half, None, None)
        yield ("minutes", *half, None, None, tempo.minutes)
        yield ("events_per_minute", *half, None, None, tempo.per_minute)
        for team, count in tempo.teams:
            yield ("events_per_minute", *half, team, None, tempo.rate(count))
    for before in match.before_shots:
        shot = before.shot
        row = (before.half, shot.time_s, shot.time_s, shot.team, shot.label)
        yield ("passes_before_shot", *row, before.passes)
    mean = (None, None, None, None, None, match.mean_passes)
    yield ("mean_passes_before_shot", *mean)
    for chain in match.longest:
        yield from _sequence_rows(chain, "sequence", passes)
    for chain in match.longest_of:
        yield from _sequence_rows(chain, "longest_of_team", passes)


def _sequence_rows(
    chain: Chain, name: str, passes: Collection[str]
) -> Iterable[tuple[object, ...]]:
    stretch = (chain.half, chain.from_s, chain.to_s, chain.team, None)
    yield (name, *stretch, len(chain.moments))
    yield (f"passes_in_{name}", *stretch, count_labels(chain, passes))


def _cell(value: object) -> object:
    """Write a number as short as it is exact to the millisecond; None is empty."""
    if value is None:
        return ""
    if isinstance(value, str):
        return safe_text(value)
    return f"{value:.3f}" if isinstance(value, float) else value
