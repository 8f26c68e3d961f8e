"""Split one or two matches: far-apart stretches of them, not whole matches.

What is measured so is a match that training has seen: the same hall, light and shirts.
The split says so. Matches are split whole as soon as there are three.
"""

from collections.abc import Mapping, Sequence
from itertools import permutations

from model.data.formats.provenance import Span
from model.data.labels import Match, label_names
from model.data.splits import PARTS, SHARES, Split
from model.errors import BadAnnotations

GAP_S = 10.0
"""At least so much is left out between two parts that come from one stretch."""

GAP_SHARE = 0.05
NOTE = (
    "Fewer than three matches: the parts are far-apart stretches of the same ones. "
    "Measures tell how well the network knows these matches, not how well it does on "
    "another one, where it will be worse. Review a third match to know that."
)


def split_stretches(
    matches: Sequence[Match], *, shares: tuple[float, float, float] = SHARES
) -> Split:
    """Split the reviewed stretches of matches, each match by its own time.

    Of all orders of the parts the one is taken in which training has every label, and
    the parts come nearest to their share of each. A part whose share is 0 gets nothing.

    Raises:
        BadAnnotations: a match does not say what is reviewed, or there is too little.
    """
    wanted = {part: one for part, one in zip(PARTS, shares, strict=True) if one}
    candidates = [_in_order(matches, order, wanted) for order in permutations(wanted)]
    best = min(candidates, key=lambda split: _loss(split, matches, shares))
    empty = [part for part in wanted if not best.parts[part]]
    if empty:
        raise BadAnnotations(
            f"too little is reviewed to split it: nothing is left for "
            f"{', '.join(empty)}. Review more of the match, or another one."
        )
    return best


def _in_order(
    matches: Sequence[Match], order: Sequence[str], shares: Mapping[str, float]
) -> Split:
    """Give each part its share of each match's reviewed time, one after the other."""
    stretches: dict[str, dict[str, tuple[Span, ...]]] = {part: {} for part in PARTS}
    for match in matches:
        if match.labels.reviewed is None:
            raise BadAnnotations(f"{match.name} does not say which stretches count.")
        total_s = sum(end - start for start, end in match.labels.reviewed)
        gap_s = min(GAP_S, GAP_SHARE * total_s)
        begun = 0.0
        for part in order:
            edges = begun * total_s, (begun + shares[part]) * total_s
            begun += shares[part]
            first_s = edges[0] + (gap_s / 2 if part != order[0] else 0)
            last_s = edges[1] - (gap_s / 2 if part != order[-1] else 0)
            if spans := _between(match.labels.reviewed, first_s, last_s):
                stretches[part][match.name] = spans
    parts = {part: tuple(sorted(stretches[part])) for part in PARTS}
    return Split(parts, stretches, NOTE)


def _between(spans: Sequence[Span], first_s: float, last_s: float) -> tuple[Span, ...]:
    """Cut spans by time that only they count, to the millisecond."""
    found = []
    passed_s = 0.0
    for start, end in spans:
        low = round(start + max(0.0, first_s - passed_s), 3)
        high = round(min(end, start + last_s - passed_s), 3)
        if low < high:
            found.append((low, high))
        passed_s += end - start
    return tuple(found)


def _loss(split: Split, matches: Sequence[Match], shares: Sequence[float]) -> float:
    """Tell how far the parts are from their shares; what training lacks counts most."""
    names = label_names(matches)
    counts = {
        part: [
            event.label
            for match in split.take(matches, part)
            for event in match.labels.events
        ]
        for part in PARTS
    }
    loss = 0.0
    for name in names:
        total = max(1, sum(labels.count(name) for labels in counts.values()))
        got = [counts[part].count(name) / total for part in PARTS]
        loss += sum((a - b) ** 2 for a, b in zip(got, shares, strict=True))
        loss += 100 * (not got[0] and any(got))
    return loss
